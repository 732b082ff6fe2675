"""Whom no later edit can be screened for, and what becomes of their certificates.

- Nobody can be looked for of whom nothing is kept: under ``residuals: none``, after expiry, where a
  file was lost, or where a recogniser that judged them was replaced. The screen says how many such
  people there are.
- The next version is published without a look at them, so their certificates lapse with it. What
  lapsed before, when its residual was swept, is not said twice.

Source: design.md, section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govsdk.certify.revocations import Lapse
from govsdk.govern.entries import RequestEntries
from govsdk.govern.events import log
from govsdk.govern.residuals import RESIDUAL, open_residual, was_forgotten
from govsdk.govern.withdrawing import is_withdrawn
from govsdk.records import Resource, Sha256, instant
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace

UNSCREENED = "unscreened"
"""The part of a request's entries under which its certificate lapses here."""


def unscreened(workspace: Workspace) -> list[Sha256]:
    """Return the requests of people forgotten earlier, not withdrawn, whom nobody can look for."""
    return [
        request
        for request in workspace.certificates()
        if was_forgotten(workspace, request)
        and not is_withdrawn(workspace, request)
        and not _can_be_screened(workspace, request)
    ]


def _can_be_screened(workspace: Workspace, request: Sha256) -> bool:
    person = open_residual(workspace, request)
    return person is not None and person.screenable


def lapse_unscreened(workspace: Workspace, published: Resource) -> None:
    """Let the certificates lapse of everybody for whom ``published`` could not be screened.

    Idempotent: each lapses once, with the first version that was published so.
    """
    for request in unscreened(workspace):
        entries = RequestEntries(workspace, request)
        if any(entries.predicate(Kind.ERASURE, part=part) for part in (RESIDUAL, UNSCREENED)):
            continue
        certificate = workspace.certificate(request)
        said = Lapse(
            certificate=certificate.leaf,
            request=request,
            expired_at=instant(workspace.clock()),
            unscreened_model=published,
        )
        model = certificate.says.model_after
        entries.append(Kind.ERASURE, model, said.public(), part=UNSCREENED)
        log.info("govsdk.certificate.lapsed", request=request[:16])
