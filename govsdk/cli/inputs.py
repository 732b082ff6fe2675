"""Files that a caller names: read, or missing."""

from __future__ import annotations

from pathlib import Path

from govsdk.errors import MissingError


def read_input(path: Path) -> bytes:
    """Return a file the caller named.

    Raises:
        MissingError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as cause:
        raise MissingError(f"no file {path.name} can be read", hint="check the path") from cause


def read_key(path: Path) -> str:
    """Return the verifier key (vkey) in a file; what is wrong with it is found when it is used.

    Raises:
        MissingError: It cannot be read.
    """
    return read_input(path).decode("utf-8", "replace").strip()
