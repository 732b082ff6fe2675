"""Keep diffusers and transformers from writing bars and advice to the user's screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence both libraries below errors for the block, and put their settings back after it."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    before = [(lib, lib.get_verbosity(), lib.is_progress_bar_enabled()) for lib in (diffusers, transformers)]
    for lib, _, _ in before:
        lib.set_verbosity_error()
        lib.disable_progress_bar()
    try:
        yield
    finally:
        for lib, verbosity, bars in before:
            lib.set_verbosity(verbosity)
            if bars:
                lib.enable_progress_bar()
