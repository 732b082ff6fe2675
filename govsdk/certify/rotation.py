"""Rotation: the files of a key that comes and a key that goes, so that no crash loses either.

In a workspace's ``keys/``, besides what ``keys`` names::

    certificate.next.key.pem   the certificate key that is about to take over
    log.next.key.pem           the log key that signs every head beside the present one
    signers/<keyid>.pem        public halves of the certificate keys that are not retired yet
    signers/retired/           of those that are: old certificates verify under them

Invariants:

- a secret key is on the disk, encrypted, before any entry names it;
- the public half of a key that signed anything is never removed;
- the public half decides which key is in force: it is put in place once the ledger names the new
  key, and before the secret key is renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from govsdk.certify.key_files import (
    certificate_key,
    encrypt_key,
    log_key,
    open_certificate_key,
    open_log_key,
)
from govsdk.certify.passphrases import KeyProvider, read_secret_file
from govsdk.durable import PUBLIC, sync_folder, write_file
from govsdk.tlog.signatures import Ed25519Key, FileSigner, PublicKey

NEXT_CERTIFICATE, NEXT_LOG = "certificate.next.key.pem", "log.next.key.pem"
_SIGNERS, _RETIRED = "signers", "retired"

Entropy = Callable[[int], bytes]


def next_certificate_key(folder: Path, provider: KeyProvider, entropy: Entropy) -> FileSigner:
    """Return the certificate key that is about to take over, made first if there is none."""
    path, passphrase = folder / NEXT_CERTIFICATE, provider.secret("certificate")
    found = read_secret_file(path)
    if found is not None:
        return FileSigner(open_certificate_key(found, passphrase))
    key = certificate_key(entropy)
    write_file(path, encrypt_key(key, passphrase))
    return FileSigner(key)


def next_log_key(
    folder: Path, provider: KeyProvider, entropy: Entropy | None = None
) -> Ed25519Key | None:
    """Return the log key that signs beside the present one, made first where ``entropy`` is
    given; None if there is none."""
    path = folder / NEXT_LOG
    found = log_key_in(path, provider)
    if found is not None or entropy is None:
        return found
    key = log_key(entropy)
    write_file(path, encrypt_key(key, provider.secret("log")))
    return Ed25519Key(key)


def log_key_in(path: Path, provider: KeyProvider) -> Ed25519Key | None:
    """Return the log key in the file ``path``, or None if there is no such file."""
    found = read_secret_file(path)
    return None if found is None else Ed25519Key(open_log_key(found, provider.secret("log")))


def keep_public(folder: Path, *keys: PublicKey) -> None:
    """Keep the public halves of certificate keys that are in use."""
    for key in keys:
        write_file(folder / _SIGNERS / f"{key.keyid}.pem", key.pem, mode=PUBLIC)


def keys_in_use(folder: Path) -> tuple[PublicKey, ...]:
    """Return the certificate keys that are not retired; none before the first rotation."""
    files = sorted((folder / _SIGNERS).glob("*.pem"))
    return tuple(PublicKey.from_pem(path.read_bytes()) for path in files)


def retire_public(folder: Path, key: PublicKey) -> None:
    """Move the public half of ``key`` to the retired ones."""
    path = folder / _SIGNERS / f"{key.keyid}.pem"
    write_file(folder / _SIGNERS / _RETIRED / path.name, key.pem, mode=PUBLIC)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def take_over(folder: Path, next_file: str, present: str) -> None:
    """Put the next secret key, whose public half is in place, in the present one's."""
    (folder / next_file).replace(folder / present)
    sync_folder(folder)
