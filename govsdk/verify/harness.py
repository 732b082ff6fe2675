"""The digest of the judging code, so that a report says which judge measured."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from govsdk.canonical import digest, sha256_hex
from govsdk.records import Sha256

_PACKAGE = Path(__file__).parent.parent


@cache
def harness_digest() -> Sha256:
    """Return the digest of the source files of ``verify`` and ``policy``, by name."""
    files = [*(_PACKAGE / "verify").rglob("*.py"), *(_PACKAGE / "policy").glob("*.py")]
    return digest(
        {str(f.relative_to(_PACKAGE).as_posix()): sha256_hex(f.read_bytes()) for f in files}
    )
