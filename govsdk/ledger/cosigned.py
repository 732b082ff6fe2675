"""Cosigned heads: what is offered to witnesses, and what they sent back.

Heads that witnesses cosigned lie in ``cosignatures/<size>.txt`` beside the log's folder: the note
with their lines added. They are kept apart from the log, which is complete without them. Some
may be from before the log's key was replaced: they are held against the log, not against its key.
No line that was kept is lost, whoever else keeps one at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from govsdk.durable import PUBLIC, disk_error, locked, write_file
from govsdk.errors import LedgerForkError, LedgerRollbackError, RequestError, SignatureError
from govsdk.ledger.public_log import PublicLog, read_checkpoint
from govsdk.records import Position
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint, remembered_checkpoint
from govsdk.tlog.cosignatures import WitnessKey, merged, witnesses_of
from govsdk.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from govsdk.tlog.notes import VerifierKey, key_ids
from govsdk.tlog.witnessing import Offer

COSIGNATURES = "cosignatures"
_LOCK = ".lock"


def offer(log_folder: Path, log: VerifierKey, *, since: int) -> bytes:
    """Return the file by which a witness that last saw ``since`` entries can cosign the head.

    Raises:
        RequestError: The log has not had so many entries.
        MissingError: There is no log in ``log_folder``.
    """
    head = read_checkpoint(log_folder, log)
    if not 0 <= since <= head.size:
        raise RequestError(f"the log has {head.size} entries, not {since}")
    node = PublicLog(log_folder, head.size).node
    proof = consistency_proof(since, head.size, node) if since else []
    if since:
        verify_consistency(since, head.size, proof, root_of(since, node), head.root)
    return Offer(since, tuple(proof), head.note.encode()).to_bytes()


def keep(
    log_folder: Path, cosigned: bytes, log: VerifierKey, witnesses: Sequence[WitnessKey]
) -> SignedCheckpoint:
    """Store the cosigned head ``cosigned``, joined with what other witnesses sent of it.

    Raises:
        MalformedEvidenceError, SignatureError: Not a head of this log, or none of ``witnesses``
            cosigned it.
        LedgerRollbackError, LedgerForkError: A head that the log in ``log_folder`` does not have.
        LockedError: Another process is storing one (retryable).
    """
    head = remembered_checkpoint(cosigned, log.name)
    if not witnesses_of(cosigned, witnesses):
        raise SignatureError("no pinned witness cosigned this head", reason="quorum")
    present = read_checkpoint(log_folder, log)
    signed_by = key_ids(cosigned, log.name)
    if not signed_by or log.key_id in signed_by:
        open_checkpoint(cosigned, log)
    _require_inside(log_folder, present, head)
    # The log's own lines come first, also those that the witness could not verify.
    own = present.note if present.size == head.size else head.note
    return _join(log_folder, replace(head, note=merged(own, head.note)), log)


def adopt(log_folder: Path, head: SignedCheckpoint, log: VerifierKey) -> None:
    """Store the witnesses' lines that ``head``, an export's and one of this log's, came with.

    Not checked: that they are witnesses'. Whoever pinned some will see.

    Raises:
        LockedError: Another process is storing one (retryable).
    """
    if head.note != head.own_note:
        _join(log_folder, head, log)


def _join(log_folder: Path, head: SignedCheckpoint, log: VerifierKey) -> SignedCheckpoint:
    """Store ``head`` with the lines that were kept of it, and return that."""
    path = _place(log_folder) / f"{head.size}.txt"
    with locked(path.with_name(_LOCK)):
        whole = replace(head, note=with_cosignatures(log_folder, head, log))
        write_file(path, whole.note.encode(), mode=PUBLIC)
    return whole


def newest(log_folder: Path, log: VerifierKey) -> SignedCheckpoint | None:
    """Return the largest cosigned head that was kept, not yet held against the log."""
    found = _place(log_folder).glob("*.txt")
    sizes = [int(path.stem) for path in found if path.stem.isdecimal()]
    return _read(_place(log_folder) / f"{max(sizes)}.txt", log) if sizes else None


def with_cosignatures(log_folder: Path, head: SignedCheckpoint, log: VerifierKey) -> str:
    """Return ``head``'s note, with the lines of the witnesses that cosigned it."""
    path = _place(log_folder) / f"{head.size}.txt"
    return merged(head.note, _read(path, log).note) if path.exists() else head.note


def prove(log_folder: Path, index: int, log: VerifierKey) -> Position:
    """Return the place of entry ``index`` under the newest cosigned head that covers it, else
    under the present head.

    Raises:
        RequestError: There is no such entry.
        ProofError: The log's files do not lead to the signed head.
        LedgerRollbackError, LedgerForkError: The log does not have the head that was cosigned.
    """
    head = read_checkpoint(log_folder, log)
    cosigned = newest(log_folder, log)
    if cosigned is not None and index < cosigned.size:
        _require_inside(log_folder, head, cosigned)
        head = cosigned
    if not 0 <= index < head.size:
        raise RequestError(f"no entry {index}: the ledger has {head.size}")
    node = PublicLog(log_folder, head.size).node
    leaf, proof = node(0, index), inclusion_proof(index, head.size, node)
    verify_inclusion(leaf, index, head.size, proof, head.root)
    return Position(
        index=index,
        leaf_hash=leaf.hex(),
        tree_size=head.size,
        inclusion=tuple(each.hex() for each in proof),
        checkpoint=head.note,
    )


def _require_inside(log_folder: Path, present: SignedCheckpoint, head: SignedCheckpoint) -> None:
    """Accept ``head`` if it is one that the log, as of the ``present`` one, once had."""
    if head.size > present.size:
        raise LedgerRollbackError(rows=present.size, signed=head.size, reason="rollback")
    node = PublicLog(log_folder, present.size).node
    root = root_of(head.size, node)
    if root != head.root:
        raise LedgerForkError(f"at {head.size} entries", reason="fork", size=head.size)
    if head.size:
        proof = consistency_proof(head.size, present.size, node)
        verify_consistency(head.size, present.size, proof, root, present.root)


def _place(log_folder: Path) -> Path:
    return log_folder.parent / COSIGNATURES


def _read(path: Path, log: VerifierKey) -> SignedCheckpoint:
    try:
        return remembered_checkpoint(path.read_bytes(), log.name)
    except OSError as cause:
        raise disk_error(cause, "reading a cosigned head") from cause
