"""Every vector gets the verdict and the reason that stand in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from govsdk.certify.check import check
from govsdk.certify.witnesses import Witnessing
from govsdk.errors import GovsdkError
from govsdk.ledger import audit
from govsdk.ledger.witness import Witness
from govsdk.tlog.findings import Finding, Status
from govsdk.tlog.notes import VerifierKey
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
        model=written(inputs["model"], folder) if "model" in inputs else None,
        receipt=content(inputs["receipt"]) if "receipt" in inputs else None,
        witnesses=witnesses,
    ).findings


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
