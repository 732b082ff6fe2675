"""Sweeping: residuals are destroyed when their time is over, and the ledger says so.

- First the file is gone, durably, then the entry says it: no entry claims what is yet to be done.
- A sweep that was killed is carried on by the next: what is gone is not destroyed twice, what was
  not logged is logged.
- Only this workspace's copy is in reach: auditors who were given one must destroy theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from govsdk.certify.revocations import Lapse
from govsdk.durable import clear_leftovers, disk_error, sync_folder
from govsdk.govern.entries import RequestEntries
from govsdk.govern.events import log
from govsdk.govern.residuals import RESIDUAL, residual_path
from govsdk.records import Instant, Residual, Sha256, instant
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


@dataclass(frozen=True)
class Swept:
    """A residual whose time is over."""

    request: Sha256
    expired_at: Instant
    entry: int | None
    """Where the ledger says that it was destroyed; None in a dry run."""


def sweep(workspace: Workspace, *, dry_run: bool = False) -> list[Swept]:
    """Destroy every residual that expired, log it, and return those that this call dealt with.

    Raises:
        LockedError: An edit, which may need them, is under way (retryable).
        BackendError: A file cannot be removed; what was destroyed before it is logged.
    """
    if dry_run:
        return [Swept(request, expires, None) for request, expires, _ in _expired(workspace)]
    with workspace.editing():
        return [_destroy(workspace, *found) for found in _expired(workspace)]


def _expired(workspace: Workspace) -> Iterator[tuple[Sha256, Instant, Residual]]:
    now = workspace.clock()
    for request in workspace.certificates():
        for residual in workspace.certificate(request).says.residuals:
            expires = residual.expires_at
            if residual.name != RESIDUAL or expires is None or _moment(expires) > now:
                continue
            logged = RequestEntries(workspace, request).predicate(Kind.ERASURE, part=RESIDUAL)
            if logged is None or residual_path(workspace, request).exists():
                yield request, expires, residual


def _destroy(workspace: Workspace, request: Sha256, expires: Instant, residual: Residual) -> Swept:
    path = residual_path(workspace, request)
    try:
        path.unlink(missing_ok=True)
        if path.parent.exists():
            sync_folder(path.parent)
    except OSError as cause:
        raise disk_error(cause, "destroying a residual") from cause
    clear_leftovers(path)
    assert residual.sha256 is not None, "a sealed file is named by its digest"
    certificate = workspace.certificate(request)
    said = Lapse(
        residual=residual.sha256,
        certificate=certificate.leaf,
        request=request,
        expired_at=expires,
        destroyed_at=instant(workspace.clock()),
    )
    position = RequestEntries(workspace, request).append(
        Kind.ERASURE, certificate.says.model_after, said.public(), part=RESIDUAL
    )
    log.info("govsdk.evidence.swept", request=request[:16])
    return Swept(request, expires, position.index)


def _moment(text: Instant) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
