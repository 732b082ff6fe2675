"""Where a caller wants results put: looked at before the work that makes them.

An error names the option or argument, not the path: it may hold a person's id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from govsdk.errors import RequestError


def require_file(path: Path, what: str) -> None:
    """Accept a place where a file can be put or replaced, if need be in folders yet to be made.

    Raises:
        RequestError: There is a folder, or nothing can be put there.
    """
    if os.path.isdir(path):
        raise RequestError(f"{what}: there is a folder, not a file", hint="name a file in it")
    require_folder(path.absolute().parent, what)


def require_folder(path: Path, what: str) -> None:
    """Accept a folder that can be written to, or made.

    Raises:
        RequestError: It cannot.
    """
    whole = path.absolute()
    there = next(each for each in (whole, *whole.parents) if os.path.lexists(each))
    if not (os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)):
        raise RequestError(
            f"{what}: nothing can be written there", hint="name a place that you can write to"
        )


@contextmanager
def made_folder(path: Path, what: str) -> Iterator[None]:
    """Make ``path`` for the block; what was made goes again if the block fails and left it empty.

    Raises:
        RequestError: It is no folder, and none can be made there.
    """
    missing = list(takewhile(lambda each: not os.path.lexists(each), (path, *path.parents)))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise RequestError(f"{what} is no folder, and none can be made there") from cause
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for folder in missing:
                folder.rmdir()
        raise
