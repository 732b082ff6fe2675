"""Seconds per stage, read off the progress that the stages report anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from govsdk.ports import Progress


class Stopwatch:
    """A ``Progress`` that times the stages and passes every report on."""

    def __init__(self, onward: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._onward = onward
        self._clock = clock
        self._began = self._last = clock()
        self._stage: str | None = None
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.lap()
        self._stage = stage
        self._onward(stage, done, total, note)

    def lap(self) -> None:
        """Book the time since the last report on the stage that gave it."""
        now = self._clock()
        if self._stage is not None:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._last
        self._last = now

    def figures(self) -> dict[str, float]:
        """Return seconds by stage, and in all, to a tenth."""
        self.lap()
        stages = {stage: round(spent, 1) for stage, spent in self.seconds.items()}
        return {**stages, "total": round(self._last - self._began, 1)}


def in_words(figures: Mapping[str, float]) -> str:
    """Return a stopwatch's figures for people, in whole seconds."""
    stages = [f"{name} {spent:.0f} s" for name, spent in figures.items() if name != "total"]
    return ": ".join(filter(None, [f"{figures['total']:.0f} s", ", ".join(stages)]))
