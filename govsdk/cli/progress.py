"""One adapter from ``ports.Progress`` to rich's bars: on stderr, only where a person looks."""

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
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from govsdk.cli.verb import LOUD, screen
from govsdk.ports import Progress


class Bars:
    """A ``Progress`` that shows one bar per stage and keeps the finished ones on the screen."""

    def __init__(self, live: RichProgress) -> None:
        self._live = live
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage not in self._tasks:
            self._close()
            self._tasks[stage] = self._live.add_task(stage, total=total, note=note)
        self._live.update(self._tasks[stage], completed=done, total=total, note=note)

    def _close(self) -> None:
        """Tick off the stage before, which may have stopped early."""
        for task in self._live.tasks[-1:]:
            self._live.update(task.id, total=task.completed)


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
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with RichProgress(*columns, console=console, disable=hidden) as live:
        yield Bars(live)
