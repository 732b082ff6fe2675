"""docs/auditing.md, walked from top to bottom by an auditor with the files it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.certify.revocations import Reason
from govsdk.certify.statements import Kind
from govsdk.records import Resource
from tests.evidence import bundle_of, forgetting, keys, ledger_of
from tests.interop.conftest import hand_over
from tests.interop.pages import blocks, require
from tests.recorded import issue_in
from tests.withdrawals import append, exported, reference_to, revocation_of

WALK = blocks("auditing.md")
ELSEWHERE = blocks("verify_elsewhere.md")
AFTER = Resource(name="generator-v1", sha256="b" * 64)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The auditor's folder: what was handed over, and the exports of several days."""
    operator, desk = tmp_path_factory.mktemp("operator"), tmp_path_factory.mktemp("desk")
    ledger = ledger_of(operator / "ledger", 1)
    exported(operator / "ledger", desk / "ledger-shortened")
    signed, position = issue_in(ledger, forgetting(AFTER), keys().certificate)
    certificate = bundle_of(signed, position)
    hand_over(certificate, desk)
    (desk / "checkpoint.txt").write_text(position.checkpoint)
    exported(operator / "ledger", desk / "ledger")
    revocation = revocation_of(reference_to(certificate), Reason.MEASUREMENT_WRONG)
    append(operator / "ledger", Kind.REVOCATION, revocation)
    exported(operator / "ledger", desk / "ledger-later")
    ledger_of(operator / "forked", 5)
    exported(operator / "forked", desk / "ledger-forked")
    return desk


@pytest.mark.parametrize("step", WALK)
def test_each_step_ends_as_the_page_says(step: str, desk: Path) -> None:
    """Acceptance and refusals alike, by exit code and by what is printed."""
    if step == "stripped":
        require(WALK["strip"], desk)
    require(WALK[step], desk)


@pytest.mark.parametrize("tool", ["openssl", "proofbundle"])
def test_programs_of_others_agree(tool: str, desk: Path) -> None:
    """Step 3 on the same certificate."""
    require(ELSEWHERE["unpack"], desk)
    require(ELSEWHERE[tool], desk)


@pytest.mark.slow
def test_sigstore_agrees(desk: Path, node_modules: Path) -> None:
    """Step 3, the program that comes from npm."""
    (desk / "node_modules").symlink_to(node_modules)
    for name in ("trusted-root", "sigstore"):
        require(ELSEWHERE[name], desk)


def test_openssl_alone_would_accept_the_stripped_copy(desk: Path) -> None:
    """What step 4 says: the signature is as good as before, so one program is not enough."""
    certificate, stripped = desk / "certificate.sigstore.json", desk / "stripped.sigstore.json"
    require(WALK["strip"], desk)
    honest = certificate.read_bytes()
    certificate.write_bytes(stripped.read_bytes())
    try:
        for name in ("unpack", "openssl"):
            require(ELSEWHERE[name], desk)
    finally:
        certificate.write_bytes(honest)


def test_the_walk_covers_what_it_promises() -> None:
    """Three ways of lying that an auditor must notice, and the control for each."""
    refused = [name for name, block in WALK.items() if block.code]
    assert refused == ["stripped", "revoked", "forked", "rolled-back"]
    assert {"verify", "audit", "standing", "fork-unseen"} <= WALK.keys()
