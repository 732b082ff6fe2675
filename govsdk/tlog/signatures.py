"""Signing and verifying: the one seam to ``cryptography``.

Invariants:

- ECDSA means P-256 with SHA-256 and a DER signature, Ed25519 means the pure form of RFC 8032;
- a key comes from the caller; nothing here reads one out of the thing being verified;
- no key, passphrase or signature enters an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

from govsdk.errors import RequestError, SignatureError
from govsdk.records import Sha256

_ECDSA = ec.ECDSA(SHA256())
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_SPKI_PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
_SPKI_DER = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Signer(Protocol):
    """Whoever signs entries: a key file, a token or a service."""

    @property
    def keyid(self) -> Sha256:
        """SHA-256 of the public key's SubjectPublicKeyInfo."""
        ...

    @property
    def public_pem(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """Return a DER signature, ECDSA P-256 with SHA-256, of ``message``."""
        ...


@dataclass(frozen=True)
class PublicKey:
    """A pinned ECDSA P-256 key that signs entries."""

    der: bytes
    """SubjectPublicKeyInfo."""

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Return the key in ``pem``.

        Raises:
            RequestError: It is no public key, or not one on P-256.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as cause:
            raise RequestError("the signer's key is not a PEM public key") from cause
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise RequestError("the signer's key is not an ECDSA key on P-256")
        return cls(key.public_bytes(*_SPKI_DER))

    @cached_property
    def keyid(self) -> Sha256:
        """The key's name: SHA-256 of its SubjectPublicKeyInfo."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> bytes:
        """The key as PEM."""
        return self._key.public_bytes(*_SPKI_PEM)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Accept ``signature`` over ``message``, or raise SignatureError."""
        try:
            self._key.verify(signature, message, _ECDSA)
        except InvalidSignature as cause:
            raise SignatureError("the entry's signature", reason="signature") from cause

    @property
    def cryptography_key(self) -> ec.EllipticCurvePublicKey:
        """The key as ``cryptography`` has it."""
        return self._key

    @cached_property
    def _key(self) -> ec.EllipticCurvePublicKey:
        key = serialization.load_der_public_key(self.der)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise RequestError("the signer's key is not an ECDSA key")
        return key


@dataclass(frozen=True)
class FileSigner:
    """An ECDSA P-256 key held in memory, as read from its encrypted file."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.key.public_key().public_bytes(*_SPKI_DER))

    @property
    def keyid(self) -> Sha256:
        return self.public.keyid

    @property
    def public_pem(self) -> bytes:
        return self.public.pem

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, _ECDSA)


@dataclass(frozen=True)
class Ed25519Key:
    """An Ed25519 key held in memory; the same key and message give the same signature."""

    key: ed25519.Ed25519PrivateKey = field(repr=False)

    @cached_property
    def public(self) -> bytes:
        """The 32 bytes of the public half."""
        return self.key.public_key().public_bytes(*_RAW)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return self.key.sign(message)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Accept ``signature`` over ``message`` under the 32-byte key ``public``, or raise.

    Raises:
        SignatureError: It does not verify, or one of them has the wrong length.
    """
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as cause:
        raise SignatureError("the log's signature", reason="checkpoint-signature") from cause
