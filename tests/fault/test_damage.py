"""Files truncated, swapped for older ones, or with a bit flipped: reported, or shown harmless."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.evidence import flips
from tests.fault.ledger import ENTRIES, Tally, made, opened, reported

pytestmark = pytest.mark.slow

ROWS, WAL = "ledger.duckdb", "ledger.duckdb.wal"
DIES = """
import os, sys
from contextlib import contextmanager
from pathlib import Path
from govsdk.ledger import Ledger
from govsdk.ledger.rows import DuckRows
from tests.fault.ledger import ENTRIES, KEYS

@contextmanager
def dying(path):
    with DuckRows.open(path) as rows:
        yield rows
        os._exit(9)

Ledger(Path(sys.argv[1]), keys=KEYS, open_rows=dying).append(ENTRIES[2], once="e2")
"""


@pytest.fixture
def with_log(tmp_path: Path) -> Path:
    """A ledger of three entries whose last one is only in DuckDB's write-ahead log."""
    folder = tmp_path / "ledger"
    made(folder)
    died = subprocess.run([sys.executable, "-c", DIES, str(folder)], check=False)
    assert (died.returncode, (folder / WAL).exists()) == (9, True)
    return folder


def tried(base: Path, name: str, content: bytes | None, size: int) -> bool:
    """Return whether it is reported that file ``name`` of a copy has other ``content``."""
    copy = base.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(base, copy)
    if content is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(content)
    return reported(copy, size)


def test_truncated_write_ahead_logs(with_log: Path) -> None:
    """However much of its end is gone, the loss is reported; DuckDB alone says nothing."""
    content = (with_log / WAL).read_bytes()
    assert not tried(with_log, WAL, content, 3), "the control: untouched, it is complete"
    lengths = [0, *random.Random(2).sample(range(1, len(content)), 40), len(content) - 1]
    tally = Tally("truncated write-ahead log")
    for each in [None, *(content[:length] for length in lengths)]:
        tally.reported += tried(with_log, WAL, each, 3)
    tally.show()

    assert tally.reported == len(lengths) + 1


def test_flipped_bits_of_the_write_ahead_log(with_log: Path) -> None:
    """A flipped bit is reported, or everything reads back byte for byte."""
    original = (with_log / WAL).read_bytes()
    assert not tried(with_log, WAL, original, 3), "the control"
    tally = Tally("flipped write-ahead log")
    for changed in flips(original, most=80):
        if tried(with_log, WAL, changed, 3):
            tally.reported += 1
        else:
            tally.harmless += 1
    tally.show()

    assert tally.reported > 0


def test_flipped_bits_of_the_database(tmp_path: Path) -> None:
    """The same for the database file; free space in it is where flips are harmless."""
    made(tmp_path / "ledger", 3)
    original = (tmp_path / "ledger" / ROWS).read_bytes()
    assert not tried(tmp_path / "ledger", ROWS, original, 3), "the control"
    tally = Tally("flipped database")
    for changed in flips(original, most=120):
        if tried(tmp_path / "ledger", ROWS, changed, 3):
            tally.reported += 1
        else:
            tally.harmless += 1
    tally.show()

    assert tally.reported > 0


def test_old_files_put_back(tmp_path: Path) -> None:
    """Every older database in place of the present one is reported."""
    folder = tmp_path / "ledger"
    ledger = made(folder, 0)
    older = []
    for number, each in enumerate(ENTRIES):
        older.append((folder / ROWS).read_bytes())
        ledger.append(each, once=f"e{number}")
    assert not tried(folder, ROWS, (folder / ROWS).read_bytes(), 4), "the control"
    tally = Tally("older database")
    for content in older:
        tally.reported += tried(folder, ROWS, content, 4)
    tally.show()

    assert tally.reported == len(older)


WRITER = """
import sys
from pathlib import Path
from tests.fault.ledger import KEYS
from tests.vectors.world import entry
from govsdk.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]), keys=KEYS)
for number in range(int(sys.argv[2]), 10_000):
    ledger.append(entry(f"k{number}"), once=f"k{number}")
    print(number, flush=True)
"""


def test_killed_again_and_again(tmp_path: Path) -> None:
    """After each of twelve kills all that was acknowledged is there, once, and it goes on."""
    folder, rng, done = tmp_path / "ledger", random.Random(11), 0
    made(folder, 0)
    for _ in range(12):
        command = [sys.executable, "-c", WRITER, str(folder), str(done)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline()]
            time.sleep(rng.uniform(0, 0.5))
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.readlines()
        done += sum(line.endswith("\n") for line in lines)

        ledger = opened(folder)

        assert done <= ledger.size <= done + 1
        assert ledger.audit().ok
    sys.stdout.write(f"kills: 12, entries acknowledged {done}, lost 0, audits clean 12\n")
