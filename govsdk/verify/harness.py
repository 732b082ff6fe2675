"""The digest of the judging code, so that a report says which judge measured.

That is ``verify``, ``policy`` and ``models``, for D, the thresholds and what is drawn and scored
are the models' part; and the two modules that all of these share: a person's centroid, by which
each picture is judged, is computed in ``ports``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from govsdk.canonical import source_digest
from govsdk.records import Sha256

_PACKAGE = Path(__file__).parent.parent
_PARTS = ("verify", "policy", "models", "ports.py", "records.py")


@cache
def harness_digest() -> Sha256:
    """Return the digest of the judging source files, by name."""
    return source_digest(_PACKAGE, *_PARTS)
