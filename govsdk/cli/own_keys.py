"""Keys of those who have no workspace (witnesses, auditors): encrypted, the passphrase apart."""

from __future__ import annotations

import os
from pathlib import Path

from govsdk.durable import write_file
from govsdk.errors import MissingKeyError, RequestError


def passphrase_of(key: Path, folder: Path, name: str) -> bytes:
    """Return what opens the key file ``key``; made up in ``folder`` if neither is there yet.

    Raises:
        RequestError: ``folder`` lies where the key does.
        MissingKeyError: The key is there, its passphrase is not.
    """
    from govsdk.certify.keys import KeyProvider

    if folder.resolve().is_relative_to(key.parent.resolve()):
        raise RequestError("a passphrase beside the key it opens protects nothing")
    file = folder / f"{name}.passphrase"
    if not file.exists():
        if key.exists():
            raise MissingKeyError(
                f"{file.name} is not there",
                hint="name the folder that it was written to with --passphrases",
                name=name,
            )
        write_file(file, os.urandom(32).hex().encode() + b"\n")
    return KeyProvider.from_folder(folder).secret(name)


def read_own_key(key: Path) -> bytes:
    """Return the encrypted key in the file ``key``.

    Raises:
        KeyUseError: Every user of the machine can read it.
        MissingKeyError: It is not there.
    """
    from govsdk.certify.passphrases import read_secret_file

    found = read_secret_file(key)
    if found is None:
        raise MissingKeyError(f"{key.name} is not there", name=key.name)
    return found
