"""How long does a whole request take under each policy, and how does it end?

Run: ``python -m tests.bench policies``, or ``python -m tests.bench policies strict --person 2`` for
one policy and another person (and ``--keep DIR`` to keep the workspace). Enrols the demo's people,
most of whom have six photos (with ``--photos 10`` everybody has ten at least, as many as relearning
asks for), and forgets one of them, once for each policy from a copy of that workspace; prints the
seconds of each stage, the claims and the attacks. Goals on two cores: standard within 6 minutes,
strict within 20.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from govsdk.cli.demo.people import FORGETTABLE
from govsdk.cli.forgetting import describe
from govsdk.cli.stopwatch import Stopwatch
from govsdk.ports import silent
from tests.bench.bench_kill import build, opened, subject


def forget(place: Path, policy: str, person: int, console: Console) -> None:
    """Forget a person, counted from 1, in ``place`` and print how that went."""
    watch = Stopwatch(silent)
    result = opened(place).forget(subject(person), policy, progress=watch)
    console.print(f"\n  {policy}: {result.headline}")
    for stage, seconds in watch.figures().items():
        console.print(f"    {stage:32}{seconds:8.1f} s")
    console.print(describe(result, {}))


def main(
    policies: Annotated[
        list[str] | None,
        typer.Argument(help="Policies by name or file; default: standard and strict."),
    ] = None,
    person: Annotated[
        int, typer.Option(min=1, max=FORGETTABLE, help="Which of the demo's people to forget.")
    ] = 1,
    photos: Annotated[int, typer.Option(help="Photos of each person, at least.")] = 0,
    keep: Annotated[
        Path | None, typer.Option(help="A folder for the workspaces; default: none is kept.")
    ] = None,
) -> None:
    """Forget one person under each policy."""
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "enrolled"
        build(first, photos)
        for policy in policies or ("standard", "strict"):
            place = (keep or Path(folder)) / Path(policy).stem
            shutil.copytree(first, place)
            forget(place, policy, person, console)
