"""Text on stdout and stderr, whatever lies behind them.

- Files and pipes get UTF-8, whatever the locale: a checkpoint that lacks a character is no note.
- A character that a terminal cannot encode is written as its escape: it is no error.
- A reader who has closed the pipe has what they wanted: that is no error either.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO


def take_any_character() -> None:
    """Let stdout and stderr write whatever they are given."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = stream.encoding if is_terminal(stream) else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


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
