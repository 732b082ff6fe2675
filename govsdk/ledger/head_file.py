"""The newest signed head, as the writer remembers it from one publication of the log to the next.

One small file beside the database, written in place and synced, so that an append costs one device
write where a file renamed into place costs two and a folder. It is what notices that DuckDB lost
the end of its write-ahead log.

- A head of up to 512 bytes lies in one sector, which a disk writes whole or not at all.
- The file has its full length from the beginning: a full disk does not stop it.
- A file that is gone, or does not hold a head of this ledger, is reported; only a new ledger or a
  restored one gets another. It alone remembers what was acknowledged and not yet published.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from govsdk.durable import disk_error, write_file
from govsdk.errors import EvidenceError, GovsdkError, IntegrityError, StaleKeysError
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.notes import VerifierKey

HEAD = "head"
_LENGTH = 4096
_GONE = (
    "find out who removed it and put it back; `govsdk ledger restore` begins anew from the"
    " published head, and cannot know what was acknowledged after it"
)


class HeadFile:
    """The file, open for the time of some appends."""

    def __init__(self, handle: int, key: VerifierKey) -> None:
        self._handle = handle
        self._key = key

    @staticmethod
    def create(path: Path, head: SignedCheckpoint) -> None:
        """Write the file anew, remembering ``head``."""
        write_file(path, _padded(head))

    @staticmethod
    @contextmanager
    def open(path: Path, key: VerifierKey) -> Iterator[HeadFile]:
        """Hold the file open for the block.

        Raises:
            IntegrityError: It is gone.
        """
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError as cause:
            raise IntegrityError("the writer's own head is gone", hint=_GONE) from cause
        except OSError as cause:
            raise disk_error(cause, "opening the ledger's head") from cause
        try:
            yield HeadFile(handle, key)
        finally:
            os.close(handle)

    def read(self) -> SignedCheckpoint:
        """Return the head that was kept last.

        Raises:
            IntegrityError: The file holds none that this ledger signed.
            StaleKeysError: It holds one of a newer log key.
        """
        try:
            return open_checkpoint(os.pread(self._handle, _LENGTH, 0).rstrip(b"\0"), self._key)
        except OSError as cause:
            raise disk_error(cause, "reading the ledger's head") from cause
        except EvidenceError as cause:
            raise not_ours(cause, "the head that the writer remembers is damaged") from cause

    def keep(self, head: SignedCheckpoint) -> None:
        """Remember ``head``, durably."""
        try:
            os.pwrite(self._handle, _padded(head), 0)
            os.fdatasync(self._handle)
        except OSError as cause:
            raise disk_error(cause, "keeping the ledger's head") from cause


def not_ours(cause: GovsdkError, said: str) -> IntegrityError:
    """Return what it means that a head does not open: ``said``, or that our log key is old."""
    if cause.facts.get("other_key"):
        return StaleKeysError("the head is another log key's")
    return IntegrityError(said)


def _padded(head: SignedCheckpoint) -> bytes:
    return head.note.encode().ljust(_LENGTH, b"\0")
