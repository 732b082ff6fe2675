"""Exports: the log as a folder to hand to auditors or as lines, and the ledger rebuilt from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from govsdk.durable import PUBLIC, disk_error, remove_tree, sync_folder, write_file, write_stream
from govsdk.errors import ConflictError, LedgerRollbackError
from govsdk.ledger.audit import audit
from govsdk.ledger.cosigned import adopt, with_cosignatures
from govsdk.ledger.entries import rows_of
from govsdk.ledger.journal import JOURNAL, Journal, require_fits
from govsdk.ledger.ledger import ROWS, Ledger, LedgerKeys
from govsdk.ledger.public_log import CHECKPOINT, PublicLog, read_checkpoint
from govsdk.ledger.rows import DuckRows
from govsdk.ledger.tiles import WIDTH, pack_envelopes, tiles_of
from govsdk.ledger.writer import LOG
from govsdk.tlog.checkpoints import SignedCheckpoint
from govsdk.tlog.key_events import Signers
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey


def export(
    log_folder: Path, target: Path, *, log_vkey: str, lines: Path | None = None
) -> SignedCheckpoint:
    """Copy the log in ``log_folder``, as of its present head, to the new folder ``target``.

    The copy is a C2SP tlog-tiles folder with the signed envelopes beside; ``audit`` accepts it.
    Its checkpoint carries the cosignatures that were kept of this head. Appends may go on
    meanwhile.

    Args:
        lines: A file for all envelopes, oldest first, one a line (JSON Lines): for tools that want
            one file. It holds no proofs; what shows that it is whole is ``target``.

    Raises:
        ConflictError: ``target`` is not empty or no folder, or ``lines`` is there already or lies
            in it.
        MissingError: There is no log in ``log_folder``.
        BackendError: What is in ``target`` cannot be seen.
    """
    _require_empty(target)
    if lines is not None and lines.exists():
        raise ConflictError("the file to write the entries to exists")
    if lines is not None and lines.resolve().is_relative_to(target.resolve()):
        raise ConflictError("an export holds the files of its head and no others")
    key = VerifierKey.parse(log_vkey)
    head = read_checkpoint(log_folder, key)
    log = PublicLog(log_folder, head.size)
    for tile in tiles_of(head.size):
        write_file(target / tile.path, log.exactly(tile), mode=PUBLIC)
    note = with_cosignatures(log_folder, head, key)
    write_file(target / CHECKPOINT, note.encode(), mode=PUBLIC)
    if lines is not None:
        bundles = range(-(-head.size // WIDTH))
        write_stream(lines, (pack_envelopes(log.envelopes(n)) for n in bundles), mode=PUBLIC)
    return head


def restore(
    source: Path,
    folder: Path,
    *,
    keys: LedgerKeys,
    anchors: Sequence[Path] = (),
    overlapping: Sequence[PublicKey] = (),
) -> Ledger:
    """Return the ledger rebuilt in ``folder`` from the log in ``source``, audited first.

    ``source`` may be an export or the ``log`` folder of ``folder`` itself, whose database was lost.
    Where what was lost is the writer's journal alone, it is made anew and the database kept: the
    opening compares the two. What witnesses added to the head of ``source`` is kept where their
    lines lie, not in the head.

    Raises:
        ConflictError: ``folder`` still has a database and a journal; move the database away first.
        LedgerRollbackError: ``source`` is older than what ``folder`` or an anchor had committed.
        EvidenceError, IntegrityError: ``source`` does not pass the audit.
    """
    log_vkey, signer = keys.log.vkey, PublicKey.from_pem(keys.certificate.public_pem)
    kept = (folder / ROWS).exists()
    if kept and (folder / JOURNAL).exists():
        raise ConflictError(
            "the ledger to restore still has a database",
            hint="it is in use, nothing was lost; one that is damaged is moved away first",
        )
    report = audit(source, key_pem=keys.certificate.public_pem, log_vkey=log_vkey)
    report.require()
    _require_newest(folder / LOG, report.size, log_vkey)
    key = VerifierKey.parse(log_vkey)
    head = read_checkpoint(source, key)
    own = replace(head, note=head.own_note)
    require_fits(own)
    if not kept:
        _rebuild(source, folder, own, signer)
    adopt(folder / LOG, head, key)
    if not (folder / JOURNAL).exists():
        Journal.create(folder / JOURNAL, own)
    return Ledger.open(folder, keys=keys, anchors=anchors, overlapping=overlapping)


def _require_empty(target: Path) -> None:
    try:
        if target.exists() and any(target.iterdir()):
            raise ConflictError("the folder to export to is not empty")
    except NotADirectoryError as cause:
        raise ConflictError("what is to be exported to is no folder") from cause
    except OSError as cause:
        raise disk_error(cause, "looking into the folder to export to") from cause


def _rebuild(source: Path, folder: Path, head: SignedCheckpoint, signer: PublicKey) -> None:
    """Put the rows of the audited log in ``source``, and the log's head, into ``folder``."""
    log = PublicLog(source, head.size)
    unfinished = folder / f".{ROWS}.restoring"
    unfinished.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    with DuckRows.create(unfinished) as rows:
        signers = Signers(signer, log.entries).all
        for number in range(-(-head.size // WIDTH)):
            rows.insert(rows_of(log.envelopes(number), *signers), first=number * WIDTH)
    if source.resolve() != (folder / LOG).resolve():
        remove_tree(folder / LOG)
        write_file(folder / LOG / CHECKPOINT, head.note.encode(), mode=PUBLIC)
    # Into the new database DuckDB would replay what the lost one left behind.
    (folder / f"{ROWS}.wal").unlink(missing_ok=True)
    sync_folder(folder)
    unfinished.replace(folder / ROWS)
    sync_folder(folder)


def _require_newest(log_folder: Path, size: int, log_vkey: str) -> None:
    heads, key = [], VerifierKey.parse(log_vkey)
    if (log_folder / CHECKPOINT).exists():
        heads.append(read_checkpoint(log_folder, key))
    if (log_folder.parent / JOURNAL).exists():
        with Journal.open(log_folder.parent / JOURNAL, key) as file:
            heads.append(file.read().committed)
    signed = max((head.size for head in heads), default=0)
    if signed > size:
        raise LedgerRollbackError(f"{size} of {signed}", rows=size, signed=signed)
