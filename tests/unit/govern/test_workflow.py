"""Which requests may begin, and what a killed one goes on from."""

from __future__ import annotations

from pathlib import Path

from govsdk import KeyProvider, Policy, Verdict, Workspace
from govsdk.govern.job import Job, JobState, Stage
from govsdk.govern.workflow import Forgetting
from govsdk.ports import SubjectId, silent
from govsdk.records import Resource, Verification
from govsdk.tlog.statements import Kind

MODEL = Resource(name="staged/0", sha256="5" * 64)
LONG_AGO = "2020-01-01T00:00:00Z"


def request(place: Path, subject: str, request_id: str | None = "r-1") -> Forgetting:
    """Return a request as it is called, or called again."""
    return Forgetting(
        Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys")),
        SubjectId(subject),
        Policy.load("quickstart"),
        request_id=request_id,
        receipt_to=None,
        progress=silent,
    )


def begun(run: Forgetting, stage: Stage) -> Forgetting:
    """Return ``run``, having come as far as ``stage``."""
    state = JobState(
        request=run.request,
        fingerprint=run.fingerprint,
        subject_reference=run.reference,
        policy=run.policy.name,
        received_at=LONG_AGO,
        stage=stage,
    )
    run.job = Job.begin(run.folder, state)
    return run


def verification() -> Verification:
    return Verification(
        attempt=1,
        verdict=Verdict.NOT_FORGOTTEN,
        claims=(),
        controls=(),
        thresholds={},
        seed_note="1" * 64,
        model=MODEL,
        harness="2" * 64,
    )


def test_killed_while_declining_it_is_declined_again(place: Path) -> None:
    """Its private plan is gone already: how many attempts there were stands in the ledger."""
    run = begun(request(place, "ada"), Stage.VERIFIED)
    run.entries.append(Kind.PLAN, MODEL, {"sealedCommitments": ["3" * 64]})
    run.entries.append(Kind.STAGED, MODEL, {}, part="0")
    run.entries.append(Kind.VERIFICATION, MODEL, verification().public(), part="0")

    assert run._edit_until_judged() is Verdict.NOT_FORGOTTEN
