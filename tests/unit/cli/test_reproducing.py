"""``audit reproduce`` and ``screen``: what is refused before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Govsdk


@pytest.fixture
def call(place: Path, tmp_path: Path) -> list[object]:
    """A call of `audit reproduce` whose files are not there yet."""
    keys = place / "workspace" / "keys"
    return [
        *("audit", "reproduce", tmp_path / "certificate", "--model", tmp_path / "model"),
        *("--evidence", tmp_path / "evidence", "--identity", tmp_path / "identity"),
        *("--key", keys / "signer.pub.pem", "--log-key", keys / "log.vkey"),
        *("--state", tmp_path / "own"),
    ]


def test_an_auditor_keeps_the_passphrase_apart(
    govsdk: Govsdk, call: list[object], tmp_path: Path
) -> None:
    """In the folder of the key it opens it would protect nothing: a usage error, and no key."""
    answer = govsdk(*call, "--passphrases", tmp_path / "own" / "secrets")

    assert answer.code == 2
    assert not (tmp_path / "own").exists()


def test_a_place_for_the_statement_is_looked_at_first(
    govsdk: Govsdk, call: list[object], tmp_path: Path
) -> None:
    """Hours of measuring come later; not even the auditor's key is made."""
    (tmp_path / "file").write_text("")
    passphrases = ("--passphrases", tmp_path / "apart")
    answer = govsdk(*call, *passphrases, "--out", tmp_path / "file", "--json")
    assert (answer.code, answer.json["error"]) == (2, "usage.request")
    assert not (tmp_path / "own").exists()
    assert govsdk(*call, *passphrases, "--out", tmp_path / "new", "--json").code == 7


def test_a_missing_file_is_named(govsdk: Govsdk, call: list[object], tmp_path: Path) -> None:
    """Exit code 7; the auditor's key was made and is used again by the next call."""
    for _ in range(2):
        answer = govsdk(*call, "--passphrases", tmp_path / "apart", "--json")
        assert (answer.code, answer.json["error"]) == (7, "missing")
        pem = (tmp_path / "own" / "auditor.pub.pem").read_bytes()

    assert pem == (tmp_path / "own" / "auditor.pub.pem").read_bytes()
    assert (tmp_path / "own" / "auditor.key.pem").stat().st_mode & 0o077 == 0


def test_an_auditor_s_key_that_everybody_can_read_is_refused(
    govsdk: Govsdk, call: list[object], tmp_path: Path
) -> None:
    """Although it is encrypted; made safe again, the call gets to the files that are missing."""
    apart, key = ("--passphrases", tmp_path / "apart"), tmp_path / "own" / "auditor.key.pem"
    assert govsdk(*call, *apart, "--json").json["error"] == "missing"
    key.chmod(0o644)

    assert govsdk(*call, *apart, "--json").json["error"] == "usage.key"
    key.chmod(0o600)
    assert govsdk(*call, *apart, "--json").json["error"] == "missing"


def test_something_that_is_no_certificate_is_malformed(
    govsdk: Govsdk, call: list[object], tmp_path: Path
) -> None:
    """Refused as evidence that cannot be read, before the models are looked at."""
    for name in ("certificate", "evidence", "identity"):
        (tmp_path / name).write_text("nothing")
    answer = govsdk(*call, "--passphrases", tmp_path / "apart", "--json")

    assert (answer.code, answer.json["error"]) == (5, "evidence.malformed")


def test_nobody_to_screen(govsdk: Govsdk, place: Path) -> None:
    """Without certificates nothing is measured and nobody came back."""
    answer = govsdk("screen", "--json")

    assert (answer.code, answer.json) == (0, [])


@pytest.mark.parametrize("lone", ["--reproduction", "--auditor-key"])
def test_a_reproduction_and_its_key_go_together(
    govsdk: Govsdk, place: Path, tmp_path: Path, lone: str
) -> None:
    """A statement without its auditor's key proves nothing: a usage error."""
    keys = place / "workspace" / "keys"
    (tmp_path / "certificate").write_text("nothing")
    pinned = ["--key", keys / "signer.pub.pem", "--log-key", keys / "log.vkey"]
    answer = govsdk("verify", tmp_path / "certificate", *pinned, lone, tmp_path / "certificate")

    assert answer.code == 2
    assert "go together" in answer.err
