"""The journal: what the writer remembers between two commits of rows, and the head over them.

One file beside the database, of fixed length and written in place, so that remembering an entry
costs one sync that moves nothing on the disk. DuckDB's own log grows with each commit, which costs
a file system several times as much, and may lose its end unnoticed. The first sector holds the
head over the rows that DuckDB has committed; behind it lie the entries that were acknowledged
since, each with the head over it, until the rows are committed together.

- A disk writes a sector of 512 bytes whole or not at all. A head fits into one. An entry's sectors
  are blank before it is written and not after, so that a blank one tells of an append that died
  before it was acknowledged: the last one. Anything else is damage, and reported: another length, a
  changed byte, a whole entry behind one that is not. Only a last entry that was blanked goes
  unnoticed.
- The file has its full length from the beginning: a full disk does not stop it.
- One that is gone or damaged is reported; only a new ledger or a restored one gets another. It
  alone remembers what was acknowledged and not yet published.

Source: docs/formats/ledger-v1.md, section 3; docs/adr/0014.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from govsdk.durable import disk_error, write_file
from govsdk.errors import (
    EvidenceError,
    GovsdkError,
    IntegrityError,
    MalformedEvidenceError,
    StaleKeysError,
)
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.notes import VerifierKey

JOURNAL = "journal"
SECTOR = 512
LENGTH = 256 * SECTOR
LONGEST_ORIGIN = 80
"""So that a head fits into a sector, with the two signatures of a rotation and any size."""
_BEGIN = re.compile(rb"(\d{1,6}) (\d{1,6}) [0-9a-f]{8}\n")
_GONE = (
    "find out who removed it and put it back; `govsdk ledger restore` begins anew from the"
    " published head, and cannot know what was acknowledged after it"
)
_DAMAGED = "what the writer remembers of the ledger is damaged"
_MEND = (
    "find out what damaged the file `journal`; moved away, `govsdk ledger restore` begins anew from"
    " the published head, and what was acknowledged after it is lost"
)


@dataclass(frozen=True)
class Entry:
    """An envelope that was acknowledged, and the head over it."""

    head: SignedCheckpoint
    envelope: bytes


@dataclass(frozen=True)
class Remembered:
    """What a journal holds."""

    committed: SignedCheckpoint
    """The head over the rows that DuckDB has committed."""
    since: Sequence[Entry]
    """Acknowledged after it, in order."""
    clean: bool
    """Nothing lies behind the first sector, not even of an append that died."""

    @property
    def newest(self) -> SignedCheckpoint:
        """The head over all that was acknowledged."""
        return self.since[-1].head if self.since else self.committed


class Journal:
    """The file, open for the time of some appends."""

    def __init__(self, handle: int, key: VerifierKey) -> None:
        self._handle = handle
        self._key = key
        self._end = LENGTH
        """Where the next entry may lie: nowhere, until a commit cleared the file."""

    @staticmethod
    def create(path: Path, head: SignedCheckpoint) -> None:
        """Write the file anew, remembering ``head`` alone, which fits (``require_fits``)."""
        write_file(path, _first(head).ljust(LENGTH, b"\0"))

    @staticmethod
    @contextmanager
    def open(path: Path, key: VerifierKey) -> Iterator[Journal]:
        """Hold the file open for the block.

        Raises:
            IntegrityError: It is gone.
        """
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError as cause:
            raise IntegrityError("what the writer remembers is gone", hint=_GONE) from cause
        except OSError as cause:
            raise disk_error(cause, "opening the ledger's journal") from cause
        try:
            yield Journal(handle, key)
        finally:
            os.close(handle)

    def read(self) -> Remembered:
        """Return what the journal holds.

        Raises:
            IntegrityError: It is damaged, or holds a head that this ledger did not sign.
            StaleKeysError: It holds one of a newer log key.
        """
        try:
            content = os.pread(self._handle, LENGTH + 1, 0)
        except OSError as cause:
            raise disk_error(cause, "reading the ledger's journal") from cause
        if len(content) != LENGTH:
            raise _damaged()
        committed = self._head(content[:SECTOR].rstrip(b"\0"))
        # A commit makes its head durable before it clears the entries that are now rows.
        since = [each for each in self._entries(content) if each.head.size > committed.size]
        sizes = [each.head.size - committed.size for each in since]
        if sizes != list(range(1, len(since) + 1)):
            raise _damaged()
        clean = _blank(content[SECTOR:])
        self._end = SECTOR if clean else LENGTH
        return Remembered(committed, since, clean)

    def add(self, head: SignedCheckpoint, envelope: bytes) -> bool:
        """Remember ``envelope`` and the ``head`` over it, durably, if there is room.

        Returns:
            Whether there was; if not, nothing was written.
        """
        record = _record(head.note.encode(), envelope)
        if self._end + len(record) > LENGTH:
            return False
        self._write(record, self._end)
        self._end += len(record)
        return True

    def commit(self, head: SignedCheckpoint) -> None:
        """Remember ``head`` alone: all rows below it are committed."""
        self._write(_first(head), 0)
        if self._end > SECTOR:
            self._write(bytes(self._end - SECTOR), SECTOR)
        self._end = SECTOR

    def _write(self, data: bytes, place: int) -> None:
        try:
            if os.pwrite(self._handle, data, place) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._handle)
        except OSError as cause:
            raise disk_error(cause, "writing the ledger's journal") from cause

    def _head(self, note: bytes) -> SignedCheckpoint:
        try:
            return open_checkpoint(note, self._key)
        except EvidenceError as cause:
            raise not_ours(cause, _DAMAGED, hint=_MEND) from cause

    def _entries(self, content: bytes) -> Iterator[Entry]:
        """Yield every whole entry, rows already or not, until there is none."""
        place = SECTOR
        while place < LENGTH and (record := _record_at(content, place)):
            yield self._entry(record)
            place += len(record)
        if _blank(content[place:]):
            return
        for later in range(place + SECTOR, LENGTH, SECTOR):
            # What was torn when an append died, or a commit that cleared it, is no whole entry.
            with suppress(IntegrityError):
                if record := _record_at(content, later):
                    yield self._entry(record)

    def _entry(self, record: bytes) -> Entry:
        """Return the entry that was written as ``record``."""
        begin = _BEGIN.match(record)
        assert begin is not None, "found by its first line"
        middle = begin.end() + int(begin[1])
        note, envelope = record[begin.end() : middle], record[middle : middle + int(begin[2])]
        if record != _record(note, envelope):
            raise _damaged()
        return Entry(self._head(note), envelope)


def require_fits(head: SignedCheckpoint) -> None:
    """Accept ``head``, which comes from elsewhere, if a sector holds it.

    Raises:
        MalformedEvidenceError: It has more signatures in the log's name than the log gives.
    """
    if len(head.note.encode()) > SECTOR:
        raise MalformedEvidenceError("a head with too many signatures", reason="note")


def not_ours(cause: GovsdkError, said: str, *, hint: str | None = None) -> IntegrityError:
    """Return what it means that a head does not open: ``said``, or that our log key is old."""
    if cause.facts.get("other_key"):
        return StaleKeysError("the head is another log key's")
    return IntegrityError(said, hint=hint)


def _damaged() -> IntegrityError:
    return IntegrityError(_DAMAGED, hint=_MEND)


def _first(head: SignedCheckpoint) -> bytes:
    note = head.note.encode()
    assert len(note) <= SECTOR, "a ledger's name is short enough"
    return note.ljust(SECTOR, b"\0")


def _record(note: bytes, envelope: bytes) -> bytes:
    """Return an entry as it lies in the file: whole sectors, none of them blank."""
    data = _begin(len(note), len(envelope)) + note + envelope
    return data.ljust(_whole_sectors(len(data)), b"\n")


def _record_at(content: bytes, place: int) -> bytes:
    """Return the sectors of the entry that begins at ``place``; nothing if one of them is blank.

    Raises:
        IntegrityError: No entry begins there, or one that cannot have been written.
    """
    if _blank(content[place : place + SECTOR]):
        return b""
    begin = _BEGIN.match(content, place)
    if begin is None or begin[0] != _begin(int(begin[1]), int(begin[2])):
        raise _damaged()
    end = place + _whole_sectors(len(begin[0]) + int(begin[1]) + int(begin[2]))
    if end > LENGTH:
        raise _damaged()
    blank = any(_blank(content[at : at + SECTOR]) for at in range(place, end, SECTOR))
    return b"" if blank else content[place:end]


def _begin(note: int, envelope: int) -> bytes:
    """Return the line that an entry begins with: two lengths, and the CRC-32 of both.

    A length that was bent could make an entry look as if an append had died.
    """
    lengths = b"%d %d" % (note, envelope)
    return b"%s %08x\n" % (lengths, zlib.crc32(lengths))


def _blank(data: bytes) -> bool:
    return data == bytes(len(data))


def _whole_sectors(length: int) -> int:
    return -(-length // SECTOR) * SECTOR
