"""Tokens and key services: certificate keys that never leave their hardware or cloud.

Invariants:

- the public key is pinned in the workspace; a signature that it does not verify is never returned,
  so a wrong key, token or service is noticed at the first signature;
- a PIN (``pin``) comes from where the passphrases come from, and enters no error.

The one seam to ``securesystemslib``, loaded when first used. Its schemes are ``hsm:`` (PKCS#11, the
module's path in PYKCS11LIB), ``awskms:``, ``gcpkms:``, ``azurekms:`` and ``hv:`` (Vault). Only
``hsm:`` is tested here, with SoftHSM2; the services need their own accounts and libraries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

from govsdk.certify.passphrases import KeyProvider
from govsdk.errors import (
    BackendError,
    KeyUseError,
    MissingExtraError,
    MissingKeyError,
    RequestError,
    SignatureError,
)
from govsdk.records import Sha256
from govsdk.tlog.signatures import PublicKey

SCHEMES = ("hsm", "awskms", "gcpkms", "azurekms", "hv")
_LEAST_PIN = 4
_KEY_SCHEME = "ecdsa-sha2-nistp256"


@dataclass(frozen=True)
class TokenSigner:
    """An ECDSA P-256 key behind a URI, used through ``securesystemslib``."""

    uri: str
    public: PublicKey
    """Pinned: what the workspace publishes as its signer."""
    provider: KeyProvider = field(repr=False)

    @classmethod
    def open(cls, uri: str, public_pem: bytes, provider: KeyProvider) -> TokenSigner:
        """Return the signer, having looked at the URI; the token is asked when first used.

        Raises:
            RequestError: The URI's scheme is not one of ``SCHEMES``.
            MissingExtraError: ``securesystemslib`` is not installed.
        """
        scheme = uri.partition(":")[0]
        if ":" not in uri or scheme not in SCHEMES:
            raise RequestError(f"a signer's URI begins with one of {', '.join(SCHEMES)}")
        _library()
        return cls(uri, PublicKey.from_pem(public_pem), provider)

    @property
    def keyid(self) -> Sha256:
        return self.public.keyid

    @property
    def public_pem(self) -> bytes:
        return self.public.pem

    def sign(self, message: bytes) -> bytes:
        """Return a DER signature of ``message`` that the pinned key verifies.

        Raises:
            KeyUseError: The token signed with another key than the pinned one.
            MissingKeyError: No PIN, or no such token, module or key.
            BackendError: The token or service failed.
        """
        try:
            signature = bytes.fromhex(self._remote.sign(message).signature)
        except (MissingKeyError, KeyUseError):
            raise
        except ValueError as cause:
            raise MissingKeyError("the token, its module or its key is not there") from cause
        except Exception as cause:
            raise BackendError(f"the signing token failed: {type(cause).__name__}") from cause
        try:
            self.public.verify(message, signature)
        except SignatureError as cause:
            raise KeyUseError(
                "the token's key is not the workspace's signer",
                hint="name the right token; a rotation that was killed is carried on by its call",
            ) from cause
        return signature

    @cached_property
    def _remote(self) -> Any:  # noqa: ANN401  the library is optional
        library = _library()
        key = library.SSlibKey.from_crypto(
            self.public.cryptography_key, keyid=self.keyid, scheme=_KEY_SCHEME
        )
        try:
            return library.Signer.from_priv_key_uri(self.uri, key, self._pin)
        except ValueError as cause:
            raise RequestError("the signer's URI cannot be read") from cause
        except Exception as cause:  # each service's client raises its own
            raise BackendError(f"the key service: {type(cause).__name__}") from cause

    def _pin(self, _: str) -> str:
        # Tokens lock after a few wrong guesses, so a PIN may be shorter than a passphrase.
        return self.provider.secret("pin", least=_LEAST_PIN).decode("utf-8", "replace")


def _library() -> ModuleType:
    try:
        from securesystemslib import signer
    except ImportError as cause:
        raise MissingExtraError(
            "securesystemslib, for signing tokens", hint="pip install 'govsdk[sign]'"
        ) from cause
    module: ModuleType = signer
    return module
