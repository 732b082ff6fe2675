"""The journal: what the writer remembers between two commits of rows, and the head over them.

One file beside the database, of fixed length and written in place, so that remembering an entry
costs one sync that moves nothing on the disk. DuckDB's own log grows with each commit, which costs
a file system several times as much, and may lose its end unnoticed. The first sector holds the
head over the rows that DuckDB has committed; behind it lie the entries that were acknowledged
since, each with the head over it, until the rows are committed together.

- A disk writes a sector of 512 bytes whole or not at all. A head fits into one. An entry's sectors
  were zero before and are not after, so one that still is tells of an append that died before it
  was acknowledged; anything else that is not as it was written is damage, and reported.
- The file has its full length from the beginning: a full disk does not stop it.
- One that is gone, or does not begin with a head of this ledger, is reported; only a new ledger or
  a restored one gets another. It alone remembers what was acknowledged and not yet published.

Source: docs/formats/ledger-v1.md, section 3; docs/adr/0014.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from govsdk.durable import disk_error, write_file
from govsdk.errors import EvidenceError, GovsdkError, IntegrityError, StaleKeysError
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.notes import VerifierKey

JOURNAL = "journal"
SECTOR = 512
LENGTH = 256 * SECTOR
_BEGIN = re.compile(rb"(\d+) (\d+) ([0-9a-f]{8})\n")
_GONE = (
    "find out who removed it and put it back; `govsdk ledger restore` begins anew from the"
    " published head, and cannot know what was acknowledged after it"
)
_DAMAGED = "what the writer remembers of the ledger is damaged"


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
        """Write the file anew, remembering ``head`` alone."""
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
            content = os.pread(self._handle, LENGTH, 0)
        except OSError as cause:
            raise disk_error(cause, "reading the ledger's journal") from cause
        committed = self._head(content[:SECTOR].rstrip(b"\0"))
        # A commit writes its head before it clears the entries that are now rows.
        since = [each for each in self._entries(content) if each.head.size > committed.size]
        sizes = [each.head.size - committed.size for each in since]
        if sizes != list(range(1, len(since) + 1)):
            raise IntegrityError(_DAMAGED)
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
            os.pwrite(self._handle, data, place)
            os.fdatasync(self._handle)
        except OSError as cause:
            raise disk_error(cause, "writing the ledger's journal") from cause

    def _head(self, note: bytes) -> SignedCheckpoint:
        try:
            return open_checkpoint(note, self._key)
        except EvidenceError as cause:
            raise not_ours(cause, _DAMAGED) from cause

    def _entries(self, content: bytes) -> Iterator[Entry]:
        start = SECTOR
        while not _blank(content[start : start + SECTOR]):
            begin = _BEGIN.match(content, start)
            if begin is None or begin[0] != _begin(int(begin[1]), int(begin[2])):
                raise IntegrityError(_DAMAGED)
            middle = begin.end() + int(begin[1])
            end = middle + int(begin[2])
            note, envelope = content[begin.end() : middle], content[middle:end]
            record = content[start : start + _whole_sectors(end - start)]
            if any(_blank(record[at : at + SECTOR]) for at in range(0, len(record), SECTOR)):
                return
            if record != _record(note, envelope):
                raise IntegrityError(_DAMAGED)
            yield Entry(self._head(note), envelope)
            start += len(record)


def not_ours(cause: GovsdkError, said: str) -> IntegrityError:
    """Return what it means that a head does not open: ``said``, or that our log key is old."""
    if cause.facts.get("other_key"):
        return StaleKeysError("the head is another log key's")
    return IntegrityError(said)


def _first(head: SignedCheckpoint) -> bytes:
    return head.note.encode().ljust(SECTOR, b"\0")


def _record(note: bytes, envelope: bytes) -> bytes:
    """Return an entry as it lies in the file: whole sectors, none of them zero."""
    data = _begin(len(note), len(envelope)) + note + envelope
    return data.ljust(_whole_sectors(len(data)), b"\n")


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
