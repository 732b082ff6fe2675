"""Dishonest administrators: shorter, older and other histories are all noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from govsdk.errors import (
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    MissingAnchorError,
)
from govsdk.ledger import Ledger, writer
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


CHANGED = "UPDATE entries SET envelope = encode('{}') WHERE seq = 1"
RENAMED = "UPDATE entries SET once = 'x' WHERE seq = 1"
SWAPPED = "UPDATE entries SET once = CASE seq WHEN 0 THEN 'e1' ELSE 'e0' END WHERE seq < 2"


def published(folder: Path) -> dict[str, bytes]:
    """Return every file of the public folder."""
    files = (path for path in (folder / "log").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("sql", [CHANGED, RENAMED, SWAPPED])
def test_newest_rows_are_compared_whole(folder: Path, sql: str) -> None:
    """Envelopes and names of the newest rows are compared at an opening, and by a running process
    at each append: a retry under the old name is not appended again."""
    running, before = opened(folder), published(folder)
    assert running.append(envelope("e1"), once="e1").index == 1, "the control"
    in_sql(folder, sql)

    for ledger in (lambda: running, lambda: opened(folder)):
        with pytest.raises(FORK):
            ledger().append(envelope("e1"), once="e1")
    assert published(folder) == before


@pytest.mark.parametrize("sql", [CHANGED, RENAMED, SWAPPED])
def test_older_rows_are_compared_by_the_audit(
    folder: Path, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row older than those does not keep the ledger from opening; the audit names it."""
    monkeypatch.setattr(writer, "WHOLE", 1)
    assert opened(folder).audit().ok
    in_sql(folder, sql)

    failed = [f for f in opened(folder).audit().findings if f.error is not None]

    assert [finding.name for finding in failed] == ["rows"]


@pytest.mark.parametrize("sql", [CHANGED, "UPDATE entries SET leaf = leaf_hash WHERE seq = 1"])
def test_what_was_published_is_never_overwritten(
    folder: Path, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that grows keeps what it held, or nothing is written; put right, it grows."""
    monkeypatch.setattr(writer, "WHOLE", 1)
    before = published(folder)
    with duckdb.connect(str(folder / "ledger.duckdb")) as connection:
        honest = connection.execute("SELECT leaf, envelope FROM entries WHERE seq = 1").fetchone()
    in_sql(folder, sql)

    with pytest.raises(FORK):
        opened(folder).append(envelope("e3"), once="e3")
    assert published(folder) == before

    with duckdb.connect(str(folder / "ledger.duckdb")) as connection:
        put_back = "UPDATE entries SET leaf = ?, envelope = ? WHERE seq = 1"
        connection.execute(put_back, honest)
    assert opened(folder).audit().ok
    assert opened(folder).size == 4


def test_a_lost_file_is_not_made_from_changed_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are the files that are there written again."""
    monkeypatch.setattr(writer, "WHOLE", 1)
    in_sql(folder, CHANGED)
    (folder / "log" / "envelopes" / "000.p" / "3").unlink()
    before = published(folder)

    with pytest.raises(FORK):
        opened(folder)
    assert published(folder) == before


def test_a_found_name_is_for_the_entry_to_say(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names exchanged in SQL do not pass one entry's place off as another's."""
    monkeypatch.setattr(writer, "WHOLE", 1)
    assert opened(folder).find("e2") is not None
    in_sql(folder, SWAPPED)

    ledger = opened(folder)

    with pytest.raises(FORK):
        ledger.find("e1")
    with pytest.raises(FORK):
        ledger.append(envelope("e0"), once="e0")
    with pytest.raises(FORK):
        list(ledger.append_many([envelope("e0"), envelope("e1")]))
    assert ledger.find("e2") is not None


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


def test_a_rollback_to_nothing_is_noticed(tmp_path: Path) -> None:
    """Put back as it was before its first entry, the ledger is refused, and nothing is signed."""
    folder, anchor, old = tmp_path / "ledger", tmp_path / "anchor", tmp_path / "old"
    ledger = ledger_of(folder, 0, anchors=[anchor])
    shutil.copytree(folder, old)
    assert opened(folder, anchor).size == 0, "the control"
    ledger.append(envelope("e0"), once="e0")
    heads = sorted((anchor / keys().log.origin).iterdir())

    shutil.rmtree(folder)
    shutil.copytree(old, folder)

    with pytest.raises(LedgerRollbackError):
        opened(folder, anchor)
    with pytest.raises(LedgerRollbackError):
        Ledger(folder, keys=keys(), anchors=[anchor]).append(envelope("x0"), once="x0")
    assert sorted((anchor / keys().log.origin).iterdir()) == heads
    assert opened(folder).size == 0, "nothing outside remembers the entry"


@pytest.mark.parametrize("size", [0, 2])
def test_a_running_process_asks_the_anchors_too(tmp_path: Path, size: int) -> None:
    """What another process appended was rolled back to the very size that this one last saw."""
    folder, anchor, old = tmp_path / "ledger", tmp_path / "anchor", tmp_path / "old"
    ledger_of(folder, size, anchors=[anchor])
    running = opened(folder, anchor)
    shutil.copytree(folder, old)
    opened(folder, anchor).append_many([envelope("f0"), envelope("f1")])
    shutil.rmtree(folder)
    shutil.copytree(old, folder)

    with pytest.raises(LedgerRollbackError):
        running.append(envelope("x0"), once="x0")
    assert not (anchor / keys().log.origin / f"{size + 1}.txt").exists()


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


def test_an_anchor_that_is_emptied_meanwhile_is_not_begun_anew(tmp_path: Path) -> None:
    """Nor in the midst of a session; what stands in it besides heads does not count."""
    anchor = tmp_path / "anchor"
    running = ledger_of(tmp_path / "ledger", 2, anchors=[anchor])
    kept = anchor / keys().log.origin
    with running.session() as session:
        session.append(envelope("e2"), once="e2")
        assert (kept / "3.txt").exists(), "the control"
        for head in kept.iterdir():
            head.rename(head.with_suffix(".old"))
        with pytest.raises(MissingAnchorError):
            session.append(envelope("e3"), once="e3")
    with pytest.raises(MissingAnchorError):
        running.append(envelope("e4"), once="e4")

    assert not list(kept.glob("*.txt"))


def test_of_several_anchors_the_missing_one_is_named(tmp_path: Path) -> None:
    """By its place in the configuration, with what can be done about it."""
    anchors = [tmp_path / name for name in ("one", "two")]
    ledger_of(tmp_path / "ledger", 2, anchors=anchors)
    assert opened(tmp_path / "ledger", *anchors).size == 2
    shutil.rmtree(anchors[1])

    with pytest.raises(MissingAnchorError, match=str(anchors[1])) as caught:
        opened(tmp_path / "ledger", *anchors)

    assert caught.value.facts["folder"] == str(anchors[1])
    assert "workspace.yaml" in caught.value.hint


@pytest.mark.parametrize("gone", ["", keys().log.origin], ids=["unmounted", "emptied"])
def test_an_anchor_that_forgot_is_not_begun_anew(tmp_path: Path, gone: str) -> None:
    """Neither an opening nor a running process writes to an anchor that was taken away."""
    folder, anchor, old = tmp_path / "ledger", tmp_path / "anchor", tmp_path / "old"
    running = ledger_of(folder, 2, anchors=[anchor])
    shutil.copytree(folder, old)
    running.append(envelope("e2"), once="e2")
    shutil.move(anchor / gone, tmp_path / "aside")
    with pytest.raises(MissingAnchorError):
        running.append(envelope("e3"), once="e3")
    shutil.rmtree(folder)
    shutil.copytree(old, folder)

    with pytest.raises(MissingAnchorError, match="remembers nothing") as caught:
        opened(folder, anchor)

    assert "govsdk ledger anchor" in caught.value.hint
    assert not (anchor / keys().log.origin).exists()
    shutil.rmtree(anchor, ignore_errors=True)
    shutil.move(tmp_path / "aside", anchor / gone)
    with pytest.raises(LedgerRollbackError):
        opened(folder, anchor)


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
