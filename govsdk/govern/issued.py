"""Which certificates were issued, by the ledger: their files are copies, and can be lost.

- Nothing is believed before every entry makes its leaf and the leaves lead to the signed head: a
  file that somebody removed or replaced, in ``certificates/`` or in the ledger, hides nobody.
- Each entry is read once per process; what was appended since is read when it is next asked.
- Of a lost file the content is made again; one that says something else than the ledger is an
  error. Nothing is written here: a dry run reads certificates, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.certify.bundles import certificate as bundle
from govsdk.certify.bundles import parse_bundle
from govsdk.durable import read_file
from govsdk.errors import (
    DigestMismatchError,
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    MalformedEvidenceError,
    RequestError,
)
from govsdk.ledger.public_log import PublicLog
from govsdk.ledger.tiles import WIDTH
from govsdk.records import Sha256
from govsdk.tlog.envelopes import Envelope, parse_envelope
from govsdk.tlog.leaves import key_in, leaf_of
from govsdk.tlog.merkle import Frontier, leaf_hash
from govsdk.tlog.statements import Kind, parse_statement

if TYPE_CHECKING:
    from govsdk.govern.parts import Parts

_TYPE = Kind.CERTIFICATE.predicate_type.encode()
_NAME = f"/{Kind.CERTIFICATE}"


@dataclass(frozen=True)
class Issued:
    """A certificate as the ledger has it."""

    envelope: Envelope
    leaf: bytes
    index: int


class IssuedCertificates:
    """The certificates that a workspace's ledger holds, by request."""

    def __init__(self, workspace: Parts) -> None:
        self._workspace = workspace
        self._tree = Frontier()
        self._found: dict[Sha256, Issued] = {}

    def requests(self) -> list[Sha256]:
        """Return the requests that ended with a certificate.

        Raises:
            IntegrityError: The ledger's files do not lead to its signed head.
        """
        self._catch_up()
        return sorted(self._found)

    def find(self, request: Sha256) -> Issued | None:
        """Return the certificate of ``request``; None if none was issued."""
        self._catch_up()
        return self._found.get(request)

    def _catch_up(self) -> None:
        """Read what was appended since the last look, and believe it if it leads to the head."""
        ledger = self._workspace.ledger
        head = ledger.head()
        if head.size < self._tree.size:
            raise LedgerRollbackError("entries that were read before are gone", rows=head.size)
        public, tree, found = PublicLog(ledger.log_folder, head.size), self._tree.copy(), {}
        for number in range(tree.size // WIDTH, -(-head.size // WIDTH)):
            entries = list(zip(public.leaves(number), public.envelopes(number), strict=True))
            for leaf, data in entries[tree.size - number * WIDTH :]:
                envelope = _made(leaf, data)
                if _TYPE in envelope.payload:
                    said = parse_statement(envelope.payload)
                    if said.kind is Kind.CERTIFICATE:
                        request = said.once.removesuffix(_NAME)
                        found[request] = Issued(envelope, leaf, tree.size)
                tree.append(leaf_hash(leaf))
        if tree.root() != head.root:
            raise IntegrityError("the ledger's entries do not lead to its signed head")
        self._tree = tree
        self._found |= found


def certificate_file(workspace: Parts, request: Sha256, path: Path) -> bytes:
    """Return the certificate of ``request``, made again if its file ``path`` was lost.

    Raises:
        RequestError: None was issued.
        MalformedEvidenceError, DigestMismatchError: The file is not what the ledger has;
            ``facts["request"]`` says whose it is.
        IntegrityError: The ledger's files do not lead to its signed head.
    """
    issued = workspace.issued.find(request)
    if issued is None:
        raise RequestError("no certificate was issued for that request")
    kept = read_file(path, "reading a certificate")
    if kept is not None:
        _require_issued(kept, request, issued)
        return kept
    return _made_again(workspace, request, issued)


def _made(leaf: bytes, data: bytes) -> Envelope:
    """Return the envelope that ``data`` spells, if it makes ``leaf``."""
    try:
        envelope = parse_envelope(data)
        whole = leaf_of(envelope, key_in(leaf)) == leaf
    except MalformedEvidenceError as cause:
        raise LedgerForkError("what stands there is no entry") from cause
    if not whole:
        raise LedgerForkError("an entry is not what its envelope makes")
    return envelope


def _made_again(workspace: Parts, request: Sha256, issued: Issued) -> bytes:
    found = workspace.ledger.find(f"{request}{_NAME}")
    if found is None or found[1].index != issued.index:
        raise IntegrityError("the ledger's rows do not know a certificate that its log holds")
    # Its leaf names the key that signed it, which may have been replaced since.
    signer = key_in(issued.leaf).pem
    return bundle(*found, signer_pem=signer, log_vkey=workspace.log_vkey)


def _require_issued(kept: bytes, request: Sha256, issued: Issued) -> None:
    """Accept a file with the very entry of the ledger; its head may be of an older log key."""
    named = {"request": request[:16]}
    advice = (
        "keep a copy, then write it anew from the ledger: remove it from certificates/, and save "
        "it there with `govsdk cert save`"
    )
    try:
        found = parse_bundle(kept)
    except MalformedEvidenceError as error:
        detail = f"the certificate of request {request[:16]}: {error.detail}"
        raise MalformedEvidenceError(detail, hint=advice, **{**error.facts, **named}) from error
    if Issued(found.envelope, found.leaf, found.index) != issued:
        raise DigestMismatchError(
            f"the certificate of request {request[:16]} is not the one that the ledger has",
            hint=advice,
            **named,
        )
