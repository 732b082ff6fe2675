from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from govsdk.cli.progress import Bars, bars
from govsdk.cli.stopwatch import Stopwatch, in_words
from govsdk.ports import Progress as Reports
from govsdk.ports import silent
from tests.unit.cli.conftest import Govsdk


def test_nothing_is_drawn_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file gets no bars."""
    with bars() as progress:
        progress("edit", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_each_stage_has_one_bar() -> None:
    """Reports of one stage move one bar; the next stage opens another."""
    live = Progress(console=Console(file=io.StringIO()))
    progress = Bars(live)
    for stage, done in (("edit", 1), ("edit", 2), ("verify", 1)):
        progress(stage, done, 4, "loss 0.1")
    assert [(task.description, task.completed) for task in live.tasks] == [
        ("edit", 2),
        ("verify", 1),
    ]
    assert [task.finished for task in live.tasks] == [True, False]


def test_time_is_booked_on_the_stage_that_was_under_way() -> None:
    """From one report to the next, the clock runs for the one before."""
    now = iter([0.0, 1.0, 4.0, 9.0])
    watch = Stopwatch(silent, clock=lambda: next(now))
    watch("edit", 0, 1)
    watch("verify", 0, 1)
    assert watch.figures() == {"edit": 3.0, "verify": 5.0, "total": 9.0}


def test_figures_are_told_in_words() -> None:
    """The whole first; a call in which nothing had to be done has no stages."""
    assert in_words({"edit": 3.0, "verify": 5.2, "total": 9.0}) == "9 s: edit 3 s, verify 5 s"
    assert in_words({"total": 0.0}) == "0 s"


def test_evaluate_reports_its_own_stages(govsdk: Govsdk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar of one step would stand still for as long as all of it takes."""
    stages: list[str] = []

    @contextmanager
    def watched() -> Iterator[Reports]:
        yield lambda stage, *_: stages.append(stage)

    def measure(*, pictures: Path | None, progress: Reports) -> dict[str, object]:
        progress("photos", 0, 2)
        return {}

    monkeypatch.setattr("govsdk.cli.reference.bars", watched)
    monkeypatch.setattr("govsdk.reference.evaluate.evaluate", measure)
    assert govsdk("reference", "evaluate").code == 0
    assert stages == ["photos"]
