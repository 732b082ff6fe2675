"""How long does a whole request take under each policy, and how does it end?

Run: ``python -m tests.bench policies``, or ``python -m tests.bench.bench_policies strict`` for one
policy (and ``--keep DIR`` to keep the workspace). Enrols the demo's people, most of whom have six
photos (with ``--photos 10`` everybody has ten at least, as many as relearning asks for), and
forgets the first of them, once for each policy from a copy of that workspace; prints the seconds of
each stage, the claims and the attacks. Goals on two cores: standard within 6 minutes, strict within
20.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from govsdk.cli.forgetting import describe
from govsdk.cli.stopwatch import Stopwatch
from govsdk.ports import silent
from tests.bench.bench_kill import build, opened, subject


def forget(place: Path, policy: str, console: Console) -> None:
    """Forget the first person in ``place`` and print how that went."""
    watch = Stopwatch(silent)
    result = opened(place).forget(subject(), policy, progress=watch)
    console.print(f"\n  {policy}: {result.headline}")
    for stage, seconds in watch.figures().items():
        console.print(f"    {stage:32}{seconds:8.1f} s")
    console.print(describe(result, {}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("policies", nargs="*", default=["standard", "strict"])
    parser.add_argument("--keep", type=Path, help="a folder for the workspaces; default: none kept")
    parser.add_argument("--photos", type=int, default=0, help="of each person, at least")
    asked = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "enrolled"
        build(first, asked.photos)
        for policy in asked.policies:
            place = (asked.keep or Path(folder)) / policy
            shutil.copytree(first, place)
            forget(place, policy, console)


if __name__ == "__main__":
    main()
