"""Withdrawing a certificate: an entry that names it by its leaf, for every later verifier to find.

- Idempotent: a certificate is withdrawn once; what was signed first counts.
- The certificate file stays as it is, genuine for ever: that it was withdrawn stands in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govsdk.certify.revocations import LeafReference, Reason, Revocation, lapse_in, revocation_in
from govsdk.errors import RequestError
from govsdk.govern.entries import RequestEntries
from govsdk.govern.events import log
from govsdk.records import Position, Sha256, instant
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.statements import Kind, parse_statement

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


def revoke(workspace: Workspace, request: str, reason: Reason) -> Position:
    """Withdraw the certificate of ``request``; return where the ledger says so.

    Raises:
        RequestError: There is no such certificate, or the reason is ``superseded`` (see there).
    """
    if reason is Reason.SUPERSEDED:
        raise RequestError(
            "a superseded certificate names its successor",
            hint="`govsdk cert supersede REQUEST --by LATER`",
        )
    return _withdraw(workspace, request, reason, None)


def reason_of(word: str) -> Reason:
    """Return the reason that ``word`` spells.

    Raises:
        RequestError: There is no such reason.
    """
    try:
        return Reason(word)
    except ValueError as cause:
        raise RequestError(f"a reason is one of {', '.join(Reason)}") from cause


def supersede(workspace: Workspace, request: str, by: str) -> Position:
    """Withdraw the certificate of ``request`` in favour of the later one of the request ``by``.

    Raises:
        RequestError: There is no such certificate, or ``by`` is not the later one.
    """
    old, new = workspace.certificate(request).leaf, workspace.certificate(by).leaf
    if new.index <= old.index:
        raise RequestError("a certificate is superseded by a later one")
    return _withdraw(workspace, request, Reason.SUPERSEDED, new)


def withdrawn_for(workspace: Workspace, request: str) -> Reason | None:
    """Return why the certificate of ``request`` was revoked or superseded; None if it was not."""
    said = RequestEntries(workspace, request).predicate(Kind.REVOCATION)
    return None if said is None else Reason(said["reason"])


def is_withdrawn(workspace: Workspace, request: str) -> bool:
    """Return whether the certificate of ``request`` was revoked or superseded."""
    return withdrawn_for(workspace, request) is not None


def came_back(workspace: Workspace, request: str) -> bool:
    """Return whether the certificate of ``request`` was revoked because its subject came back."""
    return withdrawn_for(workspace, request) is Reason.SUBJECT_CAME_BACK


def standings(workspace: Workspace) -> dict[Sha256, str]:
    """Return what later entries say of certificates, by leaf hash; most stand and are not there."""
    found: dict[Sha256, str] = {}
    for envelope in workspace.ledger.entries():
        statement = parse_statement(parse_envelope(envelope).payload)
        revoked, lapsed = revocation_in(statement), lapse_in(statement)
        if revoked is not None:
            superseded = revoked.reason is Reason.SUPERSEDED
            word = "superseded" if superseded else f"revoked: {revoked.reason}"
            found[revoked.certificate.leaf_hash] = word
        elif lapsed is not None:
            found.setdefault(lapsed.certificate.leaf_hash, lapsed.why.partition(":")[0])
    return found


def _withdraw(
    workspace: Workspace, request: str, reason: Reason, successor: LeafReference | None
) -> Position:
    certificate = workspace.certificate(request)
    said = Revocation(
        reason=reason,
        certificate=certificate.leaf,
        successor=successor,
        request=request,
        revoked_at=instant(workspace.clock()),
    )
    position = RequestEntries(workspace, request).append(
        Kind.REVOCATION, certificate.says.model_after, said.public()
    )
    recorded = withdrawn_for(workspace, request)
    assert recorded is not None, "just appended, or before: then perhaps for another reason"
    log.info("govsdk.certificate.withdrawn", request=request[:16], reason=recorded.value)
    return position
