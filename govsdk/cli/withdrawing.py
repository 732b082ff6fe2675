"""``cert revoke`` and ``cert supersede``: certificates that no longer stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from govsdk.certify.revocations import Reason
from govsdk.cli.naming import Request, full_name
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.tables import fields
from govsdk.cli.verb import Answer, Verb

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace
    from govsdk.records import Position


def cert_revoke(
    request: Request,
    reason: Annotated[
        Reason, typer.Option(help="Why: one of these words, so that no entry can name a person.")
    ],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Withdraw a certificate for ever; `verify --ledger` reports it as valid but revoked."""
    opened = open_workspace(workspace, keys)
    name = full_name(request, opened.certificates())
    return _withdrawn(opened, name, opened.revoke(name, reason.value))


def cert_supersede(
    request: Request,
    by: Annotated[str, typer.Option(help="The request whose later certificate takes its place.")],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Withdraw a certificate in favour of a later one."""
    opened = open_workspace(workspace, keys)
    known = opened.certificates()
    name = full_name(request, known)
    return _withdrawn(opened, name, opened.supersede(name, full_name(by, known)))


def _withdrawn(workspace: Workspace, request: str, position: Position) -> Answer:
    """Say what the ledger says: of two withdrawals of one certificate, the first counts."""
    from govsdk.govern.withdrawing import withdrawn_for

    data = {
        "request": request,
        "reason": withdrawn_for(workspace, request),
        "entry": position.index,
    }
    return Answer(data, fields(data))


VERBS: dict[str, Verb] = {"revoke": cert_revoke, "supersede": cert_supersede}
"""Of ``cert``."""
