"""Rows: the writer's copy of the ledger, in DuckDB; the one seam to ``duckdb``.

DuckDB makes a commit durable and nothing more: it notices neither a lost tail nor an old file put
in its place, and keeps deleted bytes. So the ledger checks every opening against its signed head,
and no personal data enters a row. No key, index or DDL after creation: those are where DuckDB has
lost rows and failed to recover.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from govsdk.errors import (
    BackendError,
    ConflictError,
    DiskFullError,
    GovsdkError,
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    LockedError,
    MissingExtraError,
)

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

_CREATE = (
    "CREATE TABLE entries (seq UBIGINT NOT NULL, once VARCHAR NOT NULL, leaf_hash BLOB NOT NULL,"
    " leaf BLOB NOT NULL, envelope BLOB NOT NULL)"
)
_INSERT = "INSERT INTO entries VALUES (?, ?, ?, ?, ?)"
_INSERT_MANY = "INSERT INTO entries SELECT * FROM offered"
_BATCH = 4096
_CHECKPOINT = "256MiB"
"""How far DuckDB's log grows within a session: a checkpoint writes the last row group anew, about
as much, and at the usual 16 MiB does so once for every few groups that are appended."""
_PID = re.compile(r"PID (\d+)")


@dataclass(frozen=True)
class Row:
    """One entry as the writer keeps it."""

    once: str
    leaf_hash: bytes
    leaf: bytes
    envelope: bytes


class Rows(Protocol):
    """What the ledger needs of a store; any that can do this will do."""

    def count(self) -> int:
        """Return the number of rows, which are numbered from 0 without gaps."""
        ...

    def leaf_hashes(self, since: int) -> Iterator[bytes]:
        """Yield the leaf hashes from row ``since`` on, in order."""
        ...

    def between(self, first: int, last: int) -> list[Row]:
        """Return rows ``first`` to ``last - 1``."""
        ...

    def find(self, names: Sequence[str]) -> dict[str, int]:
        """Return the number of each row that has one of ``names``; two of one name are a fork."""
        ...

    def names(self) -> Iterator[str]:
        """Yield the name of each row, in any order."""
        ...

    def insert(self, rows: Sequence[Row], *, first: int) -> None:
        """Append ``rows`` as number ``first`` and so on, all or none; durable on return."""
        ...


class DuckRows:
    """The rows of one DuckDB file, open in this process alone."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, inserting: duckdb.DuckDBPyConnection
    ) -> None:
        self._connection = connection
        self._inserting = inserting

    @staticmethod
    @contextmanager
    def create(path: Path) -> Iterator[DuckRows]:
        """Create the file and hold it open for the block.

        Raises:
            ConflictError: It exists.
        """
        if path.exists():
            raise ConflictError("the ledger's file exists")
        with _attached(path, create=True) as connection:
            with _translated():
                connection.execute(_CREATE)
                connection.execute("CHECKPOINT")
            with _for_inserting(connection) as inserting:
                yield DuckRows(connection, inserting)

    @staticmethod
    @contextmanager
    def open(path: Path) -> Iterator[DuckRows]:
        """Hold the file open for the block.

        Raises:
            LedgerRollbackError: It is gone.
            IntegrityError: DuckDB finds it damaged.
            LockedError: Another process has it open.
        """
        if not path.exists():
            raise LedgerRollbackError("the ledger's file is gone", rows=0)
        with _attached(path, create=False) as connection, _for_inserting(connection) as inserting:
            yield DuckRows(connection, inserting)

    def count(self) -> int:
        found, last = self._all("SELECT count(*), max(seq) FROM entries")[0]
        if found and found != last + 1:
            raise LedgerForkError("rows are missing or numbered twice", rows=found)
        return int(found)

    def leaf_hashes(self, since: int) -> Iterator[bytes]:
        query = "SELECT leaf_hash FROM entries WHERE seq >= ? ORDER BY seq"
        return (bytes(leaf_hash) for (leaf_hash,) in self._each(query, [since]))

    def between(self, first: int, last: int) -> list[Row]:
        rows = self._all(
            "SELECT once, leaf_hash, leaf, envelope FROM entries"
            " WHERE seq >= ? AND seq < ? ORDER BY seq",
            [first, last],
        )
        return [Row(once, bytes(each), bytes(leaf), bytes(env)) for once, each, leaf, env in rows]

    def find(self, names: Sequence[str]) -> dict[str, int]:
        query = "SELECT once, seq FROM entries WHERE once IN (SELECT unnest(?::VARCHAR[]))"
        rows = self._all(query, [list(names)])
        found = {str(once): int(seq) for once, seq in rows}
        if len(found) != len(rows):
            raise LedgerForkError("two rows have one name")
        return found

    def names(self) -> Iterator[str]:
        return (str(once) for (once,) in self._each("SELECT once FROM entries"))

    def insert(self, rows: Sequence[Row], *, first: int) -> None:
        with _translated():
            if len(rows) == 1:
                (row,) = rows
                values = [first, row.once, row.leaf_hash, row.leaf, row.envelope]
                self._inserting.execute(self._insertion, values)
            else:
                # DuckDB reads arrays where they lie: ten times as fast as lists for parameters.
                self._inserting.register("offered", _columns(rows, first))
                self._inserting.execute(_INSERT_MANY)
                self._inserting.unregister("offered")

    @cached_property
    def _insertion(self) -> duckdb.Statement:
        """The insertion of one row, parsed once."""
        (statement,) = self._inserting.extract_statements(_INSERT)
        return statement

    def _each(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with _translated():
            cursor = self._connection.execute(query, values)
            while batch := cursor.fetchmany(_BATCH):
                yield from batch

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _translated():
            found: list[tuple[Any, ...]] = self._connection.execute(query, values).fetchall()
        return found


def _columns(rows: Sequence[Row], first: int) -> dict[str, npt.NDArray[Any]]:
    import numpy as np

    found = {"seq": np.arange(first, first + len(rows), dtype=np.uint64)}
    for name in ("once", "leaf_hash", "leaf", "envelope"):
        found[name] = np.array([getattr(row, name) for row in rows], dtype=object)
    return found


@contextmanager
def _attached(path: Path, *, create: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        import duckdb
    except ImportError as cause:
        raise MissingExtraError("duckdb, for writing the ledger") from cause
    quoted = str(path).replace("'", "''")
    # DuckDB 1.5 reads what 2.x writes only if told so, and only 2.x knows how to be told.
    version = " (STORAGE_VERSION 'v1.5.0')" if create and _major(duckdb.__version__) >= 2 else ""
    with _translated():
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": 1,
                "checkpoint_threshold": _CHECKPOINT,
                "temp_directory": "",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
    try:
        with _translated():
            connection.execute(f"ATTACH '{quoted}' AS ledger{version}")
            connection.execute("USE ledger")
        yield connection
    finally:
        with _translated():
            connection.close()


@contextmanager
def _for_inserting(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a second connection to the same file, without DuckDB's optimizer.

    An insert has nothing to optimise, and looking for it takes a sixth of a commit. Reads need it:
    it is what skips the rows that a query's bounds exclude.
    """
    with _translated():
        inserting = connection.cursor()
    try:
        with _translated():
            inserting.execute("USE ledger")
            inserting.execute("PRAGMA disable_optimizer")
        yield inserting
    finally:
        with _translated():
            inserting.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn every error of DuckDB's into one of ours; a failed commit has stored nothing."""
    import duckdb

    try:
        yield
    except (duckdb.Error, UnicodeDecodeError, RuntimeError) as cause:
        # The latter two are how DuckDB's binding shows a damaged text and an unexpected C++ error.
        raise _typed(type(cause).__name__, str(cause)) from cause


def _typed(name: str, text: str) -> GovsdkError:
    said = text.lower()
    if "no space left" in said or "disk quota" in said or "file too large" in said:
        return DiskFullError("DuckDB could not write the entry")
    if "could not set lock" in said or "conflicting lock" in said:
        holder = _PID.search(text)
        pid = holder.group(1) if holder else "unknown"
        return LockedError(f"process {pid} has the ledger's file open", holder=pid)
    if any(word in said for word in ("corrupt", "checksum", "not a valid duckdb", "deserialize")):
        return IntegrityError("DuckDB finds the ledger's file damaged", cause=name)
    return BackendError(f"DuckDB: {name}", cause=name)


def _major(version: str) -> int:
    return int(version.partition(".")[0])
