"""Dishonest administrators: shorter, older and other histories are all noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from govsdk.errors import IntegrityError, LedgerForkError, LedgerRollbackError
from govsdk.ledger import Ledger
from tests.evidence import envelope, keys, ledger_of

FORK = LedgerForkError
REST = "once, leaf_hash, leaf, envelope"


def opened(folder: Path, *anchors: Path) -> Ledger:
    return Ledger.open(folder, keys=keys(), anchors=anchors)


def in_sql(folder: Path, statement: str) -> None:
    """Do to the rows what an administrator with a SQL prompt can do."""
    with duckdb.connect(str(folder / "ledger.duckdb")) as connection:
        connection.execute(statement)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of three entries."""
    ledger_of(tmp_path / "ledger", 3)
    return tmp_path / "ledger"


def test_an_older_database_is_a_rollback(folder: Path, tmp_path: Path) -> None:
    """An old file in place of the new one is refused, for opening and for a running process."""
    shutil.copy(folder / "ledger.duckdb", tmp_path / "old")
    ledger = opened(folder)
    ledger.append(envelope("e3"), once="e3")
    assert opened(folder).size == 4

    shutil.copy(tmp_path / "old", folder / "ledger.duckdb")

    with pytest.raises(LedgerRollbackError, match="ROLLBACK"):
        opened(folder)
    with pytest.raises(LedgerRollbackError):
        ledger.append(envelope("e4"), once="e4")


def test_a_lost_database_is_a_rollback(folder: Path) -> None:
    """Without its database the ledger does not start anew."""
    opened(folder)
    (folder / "ledger.duckdb").unlink()

    with pytest.raises(LedgerRollbackError):
        opened(folder)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("DELETE FROM entries WHERE seq = 2", LedgerRollbackError),
        ("DELETE FROM entries WHERE seq = 1", FORK),
        ("UPDATE entries SET seq = 2 - seq", FORK),
        ("UPDATE entries SET leaf_hash = leaf WHERE seq = 1", FORK),
        ("INSERT INTO entries SELECT * FROM entries WHERE seq = 1", FORK),
        (f"INSERT INTO entries SELECT 3, {REST} FROM entries WHERE seq = 1", FORK),
        (f"INSERT INTO entries SELECT 3, 'x', {REST[6:]} FROM entries LIMIT 1", FORK),
        (
            "INSERT INTO entries SELECT 3, 'x', leaf, leaf, leaf FROM entries LIMIT 1",
            LedgerForkError,
        ),
    ],
)
def test_rows_changed_in_sql(folder: Path, sql: str, error: type[Exception]) -> None:
    """Deleted, reordered, rewritten, doubled and forged rows are refused, and nothing is signed."""
    head = opened(folder).head()
    in_sql(folder, sql)

    with pytest.raises(error):
        opened(folder)
    assert Ledger(folder, keys=keys()).head() == head


def test_a_changed_payload_is_found_by_the_audit(folder: Path) -> None:
    """A row whose envelope was rewritten opens, but does not pass the audit."""
    assert opened(folder).audit().ok
    in_sql(folder, "UPDATE entries SET envelope = encode('{}') WHERE seq = 1")

    failed = [f for f in opened(folder).audit().findings if f.error is not None]

    assert [finding.name for finding in failed] == ["rows"]


def test_a_forged_or_missing_head(folder: Path) -> None:
    """A head by another key, or none, is not repaired by signing a new one."""
    checkpoint = folder / "log" / "checkpoint"
    original = checkpoint.read_bytes()
    checkpoint.write_bytes(keys(8).log.sign(opened(folder).head().text).encode())
    with pytest.raises(IntegrityError):
        opened(folder)

    checkpoint.unlink()
    with pytest.raises(IntegrityError):
        opened(folder)

    checkpoint.write_bytes(original)
    assert opened(folder).size == 3


def test_anchors_notice_that_the_whole_folder_went_back(tmp_path: Path) -> None:
    """With an anchor the rollback of everything is refused; without one it cannot be noticed."""
    folder, anchor, old = tmp_path / "ledger", tmp_path / "anchor", tmp_path / "old"
    ledger = ledger_of(folder, 2, anchors=[anchor])
    shutil.copytree(folder, old)
    ledger.append(envelope("e2"), once="e2")
    assert opened(folder, anchor).size == 3

    shutil.rmtree(folder)
    shutil.copytree(old, folder)

    with pytest.raises(LedgerRollbackError):
        opened(folder, anchor)
    assert opened(folder).size == 2, "nothing outside remembers the third entry"


def test_anchors_notice_another_history(tmp_path: Path) -> None:
    """A rewritten history of the same length contradicts the anchor."""
    folder, anchor = tmp_path / "ledger", tmp_path / "anchor"
    ledger_of(folder, 2, anchors=[anchor])
    shutil.rmtree(folder)
    with pytest.raises(LedgerRollbackError):
        Ledger.create(folder, keys=keys(), anchors=[anchor])
    Ledger.create(folder, keys=keys()).append_many([envelope("e0"), envelope("other")])

    with pytest.raises(LedgerForkError):
        opened(folder, anchor)


def test_anchors_hold_every_head(tmp_path: Path) -> None:
    """Each head is kept under its size, and one that was missed is given later."""
    anchor = tmp_path / "anchor"
    ledger_of(tmp_path / "ledger", 2, anchors=[anchor])
    kept = anchor / keys().log.origin
    assert sorted(path.name for path in kept.iterdir()) == ["0.txt", "1.txt", "2.txt"]
    (kept / "2.txt").unlink()

    head = opened(tmp_path / "ledger", anchor).head()

    assert (kept / "2.txt").read_text() == head.note


def test_files_that_contradict_the_head_are_not_signed_over(folder: Path) -> None:
    """A tile changed on the disk cannot mislead the ledger into signing another tree."""
    ledger = opened(folder)
    place = ledger.find("e1")
    tile = folder / "log" / "tile" / "0" / "000.p" / "3"
    content = tile.read_bytes()
    tile.write_bytes(bytes(32) + content[32:])

    with pytest.raises(IntegrityError):
        ledger.find("e1")
    tile.write_bytes(content)
    assert ledger.find("e1") == place
