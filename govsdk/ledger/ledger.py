"""The ledger: entries go in at the end, get a place with a proof, and never change.

Invariants:

- order of an append: rows committed, log files written, checkpoint renamed into place, copies
  given to the anchors; only then is a position handed out. A process killed anywhere leaves a
  state from which the next one goes on;
- every opening compares the rows with the last signed head (and the anchors' ones): fewer rows is
  a rollback, another root is a fork, and nothing is signed after either;
- rows beyond the head were committed by a process that died: they are kept, and the head grows;
- an entry has one place for ever: its proof leads to the head of the tree that ends with it, and
  that head's note is the same bytes each time (Ed25519 is deterministic).

Source: docs/formats/ledger-v1.md, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, overload

from govsdk.durable import locked, write_file
from govsdk.errors import (
    ConflictError,
    EvidenceError,
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    MissingError,
    ProofError,
    RequestError,
)
from govsdk.ledger.anchors import Anchor
from govsdk.ledger.audit import AuditReport, audit
from govsdk.ledger.public_log import CHECKPOINT, PublicLog, read_checkpoint
from govsdk.ledger.rows import DuckRows, Row, Rows
from govsdk.ledger.tile_files import clear_leftovers, discard_narrower, write_tiles
from govsdk.records import Position
from govsdk.tlog.checkpoints import Checkpoint, SignedCheckpoint
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from govsdk.tlog.notes import NoteSigner, VerifierKey
from govsdk.tlog.signatures import PublicKey, Signer
from govsdk.tlog.statements import parse_statement

LOG = "log"
ROWS = "ledger.duckdb"
_LOCK = "ledger.lock"
_PUBLIC = 0o644

OpenRows = Callable[[Path], AbstractContextManager[Rows]]


class LedgerKeys(Protocol):
    """The keys a ledger needs."""

    @property
    def certificate(self) -> Signer:
        """Who signs the entries; only the public half is used here."""
        ...

    @property
    def log(self) -> NoteSigner:
        """Who signs the heads."""
        ...


class Ledger:
    """The append-only ledger of one workspace.

    Holds no file open: DuckDB and the lock are taken for the milliseconds of an append.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keys: LedgerKeys,
        anchors: Sequence[Path] = (),
        lock_timeout: float = 10.0,
        open_rows: OpenRows = DuckRows.open,
        overlapping: Sequence[PublicKey] = (),
    ) -> None:
        """Use ``create`` or ``open`` instead, which check what is there."""
        self.folder = folder
        self.log_folder = folder / LOG
        self._note_signer = keys.log
        self._log_key = VerifierKey.parse(keys.log.vkey)
        self._signer_key = PublicKey.from_pem(keys.certificate.public_pem)
        self._signers = (self._signer_key, *overlapping)
        self._anchors = [Anchor(each, self._log_key) for each in anchors]
        self._lock_timeout = lock_timeout
        self._open_rows = open_rows
        self._frontier = Frontier()

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        keys: LedgerKeys,
        anchors: Sequence[Path] = (),
        lock_timeout: float = 10.0,
    ) -> Ledger:
        """Create an empty ledger in ``folder`` and sign its head.

        Args:
            anchors: Folders, out of reach of whoever administers this one, that get every head.
            lock_timeout: Seconds to wait for another process's append.

        Raises:
            ConflictError: There is a ledger already.
            LedgerRollbackError: An anchor remembers entries of a ledger with this name and key.
        """
        if (folder / ROWS).exists() or (folder / LOG).exists():
            raise ConflictError("there is a ledger already")
        ledger = cls(folder, keys=keys, anchors=anchors, lock_timeout=lock_timeout)
        if any(head.size for head in ledger._outside()):
            raise LedgerRollbackError("the anchors remember entries of this ledger", rows=0)
        with ledger._locked():
            folder.mkdir(parents=True, exist_ok=True)
            with DuckRows.create(folder / ROWS):
                ledger._sign(Checkpoint(ledger._log_key.name, 0, EMPTY_ROOT))
        return ledger

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        keys: LedgerKeys,
        anchors: Sequence[Path] = (),
        lock_timeout: float = 10.0,
        open_rows: OpenRows = DuckRows.open,
        overlapping: Sequence[PublicKey] = (),
    ) -> Ledger:
        """Return the ledger in ``folder``, checked against its signed heads and healed if need be.

        Args:
            overlapping: Other keys whose entries are taken while a rotation is not yet concluded.

        Raises:
            LedgerRollbackError: Fewer entries than were once signed.
            LedgerForkError: Other entries than were once signed.
            LockedError: Another process kept the lock for longer than ``lock_timeout`` seconds.
        """
        ledger = cls(
            folder,
            keys=keys,
            anchors=anchors,
            lock_timeout=lock_timeout,
            open_rows=open_rows,
            overlapping=overlapping,
        )
        with ledger._writing():
            return ledger

    # -- writing -----------------------------------------------------------------------------------

    def append(self, envelope: bytes, *, once: str) -> Position:
        """Append ``envelope`` and return its place, durable and proved.

        Idempotent: if an entry named ``once`` is there, whatever it says, its place is returned
        and nothing is appended.

        Args:
            once: The name in the envelope's own statement.

        Raises:
            SignatureError, MalformedEvidenceError: Not an envelope that the workspace's key signed.
            LedgerRollbackError, LedgerForkError: See ``open``; nothing was written.
            DiskFullError: Call again when there is room; nothing that was acknowledged is lost.
            LockedError: See ``open``.
        """
        if row_of(envelope, *self._signers).once != once:
            raise RequestError("the entry's statement has another name")
        return self.append_many([envelope])[0]

    def append_many(self, envelopes: Sequence[bytes]) -> Sequence[Position]:
        """Append ``envelopes`` in one commit, all or none; return their places. See ``append``.

        All of them are durable on return. A place's proof is made when it is asked for: it never
        changes, and making thousands takes longer than storing them.
        """
        offered = [row_of(envelope, *self._signers) for envelope in envelopes]
        names = [row.once for row in offered]
        with self._writing() as rows:
            known = rows.find(names)
            fresh: dict[str, Row] = {}
            for row in offered:
                if row.once not in known:
                    fresh.setdefault(row.once, row)
            if fresh:
                rows.insert(list(fresh.values()))
                self._catch_up(rows, written=list(fresh.values()))
                known = rows.find(names)
        return _Places(self._position, [known[name] for name in names])

    # -- reading -----------------------------------------------------------------------------------

    def find(self, once: str) -> tuple[bytes, Position] | None:
        """Return the envelope of the entry named ``once`` and its place; None if there is none."""
        with self._writing() as rows:
            index = rows.find([once]).get(once)
        return None if index is None else (self.envelope(index), self._position(index))

    def envelope(self, index: int) -> bytes:
        """Return the envelope of entry ``index``, or raise RequestError."""
        return self._public().envelope(index)

    def entries(self) -> Iterator[bytes]:
        """Yield every envelope, oldest first."""
        return self._public().entries()

    def head(self) -> SignedCheckpoint:
        """Return the signed head.

        Raises:
            IntegrityError: It is gone, or not one that this ledger signed.
        """
        try:
            return read_checkpoint(self.log_folder, self._log_key)
        except (MissingError, EvidenceError) as cause:
            raise IntegrityError("the ledger's signed head is gone or damaged") from cause

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.head().size

    def audit(self, *, checkpoints: Sequence[bytes] = ()) -> AuditReport:
        """Return what ``audit`` finds in the log's folder, compared with rows and anchors too."""
        kept = [head.note.encode() for head in self._outside()]
        with self._locked(), self._open_rows(self.folder / ROWS) as rows:
            return audit(
                self.log_folder,
                key_pem=self._signer_key.pem,
                log_vkey=str(self._log_key),
                checkpoints=[*checkpoints, *kept],
                rows=rows,
            )

    # -- how ---------------------------------------------------------------------------------------

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.folder / _LOCK, timeout_seconds=self._lock_timeout)

    @contextmanager
    def _writing(self) -> Iterator[Rows]:
        with self._locked(), self._open_rows(self.folder / ROWS) as rows:
            self._catch_up(rows)
            yield rows

    def _catch_up(self, rows: Rows, *, written: Sequence[Row] = ()) -> None:
        """Accept ``rows`` as the continuation of what was signed, and sign what lies beyond.

        Args:
            written: The rows beyond the head, if this process has just put them there; rows that
                another one left must each prove that they are entries.
        """
        head = self.head()
        seen = (self._frontier.size, self._frontier.root()) == (head.size, head.root)
        if not seen:
            self._frontier = Frontier()
        signed = [head] if seen else [head, *self._outside()]
        count, needed = rows.count(), max(each.size for each in signed)
        if count < needed:
            raise LedgerRollbackError(f"{count} of {needed}", rows=count, signed=needed)
        _require_agreement(self._frontier, signed)
        for each in rows.leaf_hashes(self._frontier.size):
            self._frontier.append(each)
            _require_agreement(self._frontier, signed)
        beyond = rows.between(head.size, count)
        if beyond != list(written):
            self._require_entries(rows, beyond)
        if not seen and not self._public().complete():
            self._publish(rows, since=0)
        elif beyond:
            self._publish(rows, since=head.size)
        else:
            self._anchor(head)
        if not seen:
            clear_leftovers(self.log_folder, count)

    def _require_entries(self, rows: Rows, found: Sequence[Row]) -> None:
        """Accept ``found`` if all are entries as ``append`` would have written them."""
        rows.find([row.once for row in found])
        try:
            entries = [row_of(row.envelope, *self._signers) for row in found]
        except EvidenceError as cause:
            raise LedgerForkError("a row is no entry of this workspace") from cause
        if entries != list(found):
            raise LedgerForkError("a row is not what its envelope makes")

    def _publish(self, rows: Rows, *, since: int) -> None:
        """Write the files by which the log grows from ``since`` entries, then sign its head."""
        head = Checkpoint(self._log_key.name, self._frontier.size, self._frontier.root())
        write_tiles(self.log_folder, rows, head.size, since=since)
        self._sign(head)
        discard_narrower(self.log_folder, head.size, since=since)

    def _sign(self, head: Checkpoint) -> None:
        note = self._note_signer.sign(head.text)
        write_file(self.log_folder / CHECKPOINT, note.encode(), mode=_PUBLIC)
        self._anchor(SignedCheckpoint(head.origin, head.size, head.root, note))

    def _anchor(self, head: SignedCheckpoint) -> None:
        for anchor in self._anchors:
            anchor.keep(head)

    def _outside(self) -> list[SignedCheckpoint]:
        found = (anchor.newest() for anchor in self._anchors)
        return [head for head in found if head is not None]

    def _public(self) -> PublicLog:
        return PublicLog(self.log_folder, self.head().size)

    def _position(self, index: int) -> Position:
        """Return the place of entry ``index`` in the tree that ends with it.

        Before that tree's head is signed it is proved to be a prefix of the head that was verified.
        """
        head = self.head()
        log, size = PublicLog(self.log_folder, head.size), index + 1
        leaf, root = log.node(0, index), root_of(size, log.node)
        proof = inclusion_proof(index, size, log.node)
        try:
            verify_inclusion(leaf, index, size, proof, root)
            older = consistency_proof(size, head.size, log.node)
            verify_consistency(size, head.size, older, root, head.root)
        except ProofError as cause:
            raise IntegrityError("the log's files do not fit its signed head") from cause
        return Position(
            index=index,
            leaf_hash=leaf.hex(),
            tree_size=size,
            inclusion=tuple(each.hex() for each in proof),
            checkpoint=self._note_signer.sign(Checkpoint(head.origin, size, root).text),
        )


class _Places(Sequence[Position]):
    """The places of entries that were appended together, each proved when it is asked for."""

    def __init__(self, prove: Callable[[int], Position], indices: Sequence[int]) -> None:
        self._prove = prove
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, which: int) -> Position: ...

    @overload
    def __getitem__(self, which: slice) -> _Places: ...

    def __getitem__(self, which: int | slice) -> Position | _Places:
        if isinstance(which, slice):
            return _Places(self._prove, self._indices[which])
        return self._prove(self._indices[which])


def row_of(envelope: bytes, *signers: PublicKey) -> Row:
    """Return the row for ``envelope``, once one of ``signers`` is found to have signed it."""
    signed = parse_envelope(envelope)
    signer = next((each for each in signers if each.keyid == signed.keyid), signers[0])
    once = parse_statement(signed.verify(signer)).once
    leaf = leaf_of(signed, signer)
    return Row(once, leaf_hash(leaf), leaf, envelope)


def _require_agreement(frontier: Frontier, signed: Sequence[SignedCheckpoint]) -> None:
    """Accept ``frontier`` unless a head of its size was signed with another root."""
    for head in signed:
        if head.size == frontier.size and head.root != frontier.root():
            raise LedgerForkError(f"at {head.size} entries", size=head.size)
