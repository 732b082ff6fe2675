"""Each system call of an append fails once: what was acknowledged is there, and a retry heals.

What was found stands in docs/threat_model.md; the numbers are those of one version of DuckDB.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.fault.ledger import ENTRIES, Tally, made, opened

CALLS = "write,pwrite64,fdatasync,fsync,rename,unlink,unlinkat,ftruncate"
APPEND = """
import sys
from pathlib import Path
from govsdk.errors import GovsdkError
from tests.fault.ledger import ENTRIES, KEYS
from govsdk.ledger import Ledger
try:
    Ledger.open(Path(sys.argv[1]), keys=KEYS).append(ENTRIES[2], once="e2")
except GovsdkError as error:
    sys.exit(3)
sys.exit(0)
"""

PAGE = Path(__file__).parents[2] / "docs" / "threat_model.md"
FAULTS = [
    ("write", "EIO"),
    ("write", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("fdatasync", "EIO"),
    ("fsync", "EIO"),
    ("rename", "EIO"),
    ("unlink", "EIO"),
]


def rows_of_the_page() -> dict[str, str]:
    """Return the page's rows about system calls by what was made to fail."""
    found = re.finditer(r"^\| (`\w+` [A-Z]+) \|.*$", PAGE.read_text(), re.MULTILINE)
    return {each[1]: each[0] for each in found}


def test_the_page_tells_of_every_fault() -> None:
    """docs/threat_model.md has a row for each, and in each row the parts make up the whole."""
    rows = rows_of_the_page()
    assert list(rows) == [f"`{call}` {error}" for call, error in FAULTS]

    for row in rows.values():
        tried, reported, harmless = map(int, re.findall(r"(?<=\| )\d+(?= \|)", row))
        assert tried == reported + harmless > 0


def append_under_strace(folder: Path, trace: Path, *options: str) -> int:
    """Return how an append in another process ended: 0 acknowledged, 3 refused with our error."""
    command = ["strace", "-f", "-o", str(trace), "-e", f"trace={CALLS}", *options]
    command += [sys.executable, "-c", APPEND, str(folder)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if "ptrace" in done.stderr.lower():
        pytest.skip("tracing is not allowed here")
    assert done.returncode in (0, 3), done.stderr
    return done.returncode


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(("call", "error"), FAULTS)
def test_every_call_fails_once(tmp_path: Path, call: str, error: str) -> None:
    """Whichever call of its kind fails: no traceback, nothing lost, nothing twice, audit clean."""
    base, trace = tmp_path / "base", tmp_path / "trace"
    made(base)
    shutil.copytree(base, tmp_path / "clean")
    assert append_under_strace(tmp_path / "clean", trace) == 0
    calls = len(re.findall(rf"^\d+ +{call}\(", trace.read_text(), re.MULTILINE))
    assert calls, f"an append makes no {call}: nothing was tested"
    tally = Tally(f"`{call}` {error}")
    for number in range(1, calls + 1):
        folder = tmp_path / f"{call}-{number}"
        shutil.copytree(base, folder)
        fault = f"inject={call}:error={error}:when={number}"
        refused = append_under_strace(folder, trace, "-e", fault) == 3
        assert "(INJECTED)" in trace.read_text()
        tally.reported += refused
        tally.harmless += not refused

        ledger = opened(folder)

        assert ledger.size in ((2, 3) if refused else (3,))
        assert ledger.append(ENTRIES[2], once="e2").index == 2
        assert (ledger.size, ledger.audit().ok) == (3, True)
        shutil.rmtree(folder)
    tally.show()
    if f"DuckDB {duckdb.__version__}" in PAGE.read_text():
        assert tally.row == rows_of_the_page()[tally.what], "the page tells of another outcome"
