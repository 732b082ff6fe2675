"""Crashes and full disks: nothing acknowledged is lost, nothing is appended twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from govsdk.errors import BackendError, DiskFullError, LedgerRollbackError
from govsdk.ledger import Ledger
from govsdk.ledger.rows import DuckRows, Row, Rows
from tests.evidence import envelope, keys, ledger_of

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

    def insert(self, rows: Sequence[Row]) -> None:
        fate = self.script.pop(0) if self.script else ""
        if fate != "not stored":
            self.rows.insert(rows)
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


def test_leftovers_of_a_crash_are_cleared(tmp_path: Path) -> None:
    """A wider file than the head needs, written before a crash, is gone after the next append."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    (tmp_path / "ledger/log/tile/0/000.p/7").write_bytes(bytes(32 * 7))
    assert not ledger.audit().ok

    ledger.append(envelope("e3"), once="e3")

    assert ledger.audit().ok


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_full_disk(tmp_path: Path) -> None:
    """On a full disk appends fail as such; everything acknowledged is there, and room heals."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=False
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        ledger = Ledger.create(disk / "ledger", keys=keys())
        ballast = disk / "ballast"
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast.write_bytes(bytes(free - 600_000))
        acknowledged = 0
        with pytest.raises(DiskFullError):
            while acknowledged < 500:
                name = f"f{acknowledged}"
                ledger.append(envelope(name, padding="x" * 30_000), once=name)
                acknowledged += 1
        assert 0 < acknowledged < 500

        ballast.unlink()
        name = f"f{acknowledged}"
        assert ledger.append(envelope(name), once=name).index == acknowledged
        assert ledger.size == acknowledged + 1
        assert Ledger.open(disk / "ledger", keys=keys()).audit().ok
    finally:
        subprocess.run(["umount", disk], check=True)


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
    """After kill -9 at any moment the ledger audits clean, holds all it acknowledged, and goes on."""
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


def test_a_lost_tail_of_the_write_ahead_log(tmp_path: Path) -> None:
    """DuckDB opens happily when its write-ahead log is gone; the ledger calls it a rollback."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, keys=keys())
    command = [sys.executable, "-c", KEPT_OPEN, str(folder)]
    subprocess.run(command, check=False, capture_output=True)
    wal = folder / "ledger.duckdb.wal"
    content = wal.read_bytes()
    assert Ledger.open(folder, keys=keys()).size == 1, "with the log in place nothing is lost"
    subprocess.run(command, check=False, capture_output=True)
    assert content

    wal.unlink()

    with pytest.raises(LedgerRollbackError):
        Ledger.open(folder, keys=keys())


# Appends one entry and dies before DuckDB folds its log into the file, head and files written.
KEPT_OPEN = """
import os, sys
from pathlib import Path
from govsdk.ledger import Ledger
from tests.evidence import envelope, keys
ledger = Ledger.open(Path(sys.argv[1]), keys=keys())
with ledger._writing() as rows:
    from govsdk.ledger.ledger import row_of
    name = f"w{rows.count()}"
    rows.insert([row_of(envelope(name), ledger._signer_key)])
    ledger._catch_up(rows)
    os._exit(9)
"""
