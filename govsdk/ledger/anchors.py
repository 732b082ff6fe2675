"""Anchors: copies of the signed heads where the ledger's administrator cannot reach them.

They, not the database, make the ledger append-only: without one a rollback of the whole folder,
head included, cannot be told from an earlier time. A head is believed for where it lies,
whichever of the log's keys signed it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from govsdk.durable import PUBLIC, disk_error, write_file
from govsdk.errors import EvidenceError, LedgerForkError, MissingAnchorError
from govsdk.tlog.checkpoints import SignedCheckpoint, remembered_checkpoint
from govsdk.tlog.notes import VerifierKey

_HEAD = re.compile(r"(0|[1-9][0-9]{0,18})\.txt")


class Anchor:
    """One folder of heads: ``<folder>/<origin>/<size>.txt``, written once each."""

    def __init__(self, folder: Path, key: VerifierKey) -> None:
        self._folder = folder
        self._place = folder / key.name
        self._key = key

    def begin(self, head: SignedCheckpoint) -> None:
        """Make the ledger's folder, with ``head`` in it.

        The only way to have an anchor that remembers nothing before ``head``: one that is not there
        when it should be may have been taken away to hide a rollback.

        Raises:
            BackendError, DiskFullError: It cannot be stored.
        """
        write_file(self._place / f"{head.size}.txt", head.note.encode(), mode=PUBLIC)

    def keep(self, head: SignedCheckpoint) -> None:
        """Store ``head`` unless it is there.

        Raises:
            LedgerForkError: Another head of this size is.
            MissingAnchorError: It holds no head: only ``begin`` puts the first one there.
            BackendError, DiskFullError: It cannot be stored.
        """
        path = self._place / f"{head.size}.txt"
        if not path.exists():
            if not self.begun():
                raise self._missing()
            write_file(path, head.note.encode(), mode=PUBLIC)
        elif self._read(path).root != head.root:
            raise LedgerForkError(f"an anchor holds another head at {head.size} entries")

    def newest(self) -> SignedCheckpoint:
        """Return the largest head that was stored.

        Raises:
            LedgerForkError: It is not a head of this ledger.
            MissingAnchorError: There is none.
            BackendError: It cannot be read.
        """
        size = max(self._sizes(), default=None)
        if size is None:
            raise self._missing()
        return self._read(self._place / f"{size}.txt")

    def begun(self) -> bool:
        """Return whether it remembers any head of the ledger."""
        return next(self._sizes(), None) is not None

    def _sizes(self) -> Iterator[int]:
        """Yield the size of each head. There may be one for every entry: few steps for each."""
        try:
            with os.scandir(self._place) as files:
                found = (_HEAD.fullmatch(file.name) for file in files)
                yield from (int(name[1]) for name in found if name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as cause:
            raise disk_error(cause, "reading an anchor") from cause

    def _missing(self) -> MissingAnchorError:
        return MissingAnchorError(str(self._folder), folder=str(self._folder))

    def _read(self, path: Path) -> SignedCheckpoint:
        try:
            return remembered_checkpoint(path.read_bytes(), self._key.name)
        except OSError as cause:
            raise disk_error(cause, "reading an anchor") from cause
        except EvidenceError as cause:
            raise LedgerForkError("an anchor holds what is no head of this ledger") from cause
