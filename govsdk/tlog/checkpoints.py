"""Checkpoints: the signed statement of how many entries a log holds, and of its root.

Source: C2SP tlog-checkpoint v1.0.0. Extension lines are refused: this log writes none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError
from govsdk.tlog.notes import VerifierKey, note, open_note, take_apart

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

    @property
    def own_note(self) -> str:
        """The note with all signatures in the log's own name, and no witness's."""
        text, lines = take_apart(self.note.encode())
        return note(text, *((name, value) for name, value in lines if name == self.origin))


def open_checkpoint(signed: bytes, key: VerifierKey, *others: VerifierKey) -> SignedCheckpoint:
    """Return the checkpoint in the note ``signed``, which the log ``key`` must have signed.

    Args:
        others: Keys that the log had before, or has since; one signature is enough.

    Raises:
        MalformedEvidenceError: It is no checkpoint, or one of another log.
        SignatureError: The log's key did not sign it.
    """
    return _checkpoint(signed, open_note(signed, key, *others), key.name)


def remembered_checkpoint(signed: bytes, origin: str) -> SignedCheckpoint:
    """Return the checkpoint in a note that was verified when it was kept; its signatures are not.

    The log's key may have been replaced since. So the caller knows that the note is the one that
    was kept, or holds the root against the log itself.

    Raises:
        MalformedEvidenceError: It is no checkpoint, or one of another log than ``origin``.
    """
    return _checkpoint(signed, take_apart(signed)[0], origin)


def _checkpoint(signed: bytes, text: str, origin: str) -> SignedCheckpoint:
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not _SIZE.fullmatch(lines[1]):
        raise MalformedEvidenceError("the note is no checkpoint", reason="checkpoint")
    root = base64_bytes(lines[2], what="the checkpoint's root")
    if lines[0] != origin or len(root) != 32:
        raise MalformedEvidenceError("a checkpoint of another log", reason="origin")
    return SignedCheckpoint(lines[0], int(lines[1]), root, signed.decode())
