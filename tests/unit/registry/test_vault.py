"""Sealing: what goes in comes out, for the same key, purpose and owner alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govsdk.errors import MissingKeyError, RegistryCorruptError
from govsdk.ports import SubjectId
from govsdk.registry.vault import MAGIC, Vault, put, seal, unseal

KEY = bytes(32)


@given(data=st.binary(max_size=200), purpose=st.text(max_size=9), owner=st.text(max_size=9))
def test_unseal_returns_what_was_sealed(data: bytes, purpose: str, owner: str) -> None:
    """Sealing is undone under the same key, purpose and owner, and hides the data."""
    sealed = seal(KEY, purpose, owner, data, entropy=os.urandom)
    assert unseal(KEY, purpose, owner, sealed) == data
    assert len(data) < 8 or data not in sealed[len(MAGIC) :]


@given(place=st.integers(0, 60), bit=st.integers(0, 7))
def test_every_flipped_bit_is_noticed(place: int, bit: int) -> None:
    """No bit of a sealed file can change."""
    sealed = bytearray(seal(KEY, "photos", "x", b"0123456789abcdefg", entropy=os.urandom))
    sealed[place] ^= 1 << bit
    with pytest.raises(RegistryCorruptError, match="photos"):
        unseal(KEY, "photos", "x", bytes(sealed))


@pytest.mark.parametrize(
    ("key", "purpose", "owner"), [(b"1" * 32, "p", "o"), (KEY, "q", "o"), (KEY, "p", "n")]
)
def test_another_key_purpose_or_owner_opens_nothing(key: bytes, purpose: str, owner: str) -> None:
    """Sealed files cannot change places."""
    sealed = seal(KEY, "p", "o", b"data", entropy=os.urandom)
    assert unseal(KEY, "p", "o", sealed) == b"data"
    with pytest.raises(RegistryCorruptError):
        unseal(key, purpose, owner, sealed)


@pytest.mark.parametrize("length", [0, 5, 20, 40])
def test_a_truncated_file_is_corrupt(length: int) -> None:
    """A file that ends early is an error, never short data."""
    sealed = seal(KEY, "profile", "x", b"data", entropy=os.urandom)
    with pytest.raises(RegistryCorruptError, match="profile"):
        unseal(KEY, "profile", "x", sealed[:length])


def test_a_renewed_file_has_another_key(tmp_path: Path) -> None:
    """Writing the index again replaces its key, so that the old bytes open no more with the new."""
    vault, path = Vault(KEY, os.urandom), tmp_path / "index"
    keys = []
    for data in (b"with the subject", b"without"):
        vault.put_renewed(path, "index", data)
        assert vault.take_renewed(path, "index") == data
        keys.append(unseal(vault.key, "index-key", "", path.read_bytes()[:76]))
    assert keys[0] != keys[1]


def test_names_on_disk_need_the_vault_key() -> None:
    """Entry and tombstone of one id differ from each other and from those of another vault."""
    one, other = Vault(KEY, os.urandom), Vault(b"2" * 32, os.urandom)
    subject = SubjectId("ada")
    names = {v.name(subject) for v in (one, other)} | {v.tombstone(subject) for v in (one, other)}
    assert len(names) == 4
    assert one.name(subject) == Vault(KEY, os.urandom).name(subject)


def test_a_vault_key_has_32_bytes() -> None:
    """A short key is refused by name."""
    with pytest.raises(MissingKeyError, match="16 bytes"):
        Vault(b"x" * 16, os.urandom)


def test_put_leaves_no_plaintext(tmp_path: Path) -> None:
    """The file holds the data sealed; the same data is found where it is written in plain."""
    secret = b"a face, in numbers"
    put(tmp_path / "sealed", KEY, "photos", "x", secret, entropy=os.urandom)
    (tmp_path / "plain").write_bytes(secret)
    assert secret in (tmp_path / "plain").read_bytes()
    assert secret not in (tmp_path / "sealed").read_bytes()
