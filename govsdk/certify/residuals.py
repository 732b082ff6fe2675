"""Residuals: what outlives erasure, sealed so that only named key holders can open it.

The sealed form is an age v1 file (X25519): the stock ``age`` tool opens it. This module is the one
seam to ``pyrage``, loaded when first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from govsdk.canonical import JSON
from govsdk.errors import (
    KeyUseError,
    MalformedEvidenceError,
    MissingExtraError,
    RequestError,
)


def seal(data: bytes, recipients: Sequence[str]) -> bytes:
    """Return ``data`` encrypted to every one of ``recipients`` (``age1...``).

    Raises:
        RequestError: There is no recipient, or one that is not an age X25519 key.
        MissingExtraError: ``pyrage`` is not installed.
    """
    age = _age()
    if not recipients:
        raise RequestError("nobody to seal to")
    try:
        keys = [age.x25519.Recipient.from_str(each) for each in recipients]
    except age.RecipientError as cause:
        raise RequestError("a recipient is not an age X25519 key") from cause
    return bytes(age.encrypt(data, keys))


def open_sealed(data: bytes, identity: str) -> bytes:
    """Return what ``seal`` was given, opened with the secret key ``identity``.

    Raises:
        KeyUseError: ``identity`` is no age key, or no recipient's (or the header is damaged, which
            looks the same).
        MalformedEvidenceError: ``data`` was damaged, or is not an age file.
        MissingExtraError: ``pyrage`` is not installed.
    """
    age = _age()
    key = _identity(identity)
    try:
        return bytes(age.decrypt(data, [key]))
    except age.DecryptError as cause:
        if "No matching keys" in str(cause):
            raise KeyUseError("the file is sealed to others") from cause
        raise MalformedEvidenceError("not an age file, or damaged", reason="age") from cause


def new_identity() -> str:
    """Return a fresh secret key, drawn from the operating system by ``pyrage``."""
    return str(_age().x25519.Identity.generate())


def recipient_of(identity: str) -> str:
    """Return the public half (``age1...``) of the secret key ``identity``.

    Raises:
        KeyUseError: ``identity`` is no age X25519 key.
    """
    return str(_identity(identity).to_public())


def _identity(text: str) -> JSON:
    age = _age()
    try:
        return age.x25519.Identity.from_str(text.strip())
    except age.IdentityError as cause:
        raise KeyUseError("not an age X25519 identity") from cause


def _age() -> ModuleType:
    try:
        import pyrage
    except ImportError as cause:
        raise MissingExtraError("pyrage, for sealed files") from cause
    module: ModuleType = pyrage
    return module
