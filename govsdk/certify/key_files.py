"""Key files: making, encrypting and opening keys; the part of ``keys`` that needs ``cryptography``.

Asymmetric keys are encrypted PKCS#8, which OpenSSL reads. The vault key is wrapped by AES-256-GCM
under scrypt (RFC 7914, N = 2**15, r = 8, p = 1: 32 MiB, about 0.1 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import ValidationError

from govsdk.canonical import base64_bytes, base64_text, canonical_bytes
from govsdk.errors import EvidenceError, KeyUseError
from govsdk.records import Record

Entropy = Callable[[int], bytes]

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_VAULT_CONTEXT = b"govsdk vault v1"


class _Wrapped(Record):
    version: Literal[1] = 1
    kdf: Literal["scrypt-15-8-1"] = "scrypt-15-8-1"
    salt: str
    nonce: str
    ciphertext: str


def certificate_key(entropy: Entropy) -> EllipticCurvePrivateKey:
    """Return a P-256 key from 384 random bits, so that the bias is below 2**-128."""
    return derive_private_key(
        int.from_bytes(entropy(48), "big") % (_P256_ORDER - 1) + 1, SECP256R1()
    )


def log_key(entropy: Entropy) -> Ed25519PrivateKey:
    """Return an Ed25519 key from 256 random bits."""
    return Ed25519PrivateKey.from_private_bytes(entropy(32))


def encrypt_key(key: EllipticCurvePrivateKey | Ed25519PrivateKey, passphrase: bytes) -> bytes:
    """Return ``key`` as encrypted PKCS#8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def open_certificate_key(pem: bytes, passphrase: bytes) -> EllipticCurvePrivateKey:
    """Return the P-256 key in ``pem``, or raise KeyUseError."""
    key = _open(pem, passphrase)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyUseError("the certificate key is not on P-256")
    return key


def open_log_key(pem: bytes, passphrase: bytes) -> Ed25519PrivateKey:
    """Return the Ed25519 key in ``pem``, or raise KeyUseError."""
    key = _open(pem, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUseError("the log key is not an Ed25519 key")
    return key


def wrap_vault(vault: bytes, passphrase: bytes, entropy: Entropy) -> bytes:
    """Return the vault key encrypted under ``passphrase``, as JSON."""
    salt, nonce = entropy(16), entropy(12)
    wrapped = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, vault, _VAULT_CONTEXT)
    record = _Wrapped(
        salt=base64_text(salt), nonce=base64_text(nonce), ciphertext=base64_text(wrapped)
    )
    return canonical_bytes(record.public()) + b"\n"


def unwrap_vault(data: bytes, passphrase: bytes) -> bytes:
    """Return the vault key, or raise KeyUseError: wrong passphrase or damaged file."""
    try:
        record = _Wrapped.model_validate_json(data)
        salt, nonce, wrapped = (
            base64_bytes(each, what="the vault")
            for each in (record.salt, record.nonce, record.ciphertext)
        )
        return AESGCM(_stretch(passphrase, salt)).decrypt(nonce, wrapped, _VAULT_CONTEXT)
    except (ValidationError, EvidenceError, InvalidTag, ValueError) as cause:
        raise KeyUseError("wrong passphrase, or a damaged vault file") from cause


def derive(vault: bytes, purpose: str) -> bytes:
    """Return the 32-byte key for ``purpose``: HKDF-SHA256 (RFC 5869) of the vault key."""
    info = b"govsdk/v1/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(vault)


def _stretch(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase)


def _open(pem: bytes, passphrase: bytes) -> object:
    try:
        return serialization.load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
        raise KeyUseError("wrong passphrase, or a damaged key file") from cause
