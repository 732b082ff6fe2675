"""The seam to DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from govsdk.errors import (
    BackendError,
    ConflictError,
    DiskFullError,
    GovsdkError,
    IntegrityError,
    LedgerRollbackError,
    LockedError,
)
from govsdk.ledger.rows import DuckRows, Row, _translated

ROWS = [Row(f"r{number}", bytes([number]) * 32, b"\x00'\\x41\xff", b"{}") for number in range(3)]
ERRORS = sorted(
    {
        kind
        for kind in vars(duckdb).values()
        if isinstance(kind, type) and issubclass(kind, duckdb.Error)
    },
    key=lambda kind: kind.__name__,
)


def test_round_trip(tmp_path: Path) -> None:
    """Bytes of every value come back as they were, from a file that 1.5 can read too."""
    with DuckRows.create(tmp_path / "rows") as rows:
        rows.insert(ROWS[:1], first=0)
        rows.insert(ROWS[1:], first=1)
    with DuckRows.open(tmp_path / "rows") as rows:
        assert rows.count() == 3
        assert rows.between(0, 3) == ROWS
        assert list(rows.leaf_hashes(1)) == [row.leaf_hash for row in ROWS[1:]]
        assert rows.find(["r1", "r9"]) == {"r1": 1}
        assert sorted(rows.names()) == [row.once for row in ROWS]
    with duckdb.connect(str(tmp_path / "rows")) as connection:
        (tags,) = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'rows'"
        ).fetchone()
    assert tags["storage_version"].startswith("v1.")


def test_no_key_and_no_index(tmp_path: Path) -> None:
    """Nothing in the file is of the kind that has lost rows."""
    with DuckRows.create(tmp_path / "rows"):
        pass
    with duckdb.connect(str(tmp_path / "rows")) as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM duckdb_indexes()").fetchone() == (0,)
        kinds = connection.execute("SELECT constraint_type FROM duckdb_constraints()").fetchall()
    assert set(kinds) == {("NOT NULL",)}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_duckdb_is_translated(kind: type[Exception]) -> None:
    """No exception of DuckDB's gets past the seam, and its cause is kept."""
    with pytest.raises(GovsdkError) as caught, _translated():
        raise kind("something about a row")

    assert isinstance(caught.value.__cause__, duckdb.Error)
    assert "row" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Could not write: No space left on device", DiskFullError),
        ("Could not set lock on file", LockedError),
        ("Corrupt WAL file", IntegrityError),
        ("computed checksum 1 does not match", IntegrityError),
        ("anything else", BackendError),
    ],
)
def test_errors_by_who_must_act(text: str, kind: type[GovsdkError]) -> None:
    """A full disk, a lock and a damaged file are told apart."""
    with pytest.raises(kind), _translated():
        raise duckdb.IOException(text)


def test_another_process_has_the_file(tmp_path: Path) -> None:
    """While a foreign process has the database open, ours is told that it is locked."""
    with DuckRows.create(tmp_path / "rows"):
        pass
    program = f"""
import duckdb
connection = duckdb.connect({str(tmp_path / "rows")!r})
print("held", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockedError) as caught, DuckRows.open(tmp_path / "rows"):
            pass
        assert caught.value.facts["holder"] == str(other.pid)
        other.communicate("\n")
    with DuckRows.open(tmp_path / "rows") as rows:
        assert rows.count() == 0


def test_files_that_are_none(tmp_path: Path) -> None:
    """A missing file is a rollback, a foreign one damage, an existing one no place to create."""
    with pytest.raises(LedgerRollbackError), DuckRows.open(tmp_path / "rows"):
        pass
    (tmp_path / "rows").write_bytes(b"not a database" * 1000)
    with pytest.raises(IntegrityError), DuckRows.open(tmp_path / "rows"):
        pass
    with pytest.raises(ConflictError), DuckRows.create(tmp_path / "rows"):
        pass
