"""How much faster are pictures drawn if malloc keeps what a pass frees?

Run: ``python -m tests.bench memory``. Enrols the demo's people once and begins to forget the first
of them, up to the edit, in copies of that workspace and processes of their own: by turns with and
without ``keep_freed`` in ``govsdk/models/memory.py``. Prints the seconds and the page faults
of the stages that draw, and the ratio.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from govsdk.models import generator
from tests.bench.bench_kill import POLICY, build, opened, subject

STAGES, ROUNDS = ("baseline", "states"), 3
CHILD = """
import sys
from pathlib import Path
from tests.bench.bench_memory import begin
begin(Path(sys.argv[1]), sys.argv[2] == "kept")
"""


def begin(place: Path, kept: bool) -> None:
    """Forget until the edit begins; print seconds and page faults, and end the process."""
    if not kept:
        generator.keep_freed = lambda: None
    marks: dict[str, tuple[float, int]] = {}

    def progress(stage: str, _done: int, _total: int, _note: str = "") -> None:
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        marks.setdefault(stage, (time.perf_counter(), faults))
        if stage == "edit":
            first, last = marks[STAGES[0]], marks["edit"]
            print(json.dumps([last[0] - first[0], last[1] - first[1]]), flush=True)
            os._exit(0)

    opened(place).forget(subject(), POLICY, progress=progress)


def elsewhere(enrolled: Path, name: str) -> tuple[float, int]:
    """Return what :func:`begin` prints in a process and a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "place"
        shutil.copytree(enrolled, place)
        told = subprocess.run(
            [sys.executable, "-c", CHILD, str(place), name],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    seconds, faults = json.loads(told.stdout)
    return seconds, faults


def main() -> None:
    """Draw by turns and print both."""
    names = ("given back", "kept")
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        turns = [[elsewhere(Path(folder), name) for name in names] for _ in range(ROUNDS)]
    for place, name in enumerate(names):
        seconds, faults = (statistics.median(turn[place][k] for turn in turns) for k in (0, 1))
        print(
            f"{name:>10}: {seconds:.1f} s and {faults:.0f} page faults for {' and '.join(STAGES)}"
        )
    ratio = statistics.median(back[0] / kept[0] for back, kept in turns)
    print(f"{ratio:.2f} times as fast")
