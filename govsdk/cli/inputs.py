"""Files that a caller names: read, or missing.

An error names the option or argument, not the file: its name may hold a person's id.
"""

from __future__ import annotations

from pathlib import Path

from govsdk.errors import MissingError


def read_input(path: Path, what: str) -> bytes:
    """Return a file that the caller named with the option or argument ``what``.

    Raises:
        MissingError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as cause:
        raise MissingError(
            f"{what}: there is no file that can be read", hint="check the path"
        ) from cause


def read_key(path: Path, what: str) -> str:
    """Return the verifier key (vkey) in a file; what is wrong with it is found when it is used.

    Raises:
        MissingError: It cannot be read.
    """
    return read_input(path, what).decode("utf-8", "replace").strip()
