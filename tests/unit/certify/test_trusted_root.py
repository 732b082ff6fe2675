"""The trusted root: what stock Sigstore verifiers are told, and that it is all they are told."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from govsdk.canonical import base64_bytes
from govsdk.certify.trusted_root import trusted_root
from govsdk.errors import RequestError
from govsdk.tlog.notes import VerifierKey
from tests.evidence import keys

LOG = VerifierKey.parse(keys().log.vkey)


def test_it_trusts_this_log_and_nobody_else() -> None:
    """One log, by its host name and whole key id; no authority for certificates or times."""
    root = json.loads(trusted_root(str(LOG)))
    (log,) = root.pop("tlogs")

    assert {name for name, value in root.items() if value} == {"mediaType"}
    assert log["baseUrl"] == f"https://{LOG.name}"
    assert base64_bytes(log["logId"]["keyId"], what="id") == LOG.fingerprint
    assert "checkpointKeyId" not in log


def test_its_key_is_the_pinned_one() -> None:
    """Read by a library that knows nothing of vkeys, it is the log's Ed25519 key."""
    (log,) = json.loads(trusted_root(str(LOG)))["tlogs"]
    key = load_der_public_key(base64_bytes(log["publicKey"]["rawBytes"], what="key"))

    assert isinstance(key, Ed25519PublicKey)
    assert key.public_bytes_raw() == LOG.public
    assert trusted_root(str(LOG)) != trusted_root(keys(8).log.vkey)


def test_what_is_no_vkey_makes_no_root() -> None:
    """Junk is the caller's error."""
    with pytest.raises(RequestError):
        trusted_root("junk")
