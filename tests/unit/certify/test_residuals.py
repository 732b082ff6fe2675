"""Sealing what outlives erasure."""

from __future__ import annotations

import pytest

from govsdk.certify.residuals import new_identity, open_sealed, recipient_of, seal
from govsdk.errors import EvidenceError, KeyUseError, RequestError

SECRET = b"CANARY embeddings" * 20


def test_each_recipient_opens_it_and_nobody_else() -> None:
    """Both the auditor and the workspace's verifier open the file; a stranger does not."""
    auditor, verifier, stranger = new_identity(), new_identity(), new_identity()
    sealed = seal(SECRET, [recipient_of(auditor), recipient_of(verifier)])

    assert open_sealed(sealed, auditor) == open_sealed(sealed, verifier) == SECRET
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert b"CANARY" not in sealed
    with pytest.raises(KeyUseError):
        open_sealed(sealed, stranger)


def test_damage_is_noticed() -> None:
    """A flipped byte, a cut and junk are refused; the untouched file opens."""
    identity = new_identity()
    sealed = seal(SECRET, [recipient_of(identity)])
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])

    assert open_sealed(sealed, identity) == SECRET
    for damaged in (flipped, sealed[:-1], sealed[:40], b"junk", b""):
        with pytest.raises(EvidenceError):
            open_sealed(damaged, identity)


def test_what_is_no_key() -> None:
    """Sealing needs a recipient, and keys must be age keys."""
    with pytest.raises(RequestError, match="nobody"):
        seal(SECRET, [])
    with pytest.raises(RequestError, match="age"):
        seal(SECRET, ["age1nonsense"])
    with pytest.raises(KeyUseError):
        open_sealed(seal(SECRET, [recipient_of(new_identity())]), "AGE-SECRET-KEY-1NONSENSE")
