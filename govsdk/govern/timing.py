"""How long each stage of a measurement takes: shown beside its progress, never signed."""

from __future__ import annotations

import time
from collections.abc import Callable

from govsdk.ports import Progress


class Timed:
    """A ``Progress`` that adds the seconds of the stage so far, and per picture drawn now."""

    def __init__(self, onward: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._onward = onward
        self._clock = clock
        self._stage: str | None = None
        self._began = 0.0
        self._first = 0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage != self._stage:
            self._stage, self._began, self._first = stage, self._clock(), done
        spent, drawn = self._clock() - self._began, done - self._first
        timing = f"{spent:.1f} s" + (f", {spent / drawn:.3f} s each" if drawn > 0 else "")
        self._onward(stage, done, total, f"{note}, {timing}" if note else timing)
