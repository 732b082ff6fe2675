"""Text on stdout and stderr, whatever lies behind them.

- A character that a stream cannot encode is written as its escape: it is no error.
- A reader who has closed the pipe has what they wanted: that is no error either.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO


def take_any_character() -> None:
    """Let stdout and stderr write what their encoding lacks as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def put(text: str, stream: TextIO | None) -> None:
    """Write ``text`` and flush it; None is a stream that was closed before the process began.

    Raises:
        OSError: It cannot be written, for another reason than that nobody reads.
    """
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as cause:
        _drain(stream)
        if not isinstance(cause, BrokenPipeError):
            raise


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person looks at ``stream``."""
    return stream is not None and stream.isatty()


def _drain(stream: TextIO) -> None:
    """Let what ``stream`` still holds go nowhere, or Python fails once more when it ends."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
