"""Every vector gets the verdict and the reason that stand in its file."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from govsdk.certify.check import check
from govsdk.certify.reproductions import Attached
from govsdk.certify.standing import Held
from govsdk.certify.timestamps import Timestamping
from govsdk.certify.witnesses import Witnessing
from govsdk.errors import GovsdkError
from govsdk.ledger import audit
from govsdk.ledger.view import ExportedLog
from govsdk.ledger.witness import Witness
from govsdk.policy import Policy
from govsdk.tlog.findings import Finding, Status
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from tests.vectors.build import FOLDER, PINNED, built
from tests.vectors.form import content
from tests.vectors.world import SEEN, WITNESS

NAMES = sorted(path.stem for path in FOLDER.glob("*.json") if path.name != PINNED)
KEYS = json.loads((FOLDER / PINNED).read_text())


def said_of(vector: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what govsdk says of the inputs."""
    run = {"certificate": certificate_findings, "log": log_findings, "offer": offer_findings}
    try:
        failed = [f for f in run[vector["kind"]](vector["inputs"], folder) if f.error]
    except GovsdkError as error:
        return {"ok": False, "check": "", "reason": error.code}
    first = failed[0] if failed else Finding(0, "", Status.PASS)
    return {"ok": not failed, "check": first.name, "reason": first.reason}


def certificate_findings(inputs: dict[str, Any], folder: Path) -> tuple[Finding, ...]:
    proof = content(inputs["proof"]) if "proof" in inputs else None
    witnesses = None
    if "witnesses" in inputs:
        witnesses = Witnessing.parse(inputs["witnesses"], quorum=inputs["quorum"], proof=proof)
    return check(
        content(inputs["certificate"]),
        key_pem=KEYS["key"].encode(),
        log_vkey=KEYS["logKey"],
        held=held(inputs, folder),
        model=written(inputs["model"], folder) if "model" in inputs else None,
        receipt=content(inputs["receipt"]) if "receipt" in inputs else None,
        witnesses=witnesses,
        attached=attached(inputs),
        timestamp=stamped(inputs, proof),
    ).findings


def held(inputs: dict[str, Any], folder: Path) -> Held:
    view = policy = None
    if "ledger" in inputs:
        key = PublicKey.from_pem(KEYS["key"].encode())
        log_key = VerifierKey.parse(KEYS["logKey"])
        view = ExportedLog(written(inputs["ledger"], folder), key=key, log_key=log_key)
    if "policy" in inputs:
        (folder / "policy.yaml").write_bytes(content(inputs["policy"]))
        policy = Policy.load(folder / "policy.yaml")
    return Held(view, content(inputs["since"]) if "since" in inputs else None, policy)


def attached(inputs: dict[str, Any]) -> Attached | None:
    if "reproduction" not in inputs:
        return None
    auditor = PublicKey.from_pem(content(inputs["auditorKey"]))
    return Attached(content(inputs["reproduction"]), auditor)


def stamped(inputs: dict[str, Any], proof: bytes | None) -> Timestamping | None:
    if "timestamp" not in inputs:
        return None
    return Timestamping(content(inputs["timestamp"]), content(inputs["timestampCa"]), proof)


def log_findings(inputs: dict[str, Any], folder: Path) -> tuple[Finding, ...]:
    return audit(
        written(inputs["files"], folder),
        key_pem=KEYS["key"].encode(),
        log_vkey=KEYS["logKey"],
        checkpoints=[content(each) for each in inputs.get("checkpoints", ())],
    ).findings


def offer_findings(inputs: dict[str, Any], folder: Path) -> tuple[Finding, ...]:
    """Show a witness the head that it has last, if any, then the offer."""
    witness, log = Witness(folder / "witness", WITNESS), VerifierKey.parse(KEYS["logKey"])
    last = content(inputs["last"])
    if last:
        witness.cosign(b"old 0\n\n" + last, log, seconds=SEEN)
    witness.cosign(content(inputs["offer"]), log, seconds=SEEN)
    return ()


def written(files: dict[str, Any], folder: Path) -> Path:
    for name, given in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(given))
    return folder / "files"


@pytest.mark.parametrize("name", NAMES)
def test_vector(name: str, tmp_path: Path) -> None:
    """The verdict is the one in the file."""
    vector = json.loads((FOLDER / f"{name}.json").read_text())

    assert said_of(vector, tmp_path) == vector["expected"], vector["description"]


def test_building_again_changes_nothing() -> None:
    """The files are what ``make vectors`` writes, each of them, byte for byte."""
    files = built()

    assert sorted(files) == sorted([PINNED, *(f"{name}.json" for name in NAMES)])
    assert all((FOLDER / name).read_text() == text for name, text in files.items())


def test_there_are_honest_ones_of_each_kind() -> None:
    """A verifier that refuses everything does not pass."""
    vectors = [json.loads((FOLDER / f"{name}.json").read_text()) for name in NAMES]

    assert {each["kind"] for each in vectors if each["expected"]["ok"]} == {
        "certificate",
        "log",
        "offer",
    }
    assert sum(not each["expected"]["ok"] for each in vectors) >= 100


def test_each_check_has_a_lie_and_an_honest_one() -> None:
    """Of the numbered checks of a certificate, none goes without being seen to pass and to fail."""
    passed, failed, every = set(), set(), set()
    for name in NAMES:
        vector = json.loads((FOLDER / f"{name}.json").read_text())
        if vector["kind"] != "certificate":
            continue
        failed.add(vector["expected"]["check"])
        if vector["expected"]["ok"]:
            folder = Path(mkdtemp())
            found = certificate_findings(vector["inputs"], folder)
            every |= {each.name for each in found}
            passed |= {each.name for each in found if each.status is Status.PASS}

    assert len(every) == 17
    assert passed == every == failed - {""}
