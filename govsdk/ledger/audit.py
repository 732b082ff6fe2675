"""The audit of a log folder: every byte of it is compared with what the pinned keys signed.

Invariants:

- payloads are hashed again and signatures verified again, all of them, in one pass over files of
  256 entries;
- memory does not grow with the log (``names``); only what is open or wrong is held;
- a file too many, too few, or with a byte changed fails; nothing is repaired here;
- a live ledger is audited as of one head, and its lock is held for the files' names and for a batch
  of rows at a time: appends go on meanwhile;
- needs neither DuckDB nor torch: an auditor gets the folder and two public keys.

The numbers are those of docs/formats/ledger-v1.md, section 4.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.errors import (
    DigestMismatchError,
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    MalformedEvidenceError,
    ProofError,
)
from govsdk.ledger.names import Names
from govsdk.ledger.public_log import (
    CHECKPOINT,
    PublicLog,
    Snapshot,
    checkpoint_note,
    read_checkpoint,
)
from govsdk.ledger.rows import Row, Rows
from govsdk.ledger.tiles import (
    ENTRIES,
    ENVELOPES,
    HASHES,
    WIDTH,
    pack_envelopes,
    pack_leaves,
    tiles_of,
)
from govsdk.records import Sha256
from govsdk.tlog.checkpoints import (
    Checkpoint,
    SignedCheckpoint,
    open_checkpoint,
    remembered_checkpoint,
)
from govsdk.tlog.cosignatures import WitnessKey, require_quorum
from govsdk.tlog.envelopes import parse_envelope, payload_in
from govsdk.tlog.findings import Checked, Findings
from govsdk.tlog.key_events import Signers, log_key_in
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import Frontier, leaf_hash, root_of
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import TERMINAL, Kind, Statement, parse_statement
from govsdk.tlog.verifying import verifying

if TYPE_CHECKING:
    from govsdk.tlog.timestamps import Stamps

OpenLocked = Callable[[], AbstractContextManager[Rows]]
_ROWS = 16 * WIDTH
"""Rows read at once, under the lock: some milliseconds of it."""


@dataclass(frozen=True)
class AuditReport(Checked):
    """What the audit of one log found."""

    size: int
    """Entries under the signed head; 0 if the head does not verify."""
    open_plans: tuple[Sha256, ...]
    """Requests (as commitments) that were planned and have not ended."""
    anchored: bool
    """Whether heads kept elsewhere were compared: without them a rollback of the whole folder is
    not detectable."""

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "ok": self.ok,
            "size": self.size,
            "anchored": self.anchored,
            "openPlans": list(self.open_plans),
            "checks": [finding.to_dict() for finding in self.findings],
        }


def audit(
    folder: Path,
    *,
    key_pem: bytes,
    log_vkey: str,
    checkpoints: Sequence[bytes] = (),
    live: OpenLocked | None = None,
    witnesses: Sequence[WitnessKey] = (),
    quorum: int = 1,
    stamps: Stamps | None = None,
) -> AuditReport:
    """Return what is found in the log in ``folder``: an export, or a live ledger's ``log``.

    Args:
        key_pem: The signer's public key, obtained apart from the log.
        log_vkey: The log's verifier key, likewise.
        checkpoints: Heads of this log that were kept elsewhere.
        live: Takes the ledger's lock and opens its database, which is compared too, for a block.
        witnesses: Who may have cosigned the head; ``quorum`` of them must have.
        stamps: When an authority saw heads of this log.

    Raises:
        RequestError: ``key_pem`` or ``log_vkey`` is not a key, the quorum cannot be met, or the
            stamps' roots are no certificates.
        MissingError: There is no log in ``folder``.
        MissingExtraError: There are ``stamps``, and ``rfc3161-client`` is not installed.
    """
    key, log_key = PublicKey.from_pem(key_pem), VerifierKey.parse(log_vkey)
    examination = _Audit(folder, key, log_key, checkpoints, live)
    examination.witnesses, examination.quorum = tuple(witnesses), quorum
    examination.stamps = stamps
    return examination.report()


class _Audit:
    """One log under the checks; each check may rely on what those before it established."""

    head: SignedCheckpoint
    witnesses: tuple[WitnessKey, ...] = ()
    quorum: int = 1
    stamps: Stamps | None = None

    def __init__(
        self,
        folder: Path,
        key: PublicKey,
        log_key: VerifierKey,
        checkpoints: Sequence[bytes],
        live: OpenLocked | None,
    ) -> None:
        self.folder = folder
        self.key = key
        self.log_key = log_key
        self.checkpoints = checkpoints
        self.live = live
        self.log_keys = {log_key}
        """Those that the log had before, too: heads that were kept elsewhere may be older."""
        self.open_plans: dict[Sha256, None] = {}
        self.log = PublicLog(folder, size=0)

    def report(self) -> AuditReport:
        found = Findings()
        with self.live() if self.live is not None else nullcontext():
            sound = found.chain({"checkpoint": self._checkpoint, "files": self._files})  # 1, 2
        sound = found.chain({"root": self._root, "tiles": self._tiles}, reached=sound)  # 3, 4
        found.each(
            {
                "signatures": self._signatures,  # 5
                "statements": self._statements,  # 6
                "heads": self._heads if self.checkpoints else "no-other-checkpoint-given",  # 7
                "rows": self._rows if self.live is not None else "no-database-given",  # 8
                "witnesses": self._witnesses if self.witnesses else "no-witness-given",  # 9
                "timestamps": self._timestamps if self._stamped() else "no-timestamp-given",  # 10
            },
            reached=sound,
        )
        return AuditReport(
            findings=tuple(found.lines),
            size=self.log.size,
            open_plans=tuple(self.open_plans),
            anchored=bool(self.checkpoints),
        )

    def _checkpoint(self) -> str:
        self.head = read_checkpoint(self.folder, self.log_key)
        self.log = PublicLog(self.folder, self.head.size)
        return f"{self.head.origin}, {self.head.size} entries"

    def _files(self) -> str:
        expected = 1
        for tile in tiles_of(self.log.size):
            if not (self.folder / tile.path).is_file():
                raise IntegrityError("a file is missing", reason="file-missing", file=tile.path)
            expected += 1
        # All that belongs here is here: so many files, and no links, are exactly those.
        if sum(map(self._regular, _files_in(self.folder))) != expected:
            raise self._unexpected()
        self.log = Snapshot(self.folder, self.log.size)
        return f"{expected} files"

    def _regular(self, entry: os.DirEntry[str]) -> bool:
        """Accept what stands in the folder unless it is a link, a pipe or the like."""
        if not entry.is_file(follow_symlinks=False):
            raise self._stranger(Path(entry))
        return True

    def _unexpected(self) -> IntegrityError:
        expected = {self.folder / CHECKPOINT}
        expected.update(self.folder / tile.path for tile in tiles_of(self.log.size))
        found = map(Path, _files_in(self.folder))
        return self._stranger(next((path for path in found if path not in expected), self.folder))

    def _stranger(self, path: Path) -> IntegrityError:
        name = path.relative_to(self.folder).as_posix()
        return IntegrityError("a file is unexpected", reason="file-unexpected", file=name)

    def _root(self) -> None:
        tree = Frontier()
        for number in self._bundles():
            leaves = self.log.leaves(number)
            self._require_exact(ENTRIES, number, pack_leaves(leaves))
            for leaf in leaves:
                tree.append(leaf_hash(leaf))
        if tree.root() != self.head.root:
            raise ProofError("the entries do not lead to the signed root", reason="root")

    def _tiles(self) -> None:
        for tile in tiles_of(self.log.size):
            if tile.level:
                expected = self.log.parents(tile)
            elif tile.sort == HASHES:
                expected = b"".join(map(leaf_hash, self.log.leaves(tile.number)))
            else:
                continue
            if self.log.read(tile) != expected:
                raise DigestMismatchError("a tile", reason="tile", file=tile.path)

    def _signatures(self) -> None:
        signers = Signers(self.key, self.log.entries)
        with verifying(self.log.size) as verify:
            for number in self._bundles():
                envelopes, leaves = self.log.envelopes(number), self.log.leaves(number)
                self._require_exact(ENVELOPES, number, pack_envelopes(envelopes))
                parsed = enumerate(map(parse_envelope, envelopes), number * WIDTH)
                signed = [(each, signers.of(index, each)) for index, each in parsed]
                verify(signed)
                if [leaf_of(each, key) for each, key in signed] != leaves:
                    raise DigestMismatchError("an envelope is not its leaf's", reason="leaf")

    def _statements(self) -> str:
        with Names() as names, Names() as certified:
            for envelope in self.log.entries():
                statement = parse_statement(payload_in(envelope))
                names.add(statement.once)
                if statement.kind is Kind.CERTIFICATE and statement.request is not None:
                    certified.add(statement.request)
                self._follow(statement)
            if names.twice():
                raise LedgerForkError("two entries have one name", reason="name-twice")
            if certified.twice():
                raise IntegrityError(
                    "two certificates answer one request", reason="certified-twice"
                )
        return f"{len(self.open_plans)} open plans"

    def _follow(self, statement: Statement) -> None:
        named = log_key_in(statement)
        if named is not None and named.name == self.log_key.name:
            self.log_keys.add(named)
        if statement.request is None:
            return
        if statement.kind is Kind.PLAN:
            self.open_plans[statement.request] = None
        elif statement.kind in TERMINAL:
            self.open_plans.pop(statement.request, None)

    def _heads(self) -> str:
        for note in self.checkpoints:
            other = open_checkpoint(note, *self.log_keys)
            if other.size > self.log.size:
                raise LedgerRollbackError(rows=self.log.size, signed=other.size, reason="rollback")
            if root_of(other.size, self.log.node) != other.root:
                raise LedgerForkError(f"at {other.size} entries", reason="fork")
        return f"{len(self.checkpoints)} compared"

    def _rows(self) -> None:
        for first in range(0, max(self.log.size, 1), _ROWS):
            found = self._read_rows(first)
            for start in range(0, len(found), WIDTH):
                self._compare_rows((first + start) // WIDTH, found[start : start + WIDTH])

    def _read_rows(self, first: int) -> list[Row]:
        assert self.live is not None
        with self.live() as rows:
            # Who appended meanwhile has published it before giving the lock back.
            present = remembered_checkpoint(checkpoint_note(self.folder), self.head.origin)
            if rows.count() != present.size:
                raise LedgerForkError("rows and log differ in number", reason="rows")
            return rows.between(first, min(first + _ROWS, self.log.size))

    def _compare_rows(self, number: int, found: Sequence[Row]) -> None:
        leaves, envelopes = self.log.leaves(number), self.log.envelopes(number)
        if len(found) != len(leaves):
            raise LedgerForkError("rows and log differ in number", reason="rows")
        for row, leaf, envelope in zip(found, leaves, envelopes, strict=True):
            once = parse_statement(payload_in(envelope)).once
            if row != Row(once, leaf_hash(leaf), leaf, envelope):
                raise LedgerForkError("a row differs from the log", reason="rows")

    def _witnesses(self) -> str:
        found = require_quorum(self.head.note.encode(), self.witnesses, quorum=self.quorum)
        return f"{len(found)} of {len(self.witnesses)}"

    def _stamped(self) -> bool:
        return self.stamps is not None and bool(self.stamps.answers)

    def _timestamps(self) -> str:
        assert self.stamps is not None
        # Imported where it is needed: most auditors hold no timestamp.
        from govsdk.tlog.timestamps import verify_timestamp

        seen = []
        for size, answer in sorted(self.stamps.answers.items()):
            if size > self.log.size:
                raise LedgerRollbackError(rows=self.log.size, signed=size, reason="rollback")
            head = Checkpoint(self.head.origin, size, root_of(size, self.log.node))
            when = verify_timestamp(answer, head, self.stamps.roots_pem)
            seen.append(f"{size} entries seen at {when}")
        return "; ".join(seen)

    def _bundles(self) -> range:
        return range(-(-self.log.size // WIDTH))

    def _require_exact(self, sort: str, number: int, content: bytes) -> None:
        tile = self.log.tile(sort, number)
        if self.log.read(tile) != content:
            raise MalformedEvidenceError("a file of the log has a tail", reason="tail")


def _files_in(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Yield all that is not a folder, links included."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_in(entry.path)
            else:
                yield entry
