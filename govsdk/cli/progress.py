"""One adapter from ``records.Progress`` to rich's bars: on stderr, only where a person looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from govsdk.cli.verb import LOUD, screen
from govsdk.records import Progress


class Bars:
    """A ``Progress`` that shows one bar per stage and keeps the finished ones on the screen."""

    def __init__(self, live: RichProgress) -> None:
        self._live = live
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        task = self._tasks.get(stage)
        if task is None:
            task = self._tasks[stage] = self._live.add_task(stage, total=total, note=note)
        self._live.update(task, completed=done, total=total, note=note)


@contextmanager
def bars() -> Iterator[Progress]:
    """Yield a ``Progress`` that draws bars on a terminal and does nothing anywhere else."""
    console = Console(stderr=True)
    hidden = not console.is_terminal or screen.get() != LOUD
    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<24}", markup=False),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left", style="dim"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with RichProgress(*columns, console=console, disable=hidden) as live:
        yield Bars(live)
