"""DSSE envelopes: a payload, its type, and exactly one signature over both.

Invariants:

- the signature covers the payload's bytes as they stand; nothing is serialised again;
- an envelope has one spelling: bytes that differ from their own encoding are refused;
- ``keyid`` is a hint that names the pinned key, never a reason to trust one.

Source: DSSE 1.0.2, protocol.md and envelope.md; one signature as Sigstore bundles demand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from govsdk.canonical import JSON, base64_bytes, base64_text, parse_json
from govsdk.errors import MalformedEvidenceError, SignatureError
from govsdk.records import Sha256
from govsdk.tlog.signatures import PublicKey, Signer

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES = 1 << 20
_SPELLING = '{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}'
_CANONICAL = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]*)","payloadType":"application/vnd\.in-toto\+json",'
    rb'"signatures":\[\{"keyid":"([0-9a-f]{64})","sig":"([A-Za-z0-9+/=]*)"\}\]\}'
)


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class Envelope:
    """A signed in-toto payload."""

    payload: bytes
    keyid: Sha256
    signature: bytes
    """DER, ECDSA P-256 with SHA-256 over ``pae(payload)``."""

    def to_json(self) -> JSON:
        """Return the envelope as JSON values."""
        return {
            "payload": base64_text(self.payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": self.keyid, "sig": base64_text(self.signature)}],
        }

    def to_bytes(self) -> bytes:
        """Return the envelope as canonical JSON: the bytes that are stored."""
        # Base 64 and hex need no escapes, so the canonical form is a template; a test holds it
        # against ``canonical_bytes``, which takes six times as long.
        payload, sig = base64_text(self.payload), base64_text(self.signature)
        return (_SPELLING % (payload, PAYLOAD_TYPE, self.keyid, sig)).encode("ascii")

    def verify(self, key: PublicKey) -> bytes:
        """Return the payload, once ``key`` is found to have signed it.

        Raises:
            SignatureError: ``key`` did not.
        """
        self.require_key(key)
        key.verify(pae(self.payload), self.signature)
        return self.payload

    def require_key(self, key: PublicKey) -> None:
        """Accept ``key`` if it is the one that the envelope names, or raise SignatureError."""
        if self.keyid != key.keyid:
            raise SignatureError("signed by another key than the pinned one", reason="keyid")


def parse_envelope(data: bytes) -> Envelope:
    """Return the envelope that ``data`` spells in canonical form.

    Raises:
        MalformedEvidenceError: See ``envelope_from``; also for any other spelling of the same
            envelope, and for more than 1 MiB.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise MalformedEvidenceError("an envelope larger than 1 MiB", reason="size")
    spelled = _CANONICAL.fullmatch(data)
    if spelled:
        payload, keyid, sig = (each.decode("ascii") for each in spelled.groups())
        return _envelope(payload, keyid, sig)
    envelope = envelope_from(parse_json(data, what="the envelope"))
    if envelope.to_bytes() != data:
        raise MalformedEvidenceError("the envelope is not canonical", reason="not-canonical")
    return envelope


def payload_in(data: bytes) -> bytes:
    """Return the payload of the envelope that ``data`` spells, for who verified it before.

    Raises:
        MalformedEvidenceError: See ``parse_envelope``.
    """
    spelled = _CANONICAL.fullmatch(data)
    if spelled is None:
        return parse_envelope(data).payload
    return base64_bytes(spelled[1].decode("ascii"), what="the payload")


def envelope_from(value: JSON) -> Envelope:
    """Return the envelope that the JSON value ``value`` spells.

    Raises:
        MalformedEvidenceError: It has another shape, another payload type, or not exactly one
            signature.
    """
    try:
        shape = _EnvelopeShape.model_validate(value)
    except ValidationError as cause:
        raise MalformedEvidenceError("not a DSSE envelope", reason="envelope") from cause
    (only,) = shape.signatures
    return _envelope(shape.payload, only.keyid, only.sig)


def sign_payload(payload: bytes, signer: Signer) -> Envelope:
    """Return ``payload`` in an envelope signed by ``signer``."""
    return Envelope(payload, signer.keyid, signer.sign(pae(payload)))


def verify_all(signed: Sequence[tuple[Envelope, PublicKey]]) -> None:
    """Accept each envelope under the key beside it, or raise SignatureError."""
    for envelope, key in signed:
        envelope.verify(key)


def _envelope(payload: str, keyid: str, sig: str) -> Envelope:
    return Envelope(
        base64_bytes(payload, what="the payload"), keyid, base64_bytes(sig, what="the signature")
    )


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class _SignatureShape(_Shape):
    keyid: Sha256
    sig: str


class _EnvelopeShape(_Shape):
    payload: str
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: Annotated[list[_SignatureShape], Field(min_length=1, max_length=1)]
