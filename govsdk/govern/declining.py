"""How a request ends without anything published: it is logged, and nothing of the edit is kept.

- By its verdict, or because the controller gives it up: one that can never be carried to its end
  (its policy's settings fail, say) would keep every other request waiting.
- A request is marked as given up before anything is undone, so a killed ``abandon`` can only be
  carried on: no edit goes on from there.
- What was published cannot be taken back, nor what was erased: from then on there is only forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from govsdk.errors import ConflictError, RequestError, UnknownSubjectError
from govsdk.govern.entries import RequestEntries
from govsdk.govern.events import log
from govsdk.govern.job import Job, Stage, jobs_of
from govsdk.ports import SubjectId
from govsdk.records import Verdict, instant
from govsdk.registry import require_subject
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


def decline(workspace: Workspace, subject: SubjectId, job: Job, said: Mapping[str, object]) -> None:
    """End ``job`` with the refusal ``said``, and restrict the subject if they are still there."""
    with suppress(UnknownSubjectError):  # destroyed meanwhile, as damaged: nobody is left to find
        workspace.registry.restrict(subject)
    RequestEntries(workspace, job.state.request).append(
        Kind.REFUSAL,
        workspace.line.current().resource,
        {**said, "refusedAt": instant(workspace.clock())},
    )
    for attempt in range(job.state.attempt + 1):
        workspace.line.discard(workspace.staging(job.state.request, attempt))
    job.drop_private()
    job.advance(Stage.DECLINED)


def abandon(workspace: Workspace, subject: SubjectId) -> None:
    """Give up the request about ``subject`` that was begun and did not end.

    Raises:
        RequestError: There is none.
        ConflictError: Its model is published, or there was nothing to forget and only erasure is
            left: the request's own call can end it.
        LockedError: A call is working on it, or on another request.
    """
    require_subject(subject)
    with workspace.editing():
        job = _open_job(workspace, subject)
        job.advance(abandoned=True)
        attempts = RequestEntries(workspace, job.state.request).attempts()
        decline(workspace, subject, job, {"reason": "abandoned", "attempts": attempts})
        log.info("govsdk.forget.abandoned", request=job.state.request[:16])


def _open_job(workspace: Workspace, subject: SubjectId) -> Job:
    for job in jobs_of(workspace.places.jobs, workspace.reference(subject)):
        if not job.state.stage.terminal:
            if _only_forward(workspace, job):
                raise ConflictError(
                    "the request's model is published, or there is nothing to forget",
                    hint="make the request's call again: what is left is erasure and certificate",
                )
            return job
    raise RequestError(
        "no request about that subject is under way",
        hint="`govsdk requests` lists those that are, and whom they are about",
    )


def _only_forward(workspace: Workspace, job: Job) -> bool:
    """Whether the request's model is a version of the line, or its erasure may have begun."""
    before, now = job.state.model_before, workspace.line.current()
    if job.reached(Stage.PUBLISHED) or (before is not None and before != now.resource):
        return True
    if job.state.verdict is Verdict.FORGOTTEN:  # killed between the folder's move and the pointer's
        staged = workspace.staging(job.state.request, job.state.attempt)
        return not staged.exists() and max(workspace.line.versions()) > now.number
    return job.state.verdict is Verdict.NOTHING_TO_FORGET
