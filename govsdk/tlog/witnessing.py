"""What a log sends its witness: a new head, and the proof that it continues the last one.

Source: C2SP tlog-witness v1.0.0, the body of ``add-checkpoint``; here it travels as a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError
from govsdk.tlog.notes import MAX_NOTE_BYTES

MAX_PROOF_LINES = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Offer:
    """A new head for a witness; nothing in it has been verified."""

    old: int
    """Size of the head that the witness is believed to have last; 0 for none."""
    proof: tuple[bytes, ...]
    """Consistency proof from ``old`` to the new head; empty if ``old`` is 0."""
    note: bytes
    """The signed checkpoint."""

    def to_bytes(self) -> bytes:
        """Return the offer as a file."""
        lines = [f"old {self.old}", *map(base64_text, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note


def parse_offer(data: bytes) -> Offer:
    """Return the offer in ``data``.

    Raises:
        MalformedEvidenceError: It is none, or too large.
    """
    head, blank, note = data.partition(b"\n\n")
    if not blank or len(data) > 2 * MAX_NOTE_BYTES:
        raise _malformed("its size")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as cause:
        raise _malformed("its first lines") from cause
    size = _OLD.fullmatch(first)
    if size is None or len(lines) > MAX_PROOF_LINES:
        raise _malformed("its first lines")
    return Offer(int(size.group(1)), _hashes(lines), note)


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    found = tuple(base64_bytes(line, what="a proof line") for line in lines)
    if any(len(each) != 32 for each in found):
        raise _malformed("a proof line")
    return found


def _malformed(detail: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"an offer to a witness: {detail}", reason="offer")
