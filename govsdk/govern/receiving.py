"""Which call begins a request, which one goes on with it, and which one is in another's way.

- A request is the id, the person and the policy, to the digest: a changed policy file is another
  request. The policy that it began with stays in the job's folder, so that it can always go on.
- A request that was planned is carried to its end before the next one begins.
"""

from __future__ import annotations

from pathlib import Path

from govsdk.durable import write_file
from govsdk.errors import ConflictError, PolicyError, RequestConflictError, SubjectExistsError
from govsdk.govern.job import Job, Stage, jobs_of
from govsdk.policy import Policy
from govsdk.records import Sha256

POLICY = "policy.yaml"
"""The job's file of the policy that it began with, as `govsdk policy show` prints it."""


def keep_policy(folder: Path, policy: Policy) -> None:
    """Put the policy into the job's folder: the file it was read from may change at any time."""
    write_file(folder / POLICY, policy.text().encode())


def require_same(job: Job, *, fingerprint: Sha256, subject: Sha256, policy: Policy) -> None:
    """Accept a call that asks for what ``job`` was begun for.

    Args:
        subject: The reference by which jobs name the person.

    Raises:
        RequestConflictError: It asks for something else; where only the policy differs, the hint
            names the file to pass.
    """
    if job.state.fingerprint == fingerprint:
        return
    kept = _kept_policy(job.folder)
    if job.state.subject_reference != subject or kept is None:
        raise RequestConflictError()
    raise RequestConflictError(
        "the policy changed since the request began, "
        f"its digest was {kept.digest} and is {policy.digest}",
        hint=f"pass {job.folder / POLICY} as the policy: that is the one it began with; or give a "
        "new request id for a new request",
        began=kept.digest,
        given=policy.digest,
    )


def require_no_other(jobs: Path, *, subject: Sha256, enrolled: bool) -> None:
    """Accept a new request about ``subject``, as jobs name the person.

    Raises:
        SubjectExistsError: They were forgotten under another request, and not enrolled since.
        ConflictError: Another request is under way, or one about them was begun.
    """
    for other in jobs_of(jobs):
        same, named = other.state.subject_reference == subject, other.state.request[:16]
        if same and other.state.stage is Stage.CERTIFIED and not enrolled:
            raise SubjectExistsError(
                "forgotten before, under another request",
                hint=f"nothing is left to forget: `govsdk cert show {named}` shows the certificate",
                request=named,
            )
        if other.under_way or (same and not other.state.stage.terminal):
            raise ConflictError(
                "another request is under way",
                hint="carry it to its end first: make its call again, under its own request id "
                f"and the policy that {other.folder / POLICY} keeps, or give it up with "
                "`govsdk abandon`; `govsdk requests` says whom it is about",
                request=named,
            )


def _kept_policy(folder: Path) -> Policy | None:
    """Return the policy that a job began with; None where an older govsdk kept none."""
    try:
        return Policy.load(folder / POLICY)
    except PolicyError:
        return None
