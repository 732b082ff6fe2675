"""A trusted root for our ledger: how stock Sigstore verifiers are told which log to believe.

Invariants:

- it names one log by its whole key id and its key, and trusts nobody else: no certificate
  authority, no timestamp authority;
- it follows from the vkey alone, so whoever pinned the vkey can make it, or compare one.

Source: Sigstore protobuf-specs, TrustedRoot v0.1. ``checkpointKeyId`` is left out: where it stands,
@sigstore/verify compares its four bytes with the entry's 32-byte ``logId`` and refuses the entry.
"""

from __future__ import annotations

from govsdk.canonical import base64_text, canonical_bytes
from govsdk.tlog.notes import VerifierKey

MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"

_SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""The start of an Ed25519 key's SubjectPublicKeyInfo; its 32 bytes follow (RFC 8410, section 4)."""


def trusted_root(log_vkey: str) -> bytes:
    """Return the ``trusted_root.json`` that trusts the log of ``log_vkey``, and nothing else.

    A vkey does not say since when it is valid, so neither does the root: from the epoch on.

    Raises:
        RequestError: ``log_vkey`` is not a key.
    """
    log = VerifierKey.parse(log_vkey)
    key = {
        "keyDetails": "PKIX_ED25519",
        "rawBytes": base64_text(_SPKI_ED25519 + log.public),
        "validFor": {"start": "1970-01-01T00:00:00Z"},
    }
    tlog = {
        "baseUrl": f"https://{log.name}",
        "hashAlgorithm": "SHA2_256",
        "logId": {"keyId": base64_text(log.fingerprint)},
        "publicKey": key,
    }
    root = {
        "certificateAuthorities": [],
        "ctlogs": [],
        "mediaType": MEDIA_TYPE,
        "timestampAuthorities": [],
        "tlogs": [tlog],
    }
    return canonical_bytes(root) + b"\n"
