from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.certify.receipts import receipt, receipt_bytes
from tests.evidence import RECEIPT_KEY, SUBJECT, TEMPLATES, certificate_in, keys
from tests.unit.cli.conftest import Govsdk
from tests.withdrawals import certify_in


@dataclass(frozen=True)
class Kit:
    """What an auditor was handed."""

    certificate: Path
    pinned: list[str]
    model: Path
    receipt: Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    content, model = certificate_in(tmp_path)
    files = {
        "certificate.sigstore.json": content,
        "signer.pub.pem": keys().certificate.public_pem,
        "log.vkey": keys().log.vkey.encode() + b"\n",
        "receipt.json": receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES)),
    }
    paths = [tmp_path / name for name in files]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    pinned = ["--key", str(paths[1]), "--log-key", str(paths[2])]
    return Kit(paths[0], pinned, model, paths[3])


def test_an_honest_certificate_passes(govsdk: Govsdk, kit: Kit) -> None:
    """One line per check, the verdict with policy and bound, exit code 0."""
    more = ("--model", kit.model, "--receipt", kit.receipt)
    answer = govsdk("verify", kit.certificate, *kit.pinned, *more)
    report = govsdk("verify", kit.certificate, *kit.pinned, *more, "--json").json
    assert answer.code == 0
    assert "FORGOTTEN (quickstart: < 5 %)" in answer.out
    assert (report["verdict"], report["headline"]) == ("FORGOTTEN", "FORGOTTEN (quickstart: < 5 %)")
    assert all(check["name"] in answer.out for check in report["checks"])


def test_a_changed_certificate_fails(govsdk: Govsdk, kit: Kit) -> None:
    """A signature that does not hold: exit code 5, and no verdict is shown."""
    content = bytearray(kit.certificate.read_bytes())
    middle = content.index(b'"sig":"') + 40
    content[middle] = ord("A") if content[middle] != ord("A") else ord("B")
    kit.certificate.write_bytes(content)
    answer = govsdk("verify", kit.certificate, *kit.pinned)
    assert answer.code == 5
    assert "FORGOTTEN" not in answer.out
    assert "do not rely on it" in answer.out


def test_a_changed_model_fails(govsdk: Govsdk, kit: Kit) -> None:
    """The certificate is about these bytes and no others: exit code 5; it holds all the same."""
    (kit.model / "added.txt").write_text("one file more")
    answer = govsdk("verify", kit.certificate, *kit.pinned, "--model", kit.model)
    assert answer.code == 5
    assert "the certificate holds, but is not about the model of --model" in answer.out


def test_a_receipt_of_somebody_else_says_nothing_against_the_certificate(
    govsdk: Govsdk, kit: Kit
) -> None:
    """Exit code 5; a damaged certificate beside it does not hold, whatever the receipt."""
    kit.receipt.write_bytes(receipt_bytes(receipt(RECEIPT_KEY, "somebody", TEMPLATES)))
    call = ("verify", kit.certificate, *kit.pinned, "--receipt", kit.receipt)
    answer = govsdk(*call)
    assert answer.code == 5
    assert "holds, but does not belong to the receipt of --receipt" in answer.out
    kit.certificate.write_bytes(kit.certificate.read_bytes().replace(b'"logIndex"', b'"logindex"'))
    assert "the certificate does not hold" in govsdk(*call).out


def test_what_is_no_certificate_is_malformed_input(govsdk: Govsdk, kit: Kit) -> None:
    """Exit code 2: the file was wrong, nothing was examined."""
    kit.certificate.write_text("<html>not found</html>")
    assert govsdk("verify", kit.certificate, *kit.pinned).code == 2


def test_a_file_that_is_not_there_is_missing(govsdk: Govsdk, kit: Kit) -> None:
    """Exit code 7."""
    kit.certificate.unlink()
    assert govsdk("verify", kit.certificate, *kit.pinned).code == 7


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        (("--timestamp", "FILE"), "--timestamp-ca"),
        (("--timestamp-ca", "FILE"), "--timestamp"),
        (("--quorum", "2"), "--witness"),
        (("--proof", "FILE"), "--witness"),
        (("--reproduction", "FILE"), "--auditor-key"),
    ],
)
def test_nothing_that_was_given_is_passed_over(
    govsdk: Govsdk, kit: Kit, given: tuple[str, str], needed: str
) -> None:
    """An option without the one it needs is a usage error that names it, never NOT EVALUATED."""
    option, value = given
    file = kit.certificate if value == "FILE" else value
    answer = govsdk("verify", kit.certificate, *kit.pinned, option, file, "--json")

    assert answer.code == 2
    assert needed in answer.json["hint"].split()


def test_verify_works_without_the_extras(kit: Kit) -> None:
    """With torch, faiss, duckdb and the rest impossible to import, the check still passes."""
    script = (
        "import sys\n"
        "for name in ('torch', 'faiss', 'duckdb', 'onnxruntime', 'diffusers', 'transformers',"
        " 'insightface', 'PIL', 'cv2', 'pyrage'):\n"
        "    sys.modules[name] = None\n"
        "from govsdk.cli.main import main; main(sys.argv[1:])\n"
    )
    arguments = ["verify", str(kit.certificate), *kit.pinned, "--model", str(kit.model)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_certificate_is_shown_from_its_file_or_by_its_request(
    govsdk: Govsdk, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file needs no workspace; the first characters of the request do."""
    keys = KeyProvider.from_folder(place / "keys")
    workspace, request = Workspace.open(place / "workspace", keys=keys), "ab" * 32
    certify_in(workspace, request)
    file = workspace.certificate_path(request)
    shown = govsdk("cert", "show", file, "--json")

    assert govsdk("cert", "show", "abab", "--json").json == shown.json
    assert shown.json["predicate"]["verdict"] == "FORGOTTEN"
    monkeypatch.delenv("GOVSDK_WORKSPACE")
    assert govsdk("cert", "show", file, "--json").json == shown.json
    assert govsdk("cert", "show", "abab").code == 7
