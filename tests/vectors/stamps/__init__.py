"""Answers of a timestamp authority, kept: ``openssl`` gives another one each time it is asked.

``python -m tests.vectors.stamps`` asks anew, with new keys: needed only where the stamped heads
have changed, that is, where the honest certificate of ``tests.vectors.world`` has.
"""

from __future__ import annotations

from pathlib import Path

from govsdk.tlog.checkpoints import Checkpoint
from tests.vectors.world import HONEST, entry

FOLDER = Path(__file__).parent
OWN = HONEST.checkpoint
LATER = HONEST.plus(entry("e3")).checkpoint


def stamp(head: Checkpoint) -> bytes:
    """Return the authority's answer for ``head`` (TimeStampResp, DER)."""
    return (FOLDER / f"{head.size}.tsr").read_bytes()


def root(name: str) -> bytes:
    """Return the root certificate, PEM, of the ``authority`` or of a ``stranger``."""
    return (FOLDER / f"{name}.pem").read_bytes()
