"""Leaves: what the tree holds for an entry, rebuilt by anyone from envelope and public key.

A leaf is about 490 bytes, holds no payload and so no personal data, and outlives the payload.

Source: the body of Rekor v2's ``hashedrekord`` 0.0.2 over the SHA-256 of the DSSE encoding, which
stock Sigstore verifiers rebuild too; canonical JSON.
"""

from __future__ import annotations

import hashlib
import re

from govsdk.canonical import base64_bytes, base64_text
from govsdk.errors import MalformedEvidenceError
from govsdk.tlog.envelopes import Envelope, pae
from govsdk.tlog.signatures import PublicKey

KIND = "hashedrekord"
VERSION = "0.0.2"
_SPELLING = (
    f'{{"apiVersion":"{VERSION}","kind":"{KIND}","spec":{{"hashedRekordV002":{{'
    '"data":{"algorithm":"SHA2_256","digest":"%s"},'
    '"signature":{"content":"%s","verifier":{'
    '"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"%s"}}}}}}'
)


_KEY = re.compile(rb'"rawBytes":"([A-Za-z0-9+/=]*)"')


def leaf_of(envelope: Envelope, key: PublicKey) -> bytes:
    """Return the leaf of ``envelope``, signed by ``key``; the signature is not verified here."""
    digest = hashlib.sha256(pae(envelope.payload)).digest()
    # Base 64 needs no escapes, so the canonical form is a template (a test compares).
    parts = (digest, envelope.signature, key.der)
    return (_SPELLING % tuple(map(base64_text, parts))).encode("ascii")


def key_in(leaf: bytes) -> PublicKey:
    """Return the key that ``leaf`` names, to be believed only of a leaf that was found in the tree.

    Raises:
        MalformedEvidenceError: It names none.
    """
    found = _KEY.search(leaf)
    if found is None:
        raise MalformedEvidenceError("a leaf names no key", reason="leaf")
    return PublicKey(base64_bytes(found[1].decode("ascii"), what="the leaf's key"))
