"""Signed notes: a text, a blank line, and signatures by named keys.

Invariants:

- a note's text is returned only once a signature by the given key has verified;
- signatures by other keys are ignored, as the specification demands; more than 16, or a note of
  more than 64 KiB, is refused unread;
- names and ids are compared as whole strings, never as patterns.

Source: C2SP signed-note v1.0.0.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError, RequestError, SignatureError
from govsdk.tlog.signatures import Ed25519Key, ed25519_verify

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 16
_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


class NoteSigner(Protocol):
    """Whoever signs a log's heads."""

    @property
    def origin(self) -> str:
        """The key's name, which is the log's."""
        ...

    @property
    def vkey(self) -> str: ...

    def sign(self, text: str) -> str:
        """Return ``text`` as a note with one signature."""
        ...


@dataclass(frozen=True)
class VerifierKey:
    """A named Ed25519 key, pinned by whoever verifies."""

    name: str
    public: bytes
    """32 bytes."""

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Return the key that ``vkey`` (``name+id+key``) spells.

        Raises:
            RequestError: It is no Ed25519 vkey, or its id is not the one its key has.
        """
        name, _, rest = vkey.strip().partition("+")
        _, _, encoded = rest.partition("+")
        try:
            data = base64_bytes(encoded, what="the vkey")
        except MalformedEvidenceError as cause:
            raise RequestError("the log's key is not a vkey") from cause
        key = cls(name, data[1:])
        if data[:1] != _ED25519 or len(key.public) != 32 or str(key) != vkey.strip():
            raise RequestError("the log's key is not an Ed25519 vkey")
        return key

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256 over name and key."""
        return self.fingerprint[:4]

    @property
    def fingerprint(self) -> bytes:
        """All 32 bytes of which ``key_id`` is the beginning: the log id of Sigstore's formats."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64_text(_ED25519 + self.public)}"


@dataclass(frozen=True)
class FileNoteSigner:
    """An Ed25519 log key held in memory, as read from its encrypted file.

    During a rotation the next key signs every head too, under the same name: who pinned either one
    can verify, since signatures by unknown keys are ignored.
    """

    origin: str
    key: Ed25519Key
    next: Ed25519Key | None = None

    def __post_init__(self) -> None:
        if not is_key_name(self.origin):
            raise RequestError("a log's origin holds no space and no '+'")

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.origin, self.key.public)

    @property
    def vkey(self) -> str:
        return str(self.verifier)

    def sign(self, text: str) -> str:
        signed = note(text, (self.origin, self.verifier.key_id + self.key.sign(text.encode())))
        if self.next is None:
            return signed
        key_id = VerifierKey(self.origin, self.next.public).key_id
        return signed + _line(self.origin, key_id + self.next.sign(text.encode()))


def note(text: str, *signatures: tuple[str, bytes]) -> str:
    """Return ``text`` (ending in a newline) with a line for each name, key id and signature."""
    return f"{text}\n" + "".join(_line(name, value) for name, value in signatures)


def open_note(signed: bytes, key: VerifierKey, *others: VerifierKey) -> str:
    """Return the text of the note ``signed``, which ``key`` or one of ``others`` must have signed.

    Raises:
        MalformedEvidenceError: It is not a note, or too large.
        SignatureError: None of them signed it (the fact ``other_key`` tells whether another key of
            its name is said to have), or signed something else.
    """
    text, signatures = take_apart(signed)
    known = {(each.name, each.key_id): each for each in (key, *others)}
    places = [((name, value[:4]), value[4:]) for name, value in signatures]
    mine = [(known[place], signature) for place, signature in places if place in known]
    if not mine:
        other = any(name == key.name for name, _ in signatures)
        raise SignatureError("the log did not sign this note", reason="log-key", other_key=other)
    for signer, signature in mine:
        ed25519_verify(signer.public, text.encode(), signature)
    return text


def key_ids(signed: bytes, name: str) -> list[bytes]:
    """Return the ids of the keys called ``name`` that are said to have signed, in order.

    Raises:
        MalformedEvidenceError: ``signed`` is not a note, or too large.
    """
    return [value[:4] for each, value in take_apart(signed)[1] if each == name]


def is_key_name(name: str) -> bool:
    """Return whether ``name`` may name a key."""
    return bool(name) and "+" not in name and not any(map(str.isspace, name)) and name.isprintable()


def take_apart(signed: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Return text and signatures (key name; key id and signature) of a note; none is verified.

    Raises:
        MalformedEvidenceError: It is not a note, or too large.
    """
    if len(signed) > MAX_NOTE_BYTES:
        raise _malformed("larger than 64 KiB")
    try:
        whole = signed.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise _malformed("not UTF-8") from cause
    if any(character < " " and character != "\n" for character in whole):
        raise _malformed("a control character")
    head, blank, tail = whole.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise _malformed("no signature lines, or too many")
    return head + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    value = base64_bytes(encoded, what="a note's signature")
    if not line.startswith(_DASH) or not is_key_name(name) or len(value) <= 4:
        raise _malformed("a signature line")
    return name, value


def _line(name: str, value: bytes) -> str:
    return f"{_DASH}{name} {base64_text(value)}\n"


def _malformed(detail: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"a signed note: {detail}", reason="note")
