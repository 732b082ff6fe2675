"""Earlier requests about the same person that ended without a certificate, as a plan names them.

- Each request spends an alpha of its own, so whoever asks again and again passes by chance one day:
  how often it was tried before is fixed in the ledger with the plan, and stands in the certificate.
- An attempt counts from the entry of its staged model, whatever became of it: from there on seeds
  and trials are fixed, so that it could be measured.
- The same person is whoever has the same id; two ids of one person cannot be told apart.

Source: design.md, section 4; docs/adr/0012-earlier-requests-are-counted.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from govsdk.govern.entries import RequestEntries
from govsdk.govern.job import Stage, jobs_of
from govsdk.records import EarlierRequest
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting


def earlier_requests(run: Forgetting) -> list[EarlierRequest]:
    """Return those that came as far as a plan, in the ledger's order."""
    return [found for _, found in sorted(_earlier(run), key=lambda each: each[0])]


def _earlier(run: Forgetting) -> Iterator[tuple[int, EarlierRequest]]:
    for job in jobs_of(run.workspace.places.jobs, run.reference):
        other = job.state
        if other.request == run.request:
            continue
        entries = RequestEntries(run.workspace, other.request)
        if other.stage is Stage.CERTIFIED or entries.predicate(Kind.PLAN) is None:
            continue
        yield (
            entries.envelope(Kind.PLAN)[1].index,
            EarlierRequest(plan=entries.payload_digest(Kind.PLAN), attempts=entries.attempts()),
        )
