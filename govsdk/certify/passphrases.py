"""Passphrases: where the secrets that open a workspace's keys come from.

Invariants:

- they come from files or a callback, never from a command line or the workspace itself;
- a file that any user of the machine can read is refused;
- a secret never enters a message or a ``repr``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from govsdk.durable import disk_error, write_file
from govsdk.errors import KeyUseError, MissingKeyError

NAMES = ("certificate", "log", "vault")
"""What has a passphrase of its own."""

MIN_BYTES = 16
"""Shortest passphrase: the encrypted key files stretch theirs only a little."""

_ENVIRONMENT = "GOVSDK_KEYS"
_OTHERS_MAY_READ = 0o004
_VERIFIER = "verifier.identity"


@dataclass(frozen=True)
class KeyProvider:
    """Answers for three passphrases (``NAMES``), the ``verifier``'s age identity, and a token's
    ``pin`` where there is a token."""

    _ask: Callable[[str], bytes | None] = field(repr=False)
    folder: Path | None = None
    """Where the secrets lie as files, if they do."""

    @classmethod
    def from_folder(cls, folder: Path | str) -> KeyProvider:
        """Return the provider that reads ``folder``'s ``NAME.passphrase`` files."""
        place = Path(folder)
        return cls(lambda name: read_secret_file(place / file_of(name)), place)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> KeyProvider:
        """Return the provider for the folder that ``GOVSDK_KEYS`` names.

        Raises:
            MissingKeyError: It names none.
        """
        folder = environment.get(_ENVIRONMENT)
        if not folder:
            raise MissingKeyError(f"{_ENVIRONMENT} is not set")
        return cls.from_folder(folder)

    @classmethod
    def from_callback(cls, ask: Callable[[str], str | bytes | None]) -> KeyProvider:
        """Return the provider that calls ``ask(name)``; None means that it has no such secret."""

        def answer(name: str) -> bytes | None:
            secret = ask(name)
            return secret.encode() if isinstance(secret, str) else secret

        return cls(answer)

    @classmethod
    def generate(
        cls, folder: Path | str, *, entropy: Callable[[int], bytes] = os.urandom
    ) -> KeyProvider:
        """Write the passphrases that ``folder`` lacks, 256 random bits each.

        Raises:
            BackendError: It is no folder, and none can be made there.
        """
        place = Path(folder)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as cause:
            raise disk_error(cause, "making the folder of passphrases") from cause
        there = filed(place)
        for name in (name for name in NAMES if name not in there):
            write_file(place / file_of(name), entropy(32).hex().encode() + b"\n")
        return cls.from_folder(place)

    def secret(self, name: str, *, least: int = MIN_BYTES) -> bytes:
        """Return the passphrase ``name`` of ``least`` bytes, or the ``verifier``'s age identity.

        Raises:
            MissingKeyError: There is none.
            KeyUseError: It is too short, or in a file that others can read.
        """
        found = (self._ask(name) or b"").strip()
        if not found:
            raise MissingKeyError(self._lacking(name), name=name)
        if len(found) < least:
            raise KeyUseError(f"the secret {name!r} is shorter than {least} bytes", name=name)
        return found

    def _lacking(self, name: str) -> str:
        if self.folder is None:
            return f"no secret named {name!r}"
        if not self.folder.is_dir():
            return "the folder of passphrases is not there"
        return f"the folder of passphrases has no {file_of(name)}"

    def keep_verifier(self, make: Callable[[], str]) -> str:
        """Return the verifier's identity, made and filed first if a folder is there to hold it."""
        if self.folder is not None and not (self.folder / _VERIFIER).exists():
            write_file(self.folder / _VERIFIER, make().encode() + b"\n")
        return self.secret("verifier").decode("ascii", "replace")


def file_of(name: str) -> str:
    """Return the file of a passphrase, or of the ``verifier``'s identity, in the keys' folder."""
    return _VERIFIER if name == "verifier" else f"{name}.passphrase"


def filed(folder: Path) -> list[str]:
    """Return the ``NAMES`` whose passphrases lie in ``folder``, readable or not."""
    return [name for name in NAMES if (folder / file_of(name)).exists()]


def read_secret_file(path: Path) -> bytes | None:
    """Return the bytes of ``path``, or None if there is no such file.

    Raises:
        KeyUseError: Every user of the machine can read it.
        MissingKeyError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS_MAY_READ:
                raise KeyUseError(f"every user of this machine can read {path.name}")
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise MissingKeyError(f"{path.name} cannot be read") from cause
