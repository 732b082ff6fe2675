"""The digest of the judging code, so that a report says which judge measured.

That is ``verify``, ``policy`` and ``models``: D, the thresholds and what is drawn and scored are
the models' part.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from govsdk.canonical import digest, sha256_hex
from govsdk.records import Sha256

_PACKAGE = Path(__file__).parent.parent
_PARTS = ("verify", "policy", "models")


@cache
def harness_digest() -> Sha256:
    """Return the digest of the judging source files, by name."""
    files = [file for part in _PARTS for file in (_PACKAGE / part).rglob("*.py")]
    return digest(
        {str(f.relative_to(_PACKAGE).as_posix()): sha256_hex(f.read_bytes()) for f in files}
    )
