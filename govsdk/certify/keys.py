"""A workspace's keys: who signs certificates, who signs the log, what names and locks its data.

Invariants:

- each key lies encrypted under a passphrase of its own, which is kept elsewhere;
- keys are written whole or not at all, readable by their owner alone, and replaced only by a
  rotation (``rotation``);
- a secret key's file that every user of the machine can read is refused;
- the keys that name things (``hmac``) are derived, one for each purpose, from the vault key.

In the folder: ``certificate.key.pem`` (P-256) and ``log.key.pem`` (Ed25519), both encrypted PKCS#8;
``vault.json``; and, public, ``signer.pub.pem``, ``log.vkey`` and ``verifier.recipient``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from govsdk.canonical import hmac_hex
from govsdk.certify.key_files import (
    certificate_key,
    derive,
    encrypt_key,
    log_key,
    open_certificate_key,
    open_log_key,
    unwrap_vault,
    wrap_vault,
)
from govsdk.certify.passphrases import NAMES, KeyProvider, read_secret_file
from govsdk.certify.residuals import new_identity, recipient_of
from govsdk.certify.rotation import NEXT_CERTIFICATE, next_log_key
from govsdk.certify.tokens import TokenSigner
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import ConflictError, KeyUseError, MissingKeyError
from govsdk.records import Sha256
from govsdk.tlog.notes import FileNoteSigner, VerifierKey
from govsdk.tlog.signatures import Ed25519Key, FileSigner, Signer

__all__ = ["KeyProvider", "WorkspaceKeys"]

CERTIFICATE_FILE, LOG_FILE, _VAULT = "certificate.key.pem", "log.key.pem", "vault.json"
SIGNER_FILE, VKEY_FILE, _RECIPIENT = "signer.pub.pem", "log.vkey", "verifier.recipient"

_RESTORE = "restore it from a copy of the workspace: it lies in its folder keys/"


@dataclass(frozen=True)
class WorkspaceKeys:
    """The opened keys of one workspace."""

    certificate: Signer
    """Signs every ledger entry: a key file, or a token or service behind a URI."""
    log: FileNoteSigner
    """Signs the ledger's heads; ``log.origin`` is the ledger's name."""
    vault: bytes = field(repr=False)
    """32 bytes that lock the subjects' keys."""
    recipient: str
    """The workspace verifier's age key: residuals are sealed to it."""
    provider: KeyProvider

    @classmethod
    def create(
        cls,
        folder: Path,
        provider: KeyProvider,
        *,
        entropy: Callable[[int], bytes],
        origin: str | None = None,
    ) -> WorkspaceKeys:
        """Make new keys in ``folder`` and return them.

        Args:
            entropy: Returns so many secret random bytes, e.g. ``os.urandom``.
            origin: The ledger's name, a bare host name; by default ``w-<8 hex>.ledger.invalid``.

        Raises:
            ConflictError: ``folder`` holds keys already.
            MissingKeyError, KeyUseError: See ``KeyProvider.secret``.
            MissingExtraError: ``pyrage`` is not installed.
        """
        if any((folder / name).exists() for name in (CERTIFICATE_FILE, LOG_FILE, _VAULT)):
            raise ConflictError("the folder holds keys already")
        passphrases = {name: provider.secret(name) for name in NAMES}  # before anything is made
        origin = origin or f"w-{entropy(4).hex()}.ledger.invalid"
        signer, log = certificate_key(entropy), log_key(entropy)
        keys = cls(
            certificate=FileSigner(signer),
            log=FileNoteSigner(origin, Ed25519Key(log)),
            vault=entropy(32),
            recipient=recipient_of(provider.keep_verifier(new_identity)),
            provider=provider,
        )
        for name, data in {
            CERTIFICATE_FILE: encrypt_key(signer, passphrases["certificate"]),
            LOG_FILE: encrypt_key(log, passphrases["log"]),
            _VAULT: wrap_vault(keys.vault, passphrases["vault"], entropy),
        }.items():
            write_file(folder / name, data)
        write_file(folder / SIGNER_FILE, keys.certificate.public_pem, mode=PUBLIC)
        write_file(folder / VKEY_FILE, f"{keys.log.vkey}\n".encode(), mode=PUBLIC)
        write_file(folder / _RECIPIENT, f"{keys.recipient}\n".encode(), mode=PUBLIC)
        return keys

    @classmethod
    def open(
        cls, folder: Path, provider: KeyProvider, *, signer: str | None = None
    ) -> WorkspaceKeys:
        """Return the keys in ``folder``.

        Args:
            signer: URI of the token or service that holds the certificate key (see ``tokens``);
                ``signer.pub.pem`` must be its public half. None: the key file.

        Raises:
            MissingKeyError: A key file or a passphrase is not there.
            KeyUseError: A passphrase is wrong, a file is damaged or was swapped, or every user of
                the machine can read it.
            MissingExtraError: ``signer`` needs ``securesystemslib``.
        """
        log = _note_signer(folder, provider)
        return cls(
            certificate=(
                _file_signer(folder, provider)
                if signer is None
                else TokenSigner.open(signer, _read(folder, SIGNER_FILE), provider)
            ),
            log=log,
            vault=unwrap_vault(_secret(folder, _VAULT), provider.secret("vault")),
            recipient=_read(folder, _RECIPIENT).decode("ascii", "replace").strip(),
            provider=provider,
        )

    @property
    def verifier(self) -> str:
        """The workspace verifier's age identity, which opens residuals; kept by the provider.

        Raises:
            MissingKeyError: The provider has none.
        """
        return self.provider.secret("verifier").decode("ascii", "replace")

    def hmac(self, purpose: str, message: bytes) -> Sha256:
        """Return this workspace's own name for ``message``, unlinkable between purposes."""
        return hmac_hex(derive(self.vault, f"hmac/{purpose}"), message)


def _note_signer(folder: Path, provider: KeyProvider) -> FileNoteSigner:
    vkey = _read(folder, VKEY_FILE).decode("ascii", "replace").strip()
    origin, coming = VerifierKey.parse(vkey).name, next_log_key(folder, provider)
    if coming is not None and str(VerifierKey(origin, coming.public)) == vkey:
        # Killed while it took over: its public half is in place, so it is the one in force.
        return FileNoteSigner(origin, coming)
    key = Ed25519Key(open_log_key(_secret(folder, LOG_FILE), provider.secret("log")))
    if str(VerifierKey(origin, key.public)) != vkey:
        raise KeyUseError("the log's public key is not that of its secret key")
    return FileNoteSigner(origin, key, coming)


def _file_signer(folder: Path, provider: KeyProvider) -> FileSigner:
    passphrase, public = provider.secret("certificate"), _read(folder, SIGNER_FILE)
    coming = read_secret_file(folder / NEXT_CERTIFICATE)
    if coming is not None:
        signer = FileSigner(open_certificate_key(coming, passphrase))
        if signer.public_pem == public:
            # Killed while it took over: its public half is in place, so it is the one in force.
            return signer
    signer = FileSigner(open_certificate_key(_secret(folder, CERTIFICATE_FILE), passphrase))
    if signer.public_pem != public:
        raise KeyUseError(f"{SIGNER_FILE} is not the public half of the certificate key")
    return signer


def _secret(folder: Path, name: str) -> bytes:
    """Return a file that holds a secret, which not every user of the machine may read."""
    found = read_secret_file(folder / name)
    if found is None:
        raise MissingKeyError(f"{name} is not there", hint=_RESTORE, name=name)
    return found


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as cause:
        raise MissingKeyError(f"{name} is not there", hint=_RESTORE, name=name) from cause
