"""Silence that ends when nobody needs it any more."""

from collections.abc import Iterator

import pytest
from diffusers.utils import logging as diffusers
from transformers.utils import logging as transformers

from govsdk.models.quiet import quiet

LIBRARIES = (diffusers, transformers)


@pytest.fixture(autouse=True)
def _talkative() -> Iterator[None]:
    before = [(each.get_verbosity(), each.is_progress_bar_enabled()) for each in LIBRARIES]
    for library in LIBRARIES:
        library.set_verbosity_warning()
        library.enable_progress_bar()
    yield
    for library, (verbosity, bars) in zip(LIBRARIES, before, strict=True):
        library.set_verbosity(verbosity)
        if not bars:
            library.disable_progress_bar()


def settings() -> list[tuple[int, bool]]:
    return [(each.get_verbosity(), each.is_progress_bar_enabled()) for each in LIBRARIES]


def test_blocks_may_overlap() -> None:
    """As two threads open and leave them: silent until the last has gone, then as before."""
    before, (one, other) = settings(), (quiet(), quiet())

    one.__enter__()
    silent = settings()
    other.__enter__()
    one.__exit__(None, None, None)
    assert settings() == silent != before
    other.__exit__(None, None, None)

    assert settings() == before


def test_an_error_inside_ends_the_silence() -> None:
    """And it comes out."""
    before = settings()
    with pytest.raises(ValueError, match="inside, silent"), quiet():
        raise ValueError(f"inside, {'silent' if settings() != before else 'loud'}")

    assert settings() == before
