"""Anchors: copies of the signed heads where the ledger's administrator cannot reach them.

They, not the database, make the ledger append-only: without one a rollback of the whole folder,
head included, cannot be told from an earlier time. A head is believed for where it lies,
whichever of the log's keys signed it.
"""

from __future__ import annotations

from pathlib import Path

from govsdk.durable import PUBLIC, disk_error, write_file
from govsdk.errors import EvidenceError, LedgerForkError, MissingAnchorError
from govsdk.tlog.checkpoints import SignedCheckpoint, remembered_checkpoint
from govsdk.tlog.notes import VerifierKey


class Anchor:
    """One folder of heads: ``<folder>/<origin>/<size>.txt``, written once each."""

    def __init__(self, folder: Path, key: VerifierKey) -> None:
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
            MissingAnchorError: The ledger's folder is gone.
            BackendError, DiskFullError: It cannot be stored.
        """
        path = self._place / f"{head.size}.txt"
        if not path.exists():
            if not self._place.is_dir():
                raise MissingAnchorError
            write_file(path, head.note.encode(), mode=PUBLIC)
        elif self._read(path).root != head.root:
            raise LedgerForkError(f"an anchor holds another head at {head.size} entries")

    def newest(self) -> SignedCheckpoint:
        """Return the largest head that was stored.

        Raises:
            LedgerForkError: It is not a head of this ledger.
            MissingAnchorError: There is none.
        """
        sizes = [int(path.stem) for path in self._place.glob("*.txt") if path.stem.isdecimal()]
        if not sizes:
            raise MissingAnchorError
        return self._read(self._place / f"{max(sizes)}.txt")

    def begun(self) -> bool:
        """Return whether it remembers any head of the ledger."""
        return any(path.stem.isdecimal() for path in self._place.glob("*.txt"))

    def _read(self, path: Path) -> SignedCheckpoint:
        try:
            return remembered_checkpoint(path.read_bytes(), self._key.name)
        except OSError as cause:
            raise disk_error(cause, "reading an anchor") from cause
        except EvidenceError as cause:
            raise LedgerForkError("an anchor holds what is no head of this ledger") from cause
