"""Cosignatures: a witness's word that it saw a log's head at a time, and no other of that size.

Invariants:

- what is signed is the note's text with a date before it, so no cosignature passes for the log's
  own signature, nor the other way round; key types are told apart by their ids too;
- a quorum counts keys, not names or lines: a witness that signs twice counts once.

Source: C2SP tlog-cosignature v1.0.1, Ed25519 (key type 0x04).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError, RequestError, SignatureError
from govsdk.tlog.notes import is_key_name, note, take_apart
from govsdk.tlog.signatures import Ed25519Key, ed25519_verify

_TYPE = b"\x04"
_TIME_BYTES = 8
_LENGTH = 4 + _TIME_BYTES + 64


@dataclass(frozen=True)
class WitnessKey:
    """A named witness's Ed25519 key, pinned by whoever verifies."""

    name: str
    public: bytes
    """32 bytes."""

    @classmethod
    def parse(cls, vkey: str) -> WitnessKey:
        """Return the key that ``vkey`` (``name+id+key``) spells.

        Raises:
            RequestError: It is no cosignature vkey: a log's own key is not a witness's.
        """
        name, _, rest = vkey.strip().partition("+")
        try:
            data = base64_bytes(rest.partition("+")[2], what="the vkey")
        except MalformedEvidenceError as cause:
            raise RequestError("the witness's key is not a vkey") from cause
        key = cls(name, data[1:])
        if data[:1] != _TYPE or len(key.public) != 32 or str(key) != vkey.strip():
            raise RequestError("the witness's key is not an Ed25519 cosignature vkey")
        return key

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256 over name, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _TYPE + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64_text(_TYPE + self.public)}"


@dataclass(frozen=True)
class WitnessSigner:
    """A witness's key, held in memory."""

    name: str
    key: Ed25519Key

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise RequestError("a witness's name holds no space and no '+'")

    @property
    def verifier(self) -> WitnessKey:
        """The public half."""
        return WitnessKey(self.name, self.key.public)

    def cosign(self, text: str, *, seconds: int) -> str:
        """Return ``text`` as a note that carries this witness's signature alone.

        Args:
            text: A checkpoint's, without signatures.
            seconds: When it was seen, since 1970 (UTC).
        """
        signature = self.key.sign(_message(text, seconds))
        stamped = seconds.to_bytes(_TIME_BYTES, "big") + signature
        return note(text, (self.name, self.verifier.key_id + stamped))


def witnesses_of(signed: bytes, keys: Sequence[WitnessKey]) -> dict[WitnessKey, int]:
    """Return which of ``keys`` cosigned the note ``signed``, and when (seconds since 1970).

    Raises:
        MalformedEvidenceError: It is no note, or a cosignature has the wrong length.
        SignatureError: A line in the name of one of ``keys`` does not verify.
    """
    text, lines = take_apart(signed)
    found: dict[WitnessKey, int] = {}
    for key in keys:
        for name, value in lines:
            if (name, value[:4]) == (key.name, key.key_id):
                found[key] = max(found.get(key, 0), _verified(text, value, key))
    return found


def require_quorum(signed: bytes, keys: Sequence[WitnessKey], *, quorum: int) -> list[WitnessKey]:
    """Return the witnesses that cosigned the note ``signed``, once there are ``quorum`` of them.

    Raises:
        RequestError: The quorum is not 1 to the number of different keys.
        SignatureError: There are fewer, or one of them does not verify.
        MalformedEvidenceError: See ``witnesses_of``.
    """
    if not 1 <= quorum <= len({key.public for key in keys}):
        raise RequestError("a quorum is at least 1 and at most the number of witnesses")
    found = witnesses_of(signed, keys)
    seen = {key.public for key in found}
    if len(seen) < quorum:
        raise SignatureError(
            f"{len(seen)} of {quorum} witnesses cosigned", reason="quorum", found=len(seen)
        )
    return list(found)


def merged(signed: str, cosigned: str) -> str:
    """Return the note ``signed`` with the signature lines that only ``cosigned`` has.

    Raises:
        MalformedEvidenceError: They are notes of different texts, or it would hold too many.
    """
    text, lines = take_apart(signed.encode())
    other, more = take_apart(cosigned.encode())
    if text != other:
        raise MalformedEvidenceError("a cosignature of another checkpoint", reason="note")
    whole = signed + "".join(
        note(text, (name, value)).removeprefix(f"{text}\n")
        for name, value in more
        if (name, value) not in lines
    )
    take_apart(whole.encode())
    return whole


def _verified(text: str, value: bytes, key: WitnessKey) -> int:
    if len(value) != _LENGTH:
        raise MalformedEvidenceError("a cosignature's length", reason="note")
    seconds = int.from_bytes(value[4 : 4 + _TIME_BYTES], "big")
    try:
        ed25519_verify(key.public, _message(text, seconds), value[4 + _TIME_BYTES :])
    except SignatureError as cause:
        raise SignatureError("a witness's signature", reason="witness") from cause
    return seconds


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
