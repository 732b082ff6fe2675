"""Keep diffusers and transformers from writing bars and advice to the user's screen.

The settings are the process's: blocks may overlap, in one thread or in several, and the last that
ends puts back what the first one found.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Silence:
    """How many blocks are open, and what the first of them found."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._before: list[tuple[Any, int, bool]] = []

    def begin(self) -> None:
        from diffusers.utils import logging as diffusers
        from transformers.utils import logging as transformers

        with self._lock:
            self._open += 1
            if self._open > 1:
                return
            for library in (diffusers, transformers):
                found = library.get_verbosity(), library.is_progress_bar_enabled()
                self._before.append((library, *found))
                library.set_verbosity_error()
                library.disable_progress_bar()

    def end(self) -> None:
        with self._lock:
            self._open -= 1
            while not self._open and self._before:
                library, verbosity, bars = self._before.pop()
                library.set_verbosity(verbosity)
                if bars:
                    library.enable_progress_bar()


_silence = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence both libraries below errors for the block, and put their settings back after it."""
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()
