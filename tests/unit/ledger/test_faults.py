"""Crashes and full disks: nothing acknowledged is lost, nothing is appended twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from govsdk.errors import BackendError, DiskFullError, GovsdkError, LedgerRollbackError
from govsdk.ledger import Ledger
from govsdk.ledger.rows import DuckRows, Row, Rows
from tests.evidence import envelope, flips, keys, ledger_of
from tests.small_disk import nearly_full, needs_mount, no_file_larger_than, small_disk

OpenRows = Callable[[Path], AbstractContextManager[Rows]]


class Scripted:
    """Real rows whose next insert fails: before it is stored, or after."""

    def __init__(self, rows: Rows, script: list[str]) -> None:
        self.rows = rows
        self.script = script
        self.count = rows.count
        self.leaf_hashes = rows.leaf_hashes
        self.between = rows.between
        self.find = rows.find
        self.names = rows.names

    def insert(self, rows: Sequence[Row], *, first: int) -> None:
        fate = self.script.pop(0) if self.script else ""
        if fate != "not stored":
            self.rows.insert(rows, first=first)
        if fate:
            raise BackendError(fate)


def scripted(*script: str) -> OpenRows:
    """Return an ``open_rows`` whose inserts meet the fates of ``script`` in turn."""
    fates = list(script)

    @contextmanager
    def open_rows(path: Path) -> Iterator[Rows]:
        with DuckRows.open(path) as rows:
            yield Scripted(rows, fates)

    return open_rows


@pytest.mark.parametrize("fate", ["not stored", "stored"])
def test_an_insert_that_fails_either_way(tmp_path: Path, fate: str) -> None:
    """Whether or not the failed insert was stored, the retry gives one entry and one place."""
    ledger_of(tmp_path / "ledger", 2)
    ledger = Ledger.open(tmp_path / "ledger", keys=keys(), open_rows=scripted(fate))
    with pytest.raises(BackendError, match=fate):
        ledger.append(envelope("e2"), once="e2")
    assert ledger.head().size == 2, "an append that failed is not in the signed head"

    place = ledger.append(envelope("e2"), once="e2")

    assert (place.index, ledger.size) == (2, 3)
    assert ledger.audit().ok


def test_rows_beyond_the_head_are_kept(tmp_path: Path) -> None:
    """After a crash between commit and checkpoint, opening signs the head over what was stored."""
    ledger_of(tmp_path / "ledger", 2)
    crashed = Ledger.open(tmp_path / "ledger", keys=keys(), open_rows=scripted("stored"))
    with pytest.raises(BackendError):
        crashed.append(envelope("e2"), once="e2")

    healed = Ledger.open(tmp_path / "ledger", keys=keys())

    assert healed.size == 3
    assert healed.find("e2") is not None
    assert healed.audit().ok


@pytest.mark.parametrize("lost", ["tile/0/000.p/3", "tile/entries/000.p/3", "envelopes/000.p/3"])
def test_a_lost_file_of_the_log_is_written_again(tmp_path: Path, lost: str) -> None:
    """Files that a crash took are rebuilt from the rows, byte for byte."""
    ledger_of(tmp_path / "ledger", 3)
    path = tmp_path / "ledger" / "log" / lost
    content = path.read_bytes()
    path.unlink()

    ledger = Ledger.open(tmp_path / "ledger", keys=keys())

    assert path.read_bytes() == content
    assert ledger.audit().ok


@pytest.mark.parametrize(
    "left",
    ["tile/0/000.p/2", "tile/entries/000.p/7", ".checkpoint.42.tmp", "envelopes/.000.42.tmp"],
)
def test_leftovers_of_a_crash_are_cleared(tmp_path: Path, left: str) -> None:
    """Files that a dead process left beside the head's are gone once the ledger is opened."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    (tmp_path / "ledger/log" / left).write_bytes(b"half-written")
    assert not ledger.audit().ok

    assert Ledger.open(tmp_path / "ledger", keys=keys()).audit().ok


@needs_mount
def test_a_full_disk(tmp_path: Path) -> None:
    """On a full disk appends fail as such; everything acknowledged is there, and room heals."""
    with small_disk(tmp_path / "disk", mebibytes=4) as disk:
        fails_and_goes_on(disk / "ledger", nearly_full(disk, 600_000))


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """The same where nobody may mount a disk: so one of the two always runs."""
    fails_and_goes_on(tmp_path / "ledger", no_file_larger_than(600_000))


def fails_and_goes_on(folder: Path, full: AbstractContextManager[None]) -> None:
    """Append to a new ledger until nothing fits while ``full`` lasts; after it, go on."""
    ledger = Ledger.create(folder, keys=keys())
    acknowledged: list[str] = []
    with full, pytest.raises(DiskFullError):
        append_for_ever(ledger, acknowledged)
    assert acknowledged

    place = ledger.append(envelope("room"), once="room")

    assert place.index in (len(acknowledged), len(acknowledged) + 1)
    assert all(ledger.find(name) for name in acknowledged)
    assert Ledger.open(folder, keys=keys()).audit().ok


def append_for_ever(ledger: Ledger, acknowledged: list[str]) -> None:
    while True:
        name = f"f{len(acknowledged)}"
        ledger.append(envelope(name, padding="x" * 30_000), once=name)
        acknowledged.append(name)


WRITER = """
import pickle, sys
from pathlib import Path
from govsdk.ledger import Ledger
from tests.evidence import envelope, keys
ledger = Ledger.open(Path(sys.argv[1]), keys=keys())
for number in range(int(sys.argv[2]), 1000):
    place = ledger.append(envelope(f"k{number}"), once=f"k{number}")
    print(number, place.index, flush=True)
"""


def test_killed_while_appending(tmp_path: Path) -> None:
    """After kill -9 the ledger audits clean, holds all that was acknowledged, and goes on."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, keys=keys())
    rng = random.Random(5)
    done = 0
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(folder), str(done)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline()]
            time.sleep(rng.uniform(0, 0.4))
            writer.send_signal(signal.SIGKILL)
            lines += writer.stdout.readlines()
        whole = [line for line in lines if line.endswith("\n")]
        done += len(whole)
        assert whole
        assert all(number == index for number, index in (line.split() for line in whole))

        ledger = Ledger.open(folder, keys=keys())

        assert done <= ledger.size <= done + 1
        assert ledger.audit().ok


DIES_HOLDING_THE_DATABASE = """
import os, sys
from contextlib import contextmanager
from pathlib import Path
from govsdk.ledger import Ledger
from govsdk.ledger.rows import DuckRows
from tests.evidence import envelope, keys

@contextmanager
def dying(path):
    with DuckRows.open(path) as rows:
        yield rows
        os._exit(9)

Ledger(Path(sys.argv[1]), keys=keys(), open_rows=dying).append(envelope("e1"), once="e1")
"""


def test_a_lost_tail_of_the_write_ahead_log(tmp_path: Path) -> None:
    """DuckDB opens happily when its write-ahead log is gone; the ledger calls it a rollback."""
    folder = tmp_path / "ledger"
    ledger_of(folder, 1)
    command = [sys.executable, "-c", DIES_HOLDING_THE_DATABASE, str(folder)]
    assert subprocess.run(command, check=False).returncode == 9
    shutil.copytree(folder, tmp_path / "copy")
    assert Ledger.open(tmp_path / "copy", keys=keys()).size == 2

    (folder / "ledger.duckdb.wal").unlink()

    with DuckRows.open(folder / "ledger.duckdb") as rows:
        assert rows.count() == 1
    with pytest.raises(LedgerRollbackError):
        Ledger.open(folder, keys=keys())


def test_damage_of_the_database_is_reported_or_harmless(tmp_path: Path) -> None:
    """A flipped byte of the database file is reported, or everything reads back as it was."""
    folder = tmp_path / "ledger"
    ledger = ledger_of(folder, 3)
    before = [ledger.find(f"e{number}") for number in range(3)]
    path = folder / "ledger.duckdb"
    original = path.read_bytes()

    reported = 0
    for changed in flips(original, most=25):
        path.write_bytes(changed)
        try:
            damaged = Ledger.open(folder, keys=keys())
            assert damaged.audit().ok
            assert [damaged.find(f"e{number}") for number in range(3)] == before
        except GovsdkError:
            reported += 1
        (folder / "ledger.duckdb.wal").unlink(missing_ok=True)
    path.write_bytes(original)

    assert reported > 0
    assert Ledger.open(folder, keys=keys()).audit().ok
