"""Which requests were begun: for an operator who has lost one, or whom one is in the way of.

- A job knows its person by an HMAC alone. Whoever is still enrolled is recognised by it; of the
  others nothing can be said.
- A request id cannot be told from its name either: whoever lost it can only give the request up.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from govsdk.govern.job import Stage, jobs_of
from govsdk.ports import SubjectId
from govsdk.records import Instant, Sha256

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


@dataclass(frozen=True)
class RequestSummary:
    """One line of the list of requests; a private record, never logged or signed."""

    request: Sha256
    """Its name in the ledger (an HMAC of the request id)."""
    subject: SubjectId | None = field(repr=False)
    """Whom it is about; None where they are enrolled no more."""
    policy: str
    """The policy's name."""
    received_at: Instant
    due_on: str
    """By when it is to be answered, ``YYYY-MM-DD``: see ``due_on``."""
    stage: Stage
    """How far it has come."""

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.stage.terminal


def due_on(received_at: Instant) -> str:
    """Return the day, in UTC, with which the month to answer a request ends, ``YYYY-MM-DD``.

    The same date a month on, or the month's last day where it has no such date. It is derived from
    what the ledger has, and stored nowhere: from when govsdk took the request, where the law counts
    from the day it reached the controller. A weekend or a holiday, which would move it on, and an
    extension are not reckoned with.

    Source: GDPR, Art. 12(3); Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c).
    """
    received = date.fromisoformat(received_at[:10])
    years, month = divmod(received.month, 12)
    year = received.year + years
    return date(year, month + 1, min(received.day, monthrange(year, month + 1)[1])).isoformat()


def requests_begun(workspace: Workspace, *, ended: bool) -> list[RequestSummary]:
    """Return every request that was begun, oldest first; those that have ended only if asked."""
    enrolled = {workspace.reference(each.subject): each.subject for each in workspace.subjects()}
    found = [
        RequestSummary(
            request=job.state.request,
            subject=enrolled.get(job.state.subject_reference),
            policy=job.state.policy,
            received_at=job.state.received_at,
            due_on=due_on(job.state.received_at),
            stage=job.state.stage,
        )
        for job in jobs_of(workspace.places.jobs)
        if ended or not job.state.stage.terminal
    ]
    return sorted(found, key=lambda each: (each.received_at, each.request))
