"""DuckDB 1.5 and 2.x: each writes on in the ledger that the other wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.pages import DOCS

OLDER = "1.5"
_CHILD = """
import sys
from pathlib import Path

import duckdb

from govsdk.ledger import Ledger
from tests.evidence import envelope, keys

folder, first = Path(sys.argv[1]), int(sys.argv[2])
make = Ledger.open if folder.exists() else Ledger.create
ledger = make(folder, keys=keys())
names = [f"e{number}" for number in range(first, first + 300)]
ledger.append(envelope(names[0]), once=names[0])
ledger.append_many([envelope(name) for name in names[1:]])
assert ledger.append(envelope(names[0]), once=names[0]).index == first
assert ledger.size == first + 300
ledger.audit().require()
print(duckdb.__version__)
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that shadows the installed DuckDB with an older one."""
    folder = tmp_path_factory.mktemp("duckdb")
    wanted = ["--no-deps", "--only-binary=:all:", "--target", str(folder), f"duckdb=={OLDER}.*"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No matching distribution found" in done.stderr:
        pytest.skip(f"no wheel of DuckDB {OLDER} for this machine")
    assert done.returncode == 0, done.stderr
    return folder


def write_on(ledger: Path, first: int, *shadowing: Path) -> str:
    """Append 300 entries in a process of its own and audit; return which DuckDB did."""
    path = os.pathsep.join(map(str, [*shadowing, DOCS.parent]))
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(ledger), str(first)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["older", "newer"])
def test_each_goes_on_where_the_other_stopped(begins: str, older: Path, tmp_path: Path) -> None:
    """Created by one, written on by the other and by the first again, audited each time."""
    shadowing = {"older": [older], "newer": []}
    turns = ["older", "newer", "older", "newer"][begins == "newer" :][:3]
    used = [
        write_on(tmp_path / "ledger", 300 * turn, *shadowing[who]) for turn, who in enumerate(turns)
    ]

    assert used[0] == used[2]
    assert {version.startswith(f"{OLDER}.") for version in used} == {True, False}
