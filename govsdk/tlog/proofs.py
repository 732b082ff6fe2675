"""An entry's place in a log as one short text, for verifiers that know nothing of bundles.

Source: C2SP tlog-proof v1. No ``extra`` line is written, and one is refused, because nothing
authenticates it.
"""

from __future__ import annotations

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError
from govsdk.records import Position
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.merkle import leaf_hash, verify_inclusion
from govsdk.tlog.notes import MAX_NOTE_BYTES, VerifierKey

_HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_LINES = 63


def proof_text(position: Position) -> str:
    """Return ``position`` as the text of a ``.tlog-proof`` file."""
    hashes = [base64_text(bytes.fromhex(each)) for each in position.inclusion]
    head = "\n".join([_HEADER, f"index {position.index}", *hashes])
    return f"{head}\n\n{position.checkpoint}"


def verify_proof_text(text: bytes, leaf: bytes, *keys: VerifierKey) -> tuple[int, SignedCheckpoint]:
    """Return index and checkpoint of ``leaf``, once its proof ``text`` leads to the signed root.

    Raises:
        MalformedEvidenceError: ``text`` is no proof, or too large.
        SignatureError: None of the log's ``keys`` signed the checkpoint.
        ProofError: The path does not lead from ``leaf`` to its root.
    """
    index, hashes, note = _take_apart(text)
    checkpoint = open_checkpoint(note, *keys)
    verify_inclusion(leaf_hash(leaf), index, checkpoint.size, hashes, checkpoint.root)
    return index, checkpoint


def _take_apart(text: bytes) -> tuple[int, list[bytes], bytes]:
    head, blank, note = text.partition(b"\n\n")
    try:
        header, place, *lines = head.decode("ascii").split("\n")
    except ValueError as cause:
        raise _malformed("its first lines") from cause
    word, _, number = place.partition(" ")
    if not blank or len(text) > 2 * MAX_NOTE_BYTES or len(lines) > MAX_PROOF_LINES:
        raise _malformed("its size")
    if (header, word) != (_HEADER, "index") or not number.isascii() or not number.isdigit():
        raise _malformed("its first lines")
    if len(number) > 19 or str(int(number)) != number:
        raise _malformed("its index")
    return int(number), [base64_bytes(line, what="a proof line") for line in lines], note


def _malformed(detail: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"a tlog-proof: {detail}", reason="tlog-proof")
