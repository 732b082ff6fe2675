"""Withdrawing a certificate: an entry that names it by its leaf, for every later verifier to find.

- Idempotent: a certificate is withdrawn once; what was signed first counts.
- The certificate file stays as it is, genuine for ever: that it was withdrawn stands in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govsdk.certify.bundles import parse_bundle
from govsdk.certify.revocations import LeafReference, Reason, Revocation
from govsdk.errors import RequestError
from govsdk.govern.entries import RequestEntries
from govsdk.govern.events import log
from govsdk.records import Position, Resource, instant
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.statements import Kind, parse_statement

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


def revoke(workspace: Workspace, request: str, reason: Reason) -> Position:
    """Withdraw the certificate of ``request``; return where the ledger says so.

    Raises:
        RequestError: There is no such certificate, or the reason is ``superseded`` (see there).
    """
    if reason is Reason.SUPERSEDED:
        raise RequestError("a superseded certificate names its successor")
    return _withdraw(workspace, request, reason, None)


def supersede(workspace: Workspace, request: str, by: str) -> Position:
    """Withdraw the certificate of ``request`` in favour of the later one of the request ``by``.

    Raises:
        RequestError: There is no such certificate, or ``by`` is not the later one.
    """
    old, new = reference(workspace, request), reference(workspace, by)
    if new.index <= old.index:
        raise RequestError("a certificate is superseded by a later one")
    return _withdraw(workspace, request, Reason.SUPERSEDED, new)


def reference(workspace: Workspace, request: str) -> LeafReference:
    """Return how the ledger's entries name the certificate of ``request``."""
    bundle = parse_bundle(workspace.certificate(request).content)
    return LeafReference(leaf_hash=leaf_hash(bundle.leaf).hex(), index=bundle.index)


def certified_model(workspace: Workspace, request: str) -> Resource:
    """Return the model that the certificate of ``request`` is about."""
    bundle = parse_bundle(workspace.certificate(request).content)
    return parse_statement(bundle.envelope.payload).subjects[0]


def _withdraw(
    workspace: Workspace, request: str, reason: Reason, successor: LeafReference | None
) -> Position:
    said = Revocation(
        reason=reason,
        certificate=reference(workspace, request),
        successor=successor,
        request=request,
        revoked_at=instant(workspace.clock()),
    )
    position = RequestEntries(workspace, request).append(
        Kind.REVOCATION, certified_model(workspace, request), said.public()
    )
    log.info("govsdk.certificate.withdrawn", request=request[:16], reason=reason.value)
    return position
