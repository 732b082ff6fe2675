"""The ledger: entries go in at the end, get a place with a proof, and never change.

Invariants:

- a position is handed out once the entry and a signed head over it are durable (``writer``), and
  what was signed is compared at every opening;
- the database and the lock are held only while appending; readers use the public folder;
- an entry has one place for ever: its proof leads to the head of the tree that ends with it, and
  that head's note is the same bytes each time (Ed25519 is deterministic).

Source: docs/formats/ledger-v1.md, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from govsdk.durable import locked
from govsdk.errors import (
    ConflictError,
    IntegrityError,
    LedgerRollbackError,
    ProofError,
    RequestError,
)
from govsdk.ledger.audit import AuditReport, audit
from govsdk.ledger.entries import require_whole, rows_of, signed_rows
from govsdk.ledger.journal import JOURNAL, LONGEST_ORIGIN
from govsdk.ledger.public_log import PublicLog
from govsdk.ledger.rows import DuckRows, Row, Rows
from govsdk.ledger.session import Session
from govsdk.ledger.writer import LOG, Writer
from govsdk.records import Position
from govsdk.tlog.checkpoints import Checkpoint, SignedCheckpoint
from govsdk.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from govsdk.tlog.notes import NoteSigner, VerifierKey
from govsdk.tlog.signatures import PublicKey, Signer

if TYPE_CHECKING:
    from govsdk.tlog.timestamps import Stamps

ROWS = "ledger.duckdb"
_LOCK = "ledger.lock"

OpenRows = Callable[[Path], AbstractContextManager[Rows]]


class LedgerKeys(Protocol):
    """The keys a ledger needs."""

    @property
    def certificate(self) -> Signer:
        """Who signs the entries. Only ``sign_and_append`` needs more than the public half."""
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
        lock_timeout_seconds: float = 10.0,
        open_rows: OpenRows = DuckRows.open,
        overlapping: Sequence[PublicKey] = (),
    ) -> None:
        """Use ``create`` or ``open`` instead, which check what is there."""
        self.folder = folder
        self.log_folder = folder / LOG
        self._keys = keys
        self._signer_key = PublicKey.from_pem(keys.certificate.public_pem)
        self._signers = (self._signer_key, *overlapping)
        self._writer = Writer(folder, keys.log, anchors=anchors, signers=self._signers)
        self._lock_timeout_seconds = lock_timeout_seconds
        self._open_rows = open_rows

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        keys: LedgerKeys,
        anchors: Sequence[Path] = (),
        lock_timeout_seconds: float = 10.0,
    ) -> Ledger:
        """Create an empty ledger in ``folder`` and sign its head.

        Args:
            anchors: Folders, out of reach of whoever administers this one, that get every head.
            lock_timeout_seconds: How long to wait for another process's append.

        Raises:
            ConflictError: There is a ledger already, or what is left of one.
            RequestError: Its name is too long.
            LedgerRollbackError: An anchor remembers entries of a ledger with this name and key.
        """
        if any((folder / each).exists() for each in (ROWS, LOG, JOURNAL)):
            raise ConflictError("there is a ledger already")
        if len(VerifierKey.parse(keys.log.vkey).name) > LONGEST_ORIGIN:
            raise RequestError(f"a ledger's name has {LONGEST_ORIGIN} characters at most")
        ledger = cls(folder, keys=keys, anchors=anchors, lock_timeout_seconds=lock_timeout_seconds)
        if ledger._writer.remembered_outside():
            raise LedgerRollbackError("the anchors remember entries of this ledger", rows=0)
        with ledger._locked():
            folder.mkdir(parents=True, exist_ok=True)
            with DuckRows.create(folder / ROWS):
                ledger._writer.create()
        return ledger

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        keys: LedgerKeys,
        anchors: Sequence[Path] = (),
        lock_timeout_seconds: float = 10.0,
        open_rows: OpenRows = DuckRows.open,
        overlapping: Sequence[PublicKey] = (),
    ) -> Ledger:
        """Return the ledger in ``folder``, checked against its signed heads and healed if need be.

        Args:
            overlapping: Other keys whose entries are taken while a rotation is not yet concluded.

        Raises:
            LedgerRollbackError: Fewer entries than were once signed.
            LedgerForkError: Other entries than were once signed.
            MissingAnchorError: One of ``anchors`` is gone, or empty.
            LockedError: Another process kept the lock for longer than ``lock_timeout_seconds``.
        """
        ledger = cls(
            folder,
            keys=keys,
            anchors=anchors,
            lock_timeout_seconds=lock_timeout_seconds,
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
        with self._writing() as session:
            return session.append(envelope, once=once)

    def append_many(self, envelopes: Sequence[bytes]) -> Sequence[Position]:
        """Append ``envelopes`` in one commit, all or none; return their places. See ``append``.

        All of them are durable on return. A place's proof is made when it is asked for: it never
        changes, and making thousands takes longer than storing them.
        """
        offered = rows_of(envelopes, *self._signers)
        with self._writing() as session:
            return session.store(offered)

    def sign_and_append(self, statements: Sequence[bytes]) -> Sequence[Position]:
        """Sign ``statements`` with the workspace's key and append them in one commit.

        As ``append_many``, and faster: a signature made here need not be verified here.

        Raises:
            MalformedEvidenceError: One is no statement.
        """
        offered = signed_rows(statements, self._keys.certificate)
        with self._writing() as session:
            return session.store(offered)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Hold lock and database for the block: each append in it costs little more than a commit.

        Others wait meanwhile, and readers see the entries when the block ends. Within the block
        append through the session: the ledger would wait for a lock that this process holds.

        Raises:
            LedgerRollbackError, LedgerForkError, LockedError: See ``open``.
        """
        with self._writing() as session:
            session.remember_names()
            yield session

    # -- reading -----------------------------------------------------------------------------------

    def find(self, once: str) -> tuple[bytes, Position] | None:
        """Return the envelope of the entry named ``once`` and its place; None if there is none."""
        with self._writing() as session:
            index = session.find([once]).get(once)
        return None if index is None else self._entry(once, index)

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
        return self._writer.head()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.head().size

    def audit(
        self, *, checkpoints: Sequence[bytes] = (), stamps: Stamps | None = None
    ) -> AuditReport:
        """Return what ``audit`` finds in the log's folder, compared with rows and anchors too.

        As of the head that there is at the beginning; appends go on meanwhile.

        Raises:
            LockedError: Another process kept the lock for longer than ``lock_timeout_seconds``.
            MissingAnchorError: See ``open``.
        """
        kept = [head.note.encode() for head in self._writer.outside()]
        return audit(
            self.log_folder,
            key_pem=self._signer_key.pem,
            log_vkey=self._keys.log.vkey,
            checkpoints=[*checkpoints, *kept],
            live=self._held,
            stamps=stamps,
        )

    # -- how ---------------------------------------------------------------------------------------

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.folder / _LOCK, timeout_seconds=self._lock_timeout_seconds)

    @contextmanager
    def _held(self) -> Iterator[Rows]:
        with self._locked(), self._open_rows(self.folder / ROWS) as rows:
            yield rows

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._held() as rows, self._writer.caught_up(rows):
            session = Session(rows, self._writer, self._position, self._signers)
            try:
                yield session
            finally:
                session.close()

    def _public(self) -> PublicLog:
        return PublicLog(self.log_folder, self.head().size)

    def _position(self, once: str, index: int) -> Position:
        return self._entry(once, index)[1]

    def _entry(self, once: str, index: int) -> tuple[bytes, Position]:
        """Return the envelope of entry ``index`` and its place in the tree that ends with it.

        Before that tree's head is signed it is proved to be a prefix of the head that was verified;
        that the entry is called ``once`` is for its own envelope to say, not for the row.

        Raises:
            LedgerForkError: It has another name.
            IntegrityError: The files do not lead from it to the signed head.
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
        envelope = log.envelope(index)
        require_whole([Row(once, leaf, log.leaf(index), envelope)])
        return envelope, Position(
            index=index,
            leaf_hash=leaf.hex(),
            tree_size=size,
            inclusion=tuple(each.hex() for each in proof),
            checkpoint=self._keys.log.sign(Checkpoint(head.origin, size, root).text),
        )
