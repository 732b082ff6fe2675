"""Checkpoints: the signed statement of how many entries a log holds, and of its root.

Source: C2SP tlog-checkpoint v1.0.0. Extension lines are refused: this log writes none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError
from govsdk.tlog.notes import VerifierKey, open_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log."""

    origin: str
    """The log's name: a bare host name."""
    size: int
    """Entries, >= 0."""
    root: bytes
    """Merkle tree head, 32 bytes."""

    @property
    def text(self) -> str:
        """What the log signs."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


@dataclass(frozen=True)
class SignedCheckpoint(Checkpoint):
    """The head of a log, with the note that signs it."""

    note: str


def open_checkpoint(signed: bytes, key: VerifierKey) -> SignedCheckpoint:
    """Return the checkpoint in the note ``signed``, which the log ``key`` must have signed.

    Raises:
        MalformedEvidenceError: It is no checkpoint, or one of another log.
        SignatureError: The log's key did not sign it.
    """
    lines = open_note(signed, key).split("\n")
    if len(lines) != 4 or lines[3] or not _SIZE.fullmatch(lines[1]):
        raise MalformedEvidenceError("the note is no checkpoint", reason="checkpoint")
    root = base64_bytes(lines[2], what="the checkpoint's root")
    if lines[0] != key.name or len(root) != 32:
        raise MalformedEvidenceError("a checkpoint of another log", reason="origin")
    return SignedCheckpoint(lines[0], int(lines[1]), root, signed.decode())
