"""The writer: what one process knows of a ledger while it alone may write.

Invariants:

- order of an append: the entry and the head over it written to the journal (one sync), copies of
  the head given to the anchors; only then is a place handed out. Killed anywhere, the next writer
  goes on from there;
- the rows follow, many in one commit (DuckDB syncs its log), then the journal is cleared; a group,
  and an entry that the journal has no room for, are committed at once and their head after them;
- the public folder comes last: its files, then its checkpoint. What was acknowledged and is not yet
  committed or published is so by whoever opens the ledger next;
- every opening compares the leaf hashes of rows and journal with all heads it knows of: fewer is a
  rollback,
  another root is a fork, and nothing is signed after either. A row's envelope and name are believed
  only once they were compared with a leaf hash, or with what was published;
- a process whose keys were replaced since it read them signs nothing: a head by a retired log key
  alone, or an entry by a retired certificate key, could never be mended;
- rows beyond the heads were committed by a process that died: they are kept, and the head grows.
  Signing is deterministic, so it is the very head that that process would have signed. A journal's
  entries beyond the rows become rows.

Source: docs/formats/ledger-v1.md, section 3.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from govsdk.durable import PUBLIC, write_file
from govsdk.errors import (
    EvidenceError,
    LedgerForkError,
    LedgerRollbackError,
    MissingError,
    SignatureError,
    StaleKeysError,
)
from govsdk.ledger.anchors import Anchor
from govsdk.ledger.entries import require_whole, rows_of
from govsdk.ledger.journal import JOURNAL, Journal, Remembered, not_ours
from govsdk.ledger.public_log import CHECKPOINT, PublicLog, read_checkpoint
from govsdk.ledger.rows import Row, Rows
from govsdk.ledger.tile_files import (
    clear_leftovers,
    discard_narrower,
    write_lost,
    write_tiles,
)
from govsdk.records import Position
from govsdk.tlog.checkpoints import Checkpoint, SignedCheckpoint
from govsdk.tlog.key_events import event_name
from govsdk.tlog.merkle import Frontier
from govsdk.tlog.notes import NoteSigner, VerifierKey, key_ids
from govsdk.tlog.signatures import PublicKey

LOG = "log"
WHOLE = 256
"""Of so many rows, the newest that were published, an opening compares everything: they are what a
call that was killed offers again, by name. Of older rows it compares the leaf hash (``audit`` the
rest): taking a million envelopes apart takes a minute."""
_BATCH = 4096
"""Rows read at once: a long session that died must not fill the memory of the next one."""


class Writer:
    """The tree's right edge as this process last saw it, and who is told of new heads."""

    _journal: Journal

    def __init__(
        self,
        folder: Path,
        signer: NoteSigner,
        *,
        anchors: Sequence[Path],
        signers: Sequence[PublicKey],
    ) -> None:
        self._folder = folder
        self._log_folder = folder / LOG
        self._note_signer = signer
        self._key = VerifierKey.parse(signer.vkey)
        self._anchors = [Anchor(each, self._key) for each in anchors]
        self._signers = signers
        self._whole: frozenset[Row] = frozenset()
        self._retired: frozenset[bytes] = frozenset()
        self._key_ids = key_ids(self._signed(Frontier()).note.encode(), self._key.name)
        self._frontier = Frontier()
        self._uncommitted: list[Row] = []
        """The last rows of the tree, in the journal alone."""
        self.published = 0
        """Entries under the public checkpoint, as of the last ``catch_up`` or ``publish``."""

    def create(self) -> None:
        """Sign and publish the head of an empty ledger."""
        head = self._signed(self._frontier)
        Journal.create(self._folder / JOURNAL, head)
        self._put_checkpoint(head)
        for anchor in self._anchors:
            anchor.begin(head)

    @contextmanager
    def caught_up(self, rows: Rows) -> Iterator[None]:
        """Accept ``rows`` as the continuation of what was signed, heal, and write for the block.

        Raises:
            LedgerRollbackError: Fewer entries than were once signed.
            LedgerForkError: Other entries than were once signed.
            IntegrityError: A head or the journal is gone, or not what this ledger signed.
            StaleKeysError: A key of this process was replaced.
            MissingAnchorError: A folder that keeps the heads is gone, or empty.
        """
        public = self.head()
        with Journal.open(self._folder / JOURNAL, self._key) as self._journal:
            self._catch_up(rows, public)
            yield

    def add(self, rows: Rows, entries: Sequence[Row]) -> Position:
        """Append ``entries``, all or none, durably; return the place of the last one."""
        grown = self._frontier.copy()
        for each in entries[:-1]:
            grown.append(each.leaf_hash)
        path, last = grown.path(), entries[-1].leaf_hash
        grown.append(last)
        head = self._signed(grown)
        if len(entries) == 1 and self._journal.add(head, entries[0].envelope):
            self._uncommitted.append(entries[0])
        else:
            self._commit(rows, entries, head)
        self._anchor(head)
        self._frontier = grown
        self._note_retirements([each.once for each in entries])
        return Position(
            index=head.size - 1,
            leaf_hash=last.hex(),
            tree_size=head.size,
            inclusion=tuple(each.hex() for each in path),
            checkpoint=head.note,
        )

    def require_keys_in_force(self, offered: Sequence[Row]) -> None:
        """Accept entries that were verified, perhaps before one of the keys was retired.

        Raises:
            SignatureError: One is of a key that no longer signs.
        """
        if any(key in row.envelope for key in self._retired for row in offered):
            raise SignatureError("signed by a retired key", reason="key-not-valid-here")

    def commit(self, rows: Rows) -> None:
        """Bring ``rows`` up to what was appended."""
        if self._uncommitted:
            self._commit(rows, [], self._signed(self._frontier))

    def publish(self, rows: Rows) -> None:
        """Bring the rows and the public folder up to what was appended."""
        self.commit(rows)
        if self.published < self._frontier.size:
            self._publish(rows, since=self.published)

    def head(self) -> SignedCheckpoint:
        """Return the head of the public folder.

        Raises:
            IntegrityError: It is gone, or not one that this ledger signed.
            StaleKeysError: It is one of a newer log key.
        """
        try:
            return read_checkpoint(self._log_folder, self._key)
        except (MissingError, EvidenceError) as cause:
            raise not_ours(cause, "the ledger's signed head is gone or damaged") from cause

    def outside(self) -> list[SignedCheckpoint]:
        """Return the newest head of each anchor.

        Raises:
            MissingAnchorError: One remembers none.
        """
        return [anchor.newest() for anchor in self._anchors]

    def remembered_outside(self) -> bool:
        """Return whether an anchor remembers entries of a ledger with this name."""
        return any(anchor.newest().size for anchor in self._anchors if anchor.begun())

    # -- how ---------------------------------------------------------------------------------------

    def _catch_up(self, rows: Rows, public: SignedCheckpoint) -> None:
        kept, stored, first = self._journal.read(), rows.count(), self._frontier.size == 0
        newest = max(public, kept.newest, key=lambda head: head.size)
        self._require_newest_log_key(newest)
        seen = (self._frontier.size, self._frontier.root()) == (newest.size, newest.root)
        lost = self._rows_beyond(stored, kept)
        # Asked every time: another process may have signed more before a rollback to this size.
        grown = self._accepted(rows, stored, lost, kept, [public, *self.outside()])
        # From here on things are written: what died is brought to its end.
        if lost:
            rows.insert(lost, first=stored)
        if not seen:
            self._look_for_retired_keys(rows)
        self._frontier, self._uncommitted, self.published = grown, [], public.size
        for start in range(public.size, grown.size, _BATCH):
            self._require_entries(rows, rows.between(start, min(grown.size, start + _BATCH)))
        if first and not PublicLog(self._log_folder, public.size).complete():
            write_lost(self._log_folder, rows, public.size)
        self._compare_newest(rows, public.size)
        head = self._signed(grown)
        if grown.size > kept.committed.size or not kept.clean:
            self._journal.commit(head)
        self._anchor(head)
        self.publish(rows)
        if first:
            clear_leftovers(self._log_folder, grown.size)

    def _accepted(
        self,
        rows: Rows,
        stored: int,
        lost: Sequence[Row],
        kept: Remembered,
        others: Sequence[SignedCheckpoint],
    ) -> Frontier:
        """Return the tree of ``rows`` and of the ``lost`` ones behind, if every head lies in it.

        Args:
            stored: How many rows there are.
            others: Heads besides those of the journal.
        """
        tree = self._frontier
        signed = [kept.committed, *(each.head for each in kept.since), *others]
        if stored < tree.size:
            # A commit of this process failed: what it knew of those rows is to be found again.
            signed.append(self._signed(tree))
            tree = Frontier()
        needed = max(self._frontier.size, *(head.size for head in signed))
        if stored + len(lost) < needed:
            raise LedgerRollbackError(
                f"{stored + len(lost)} of {needed}", rows=stored + len(lost), signed=needed
            )
        return _grown(tree, rows, lost, signed)

    def _rows_beyond(self, stored: int, kept: Remembered) -> list[Row]:
        """Return the rows of what was acknowledged and is not among the ``stored`` ones."""
        if stored < kept.committed.size:
            raise LedgerRollbackError(
                f"{stored} of {kept.committed.size}", rows=stored, signed=kept.committed.size
            )
        entries = kept.since[stored - kept.committed.size :]
        try:
            return rows_of([each.envelope for each in entries], *self._signers)
        except EvidenceError as cause:
            raise LedgerForkError("what was acknowledged is no entry of this workspace") from cause

    def _require_newest_log_key(self, head: SignedCheckpoint) -> None:
        """Accept ``head``, which our first key signed, unless a key that we do not hold came after.

        From its ``rotated`` on a new log key stands last on every head.
        """
        if key_ids(head.note.encode(), self._key.name)[-1] not in self._key_ids:
            raise StaleKeysError("a newer log key signs the heads")

    def _look_for_retired_keys(self, rows: Rows) -> None:
        """Find out from the entries which of our certificate keys are retired."""
        found = rows.find(
            [event_name("certificate", key.keyid, "retired") for key in self._signers]
        )
        self._note_retirements(found)
        if b'"keyid":"%s"' % self._signers[0].keyid.encode() in self._retired:
            raise StaleKeysError("the certificate key was retired")

    def _note_retirements(self, names: Container[str]) -> None:
        """Remember which of our certificate keys the entries of these ``names`` retire."""
        for key in self._signers:
            if event_name("certificate", key.keyid, "retired") in names:
                self._retired |= {b'"keyid":"%s"' % key.keyid.encode()}

    def _compare_newest(self, rows: Rows, size: int) -> None:
        """Accept the newest of the ``size`` rows that were published, if they are what was."""
        first, log = max(0, size - WHOLE), PublicLog(self._log_folder, size)
        found = rows.between(first, size)
        if [row.leaf_hash for row in found] != log.leaf_hashes(first):
            raise LedgerForkError("a row is not what was published")
        require_whole([row for row in found if row not in self._whole])
        self._whole = frozenset(found)

    def _require_entries(self, rows: Rows, found: Sequence[Row]) -> None:
        """Accept ``found`` if all are entries as ``append`` would have written them."""
        rows.find([row.once for row in found])
        try:
            entries = rows_of([row.envelope for row in found], *self._signers)
        except EvidenceError as cause:
            raise LedgerForkError("a row is no entry of this workspace") from cause
        if entries != list(found):
            raise LedgerForkError("a row is not what its envelope makes")

    def _publish(self, rows: Rows, *, since: int) -> None:
        size = self._frontier.size
        write_tiles(self._log_folder, rows, size, since=since)
        self._put_checkpoint(self._signed(self._frontier))
        discard_narrower(self._log_folder, size, since=since)
        self.published = size

    def _put_checkpoint(self, head: SignedCheckpoint) -> None:
        write_file(self._log_folder / CHECKPOINT, head.note.encode(), mode=PUBLIC)

    def _signed(self, tree: Frontier) -> SignedCheckpoint:
        head = Checkpoint(self._key.name, tree.size, tree.root())
        return SignedCheckpoint(
            head.origin, head.size, head.root, self._note_signer.sign(head.text)
        )

    def _commit(self, rows: Rows, entries: Sequence[Row], head: SignedCheckpoint) -> None:
        """Append what the journal holds, and ``entries``, to ``rows``; remember ``head`` alone."""
        first = self._frontier.size - len(self._uncommitted)
        rows.insert([*self._uncommitted, *entries], first=first)
        self._journal.commit(head)
        self._uncommitted = []

    def _anchor(self, head: SignedCheckpoint) -> None:
        for anchor in self._anchors:
            anchor.keep(head)


def _grown(
    seen: Frontier, rows: Rows, lost: Sequence[Row], signed: Sequence[SignedCheckpoint]
) -> Frontier:
    """Return ``seen`` with the rest of ``rows``, then ``lost``, if all heads ``signed`` lie there.

    Raises:
        LedgerForkError: One has another root than the tree of its size.
    """
    tree = seen.copy()
    _require_agreement(tree, signed)
    for each in chain(rows.leaf_hashes(tree.size), (row.leaf_hash for row in lost)):
        tree.append(each)
        _require_agreement(tree, signed)
    return tree


def _require_agreement(tree: Frontier, signed: Sequence[SignedCheckpoint]) -> None:
    """Accept ``tree`` unless a head of its size was signed with another root."""
    for head in signed:
        if head.size == tree.size and head.root != tree.root():
            raise LedgerForkError(f"at {head.size} entries", size=head.size)
