"""Keep diffusers and transformers from writing bars and advice to the user's screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence both libraries below errors for the block, and put their settings back after it."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    before = [
        (library, library.get_verbosity(), library.is_progress_bar_enabled())
        for library in (diffusers, transformers)
    ]
    for library, _, _ in before:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, verbosity, bars in before:
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()
