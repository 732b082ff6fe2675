"""The canonical name of a model: every file of its folder, by name, size and digest.

Invariants:

- the digest binds names as well as bytes: renaming, adding or dropping a file changes it;
- only regular files are counted, and anything else in the folder is refused, so nothing that a
  loader could follow stays outside the digest;
- there is no list of ignored files.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

from govsdk.canonical import canonical_bytes, digest
from govsdk.durable import disk_error
from govsdk.errors import MissingModelError, ModelCorruptError
from govsdk.records import Record, Sha256


class ManifestFile(Record):
    """One file of a model."""

    name: str
    """Path below the model's folder, with ``/`` between the parts."""
    sha256: Sha256
    size: int
    """Bytes."""


class Manifest(Record):
    """All files of a model, sorted by the UTF-8 bytes of their names."""

    version: Literal[1] = 1
    files: tuple[ManifestFile, ...]

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON."""
        return canonical_bytes(self.public())

    def digest(self) -> Sha256:
        """Return the model's digest: the SHA-256 of the manifest's canonical JSON."""
        return digest(self.public())

    def differences(self, found: Manifest) -> tuple[str, ...]:
        """Return the names of the files that ``found`` lacks, has besides, or has otherwise."""
        mine = {file.name: file for file in self.files}
        theirs = {file.name: file for file in found.files}
        return tuple(sorted(name for name in mine | theirs if mine.get(name) != theirs.get(name)))


def manifest_of(folder: Path) -> Manifest:
    """Return the manifest of every file in ``folder``, read in full.

    Raises:
        MissingModelError: There is no such folder, or no file in it.
        ModelCorruptError: It holds a symbolic link, a device, or a name that is not UTF-8.
        BackendError: Something in it cannot be read.
    """
    try:
        if not folder.is_dir():
            raise MissingModelError("no folder there")
        files = {_name(folder, path): path for path in _files(folder)}
        described = [_describe(name, files[name]) for name in sorted(files, key=str.encode)]
    except OSError as cause:
        raise disk_error(cause, "reading a model") from cause
    if not described:
        raise MissingModelError("the folder holds no file")
    return Manifest(files=tuple(described))


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    with os.scandir(folder) as scan:
        entries = list(scan)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            found.extend(_files(Path(entry.path)))
        elif entry.is_file(follow_symlinks=False):
            found.append(Path(entry.path))
        else:
            raise ModelCorruptError("the folder holds something that is neither file nor folder")
    return found


def _name(folder: Path, path: Path) -> str:
    name = path.relative_to(folder).as_posix()
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise ModelCorruptError("a file's name is not UTF-8") from cause
    return name


def _describe(name: str, path: Path) -> ManifestFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return ManifestFile(name=name, sha256=sha256, size=file.tell())
