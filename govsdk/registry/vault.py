"""Keys, and the one way from plaintext to a file.

- ``put`` and ``put_all`` are the only functions of the registry that write personal data.
- Every sealed file is bound to its purpose and its owner: files cannot change places.
- The vault key itself seals nothing; each use has its own key derived from it.
- Names on disk are HMACs: without the vault key nobody can test whether a person is enrolled.

Source: AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; HKDF-SHA256 (RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from govsdk import durable
from govsdk.errors import MissingKeyError, RegistryCorruptError, RequestError
from govsdk.ports import SubjectId
from govsdk.records import Sha256

KEY_BYTES = 32
NONCE_BYTES = 12
MAGIC = b"govsdk sealed 1\n"
WRAPPED_BYTES = len(MAGIC) + NONCE_BYTES + KEY_BYTES + 16
"""A sealed key: header, nonce, key, tag."""
LARGEST = 2**31 - 64
"""Bytes; what one AES-GCM call of the library takes, tag and label aside."""

Entropy = Callable[[int], bytes]


def seal(key: bytes, purpose: str, owner: str, data: bytes, *, entropy: Entropy) -> bytes:
    """Return ``data`` encrypted and bound to ``purpose`` (which file) and ``owner`` (whose).

    Raises:
        RequestError: More data than one message may hold.
    """
    if len(data) > LARGEST:
        raise RequestError(f"{len(data)} bytes are too many to seal at once, {LARGEST} are allowed")
    nonce = entropy(NONCE_BYTES)
    return MAGIC + nonce + AESGCM(key).encrypt(nonce, data, _label(purpose, owner))


def unseal(key: bytes, purpose: str, owner: str, sealed: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        RegistryCorruptError: Damaged, truncated, or sealed under another key, purpose or owner.
    """
    nonce = sealed[len(MAGIC) :][:NONCE_BYTES]
    if not sealed.startswith(MAGIC) or len(nonce) < NONCE_BYTES:
        raise RegistryCorruptError(f"a sealed {kind_of(purpose)} is truncated or no such file")
    try:
        return AESGCM(key).decrypt(
            nonce, sealed[len(MAGIC) + NONCE_BYTES :], _label(purpose, owner)
        )
    except InvalidTag:
        raise RegistryCorruptError(f"a sealed {kind_of(purpose)} is damaged") from None


def put(
    path: Path,
    key: bytes,
    purpose: str,
    owner: str,
    data: bytes,
    *,
    entropy: Entropy,
    before: bytes = b"",
) -> None:
    """Seal ``data`` and put it under ``path``, after ``before``, atomically and durably."""
    durable.write_file(path, before + seal(key, purpose, owner, data, entropy=entropy))


def put_all(
    folder: Path,
    key: bytes,
    owner: str,
    files: Mapping[str, bytes],
    *,
    entropy: Entropy,
    besides: Mapping[str, bytes] | None = None,
) -> None:
    """Seal each of ``files`` into ``folder``, named by its purpose; ``besides`` is sealed already.

    Durable together, in no order: something written later must make them count.
    """
    sealed = {
        purpose: seal(key, purpose, owner, data, entropy=entropy) for purpose, data in files.items()
    }
    files = {**(besides or {}), **sealed}
    durable.write_files((folder / name, data) for name, data in files.items())


def take(path: Path, key: bytes, purpose: str, owner: str) -> bytes:
    """Return what was ``put``.

    Raises:
        RegistryCorruptError: The file is missing, damaged or not what it should be.
    """
    return unseal(key, purpose, owner, read(path, purpose))


def drop(path: Path) -> None:
    """Remove the file ``path``, durably; an absent one is no error."""
    try:
        path.unlink(missing_ok=True)
        durable.sync_folder(path.parent)
    except OSError as cause:
        raise durable.disk_error(cause, "removing a file") from cause


def read(path: Path, purpose: str, size: int = -1) -> bytes:
    """Return the first ``size`` bytes of a file, as they are.

    Raises:
        RegistryCorruptError: There is no such file.
    """
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        raise RegistryCorruptError(f"a {kind_of(purpose)} file is missing") from None
    except OSError as cause:
        raise durable.disk_error(cause, f"reading a {kind_of(purpose)} file") from cause


class Vault:
    """The keys derived from the workspace's vault key."""

    def __init__(self, master: bytes, entropy: Entropy) -> None:
        if len(master) != KEY_BYTES:
            raise MissingKeyError(f"the vault key has {len(master)} bytes, not {KEY_BYTES}")
        self.entropy = entropy
        self._names = _derive(master, "names")
        self._pepper = _derive(master, "tombstones")
        self.key = _derive(master, "keys")
        """Wraps other keys and seals what belongs to no single person."""
        self.check = _derive(master, "check").hex()
        """Tells a wrong vault key from a damaged registry; reveals nothing of the key."""

    def name(self, subject: SubjectId) -> Sha256:
        """Return the name of the subject's entry on disk."""
        return _hmac(self._names, subject)

    def tombstone(self, subject: SubjectId) -> Sha256:
        """Return HMAC(pepper, subject id)."""
        return _hmac(self._pepper, subject)

    def new_key(self) -> bytes:
        """Return a fresh 256-bit key."""
        return self.entropy(KEY_BYTES)

    def new_name(self) -> str:
        """Return a fresh random name that says nothing of its bearer."""
        return self.entropy(16).hex()

    def put(self, path: Path, purpose: str, owner: str, data: bytes) -> None:
        """Put ``data`` under ``path``, sealed under the vault's own key."""
        put(path, self.key, purpose, owner, data, entropy=self.entropy)

    def take(self, path: Path, purpose: str, owner: str) -> bytes:
        """Return what was put under ``path``."""
        return take(path, self.key, purpose, owner)

    def put_renewed(self, path: Path, purpose: str, data: bytes) -> None:
        """Put ``data`` under ``path``, sealed under a fresh key that replaces the old with it."""
        key = self.new_key()
        wrapped = seal(self.key, f"{purpose}-key", "", key, entropy=self.entropy)
        put(path, key, purpose, "", data, entropy=self.entropy, before=wrapped)

    def take_renewed(self, path: Path, purpose: str) -> bytes:
        """Return what ``put_renewed`` put."""
        both = read(path, purpose)
        key = unseal(self.key, f"{purpose}-key", "", both[:WRAPPED_BYTES])
        return unseal(key, purpose, "", both[WRAPPED_BYTES:])


def damaged(entry: str, error: RegistryCorruptError) -> RegistryCorruptError:
    """Return ``error`` with the place in the registry that whoever answers for it must mend."""
    return RegistryCorruptError(
        f"{entry}: {error.detail}",
        hint=f"put registry/{entry} back from a backup; if there is none, keep a copy, remove the "
        f'person with `workspace.registry.destroy("{entry}")` in Python, and enrol them again',
        entry=entry,
    )


def kind_of(purpose: str) -> str:
    """Return the kind of file a purpose names, without its number: ``photos`` of ``photos-3``."""
    return purpose.partition("-")[0]


def _label(purpose: str, owner: str) -> bytes:
    return f"govsdk/registry/v1\0{purpose}\0{owner}".encode()


def _derive(master: bytes, use: str) -> bytes:
    info = f"govsdk/registry/v1/{use}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(master)


def _hmac(key: bytes, subject: SubjectId) -> Sha256:
    return hmac.new(key, subject.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
