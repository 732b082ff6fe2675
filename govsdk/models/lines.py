"""A model line: one model and its successive versions, in a folder.

::

    versions/v0000/        the model as it was given: five components in safetensors
    versions/v0000.json    its manifest
    versions/v0001/ ...    what each forgetting published
    CURRENT                the number and digest of the version in use
    staging/<name>/        a candidate, not yet published

- ``CURRENT`` changes last and in one step: a reader sees the old version or the new one, whole.
- Publishing renames the staged bytes themselves, after hashing them once more.
- A ``Version`` that is handed out was hashed on the way: not a bit differs from its manifest.
- One writer at a time: the caller holds the line's lock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from govsdk.durable import PUBLIC, disk_error, remove_tree, sync_folder, sync_tree, write_file
from govsdk.errors import (
    ConflictError,
    DigestMismatchError,
    MissingModelError,
    ModelCorruptError,
    RequestError,
)
from govsdk.models import layout
from govsdk.models.manifest import Manifest, manifest_of
from govsdk.records import Resource

_STAGED = re.compile(r"[A-Za-z0-9][\w.-]*")
_VERSION = re.compile(r"v(\d{4,})")


@dataclass(frozen=True)
class Version:
    """One published version, its bytes just checked."""

    number: int
    path: Path
    digest: str
    """SHA-256 of its manifest: the name of the model everywhere in the evidence."""

    @property
    def resource(self) -> Resource:
        """The version as the evidence names it."""
        return _resource(self.number, self.digest)


def _resource(number: int, digest: str) -> Resource:
    return Resource(name=f"model/v{number:04d}", sha256=digest)


class ModelLine:
    """The versions of one governed model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, source_model: Path) -> ModelLine:
        """Return a new line whose version 0 is a copy of ``source_model``.

        A creation that was interrupted starts again from nothing.

        Raises:
            ConflictError: there is a line in ``folder`` already.
            MissingModelError: the source is not complete.
            DiskFullError: nothing is published then.
        """
        line = cls(folder)
        if line._pointer.exists():
            raise ConflictError("there is a model line in that folder")
        remove_tree(line._versions)
        staged = line.stage("v0")
        line.discard(staged)
        layout.copy(source_model, staged)
        line.publish(staged, manifest_of(staged).digest())
        return line

    def current(self) -> Version:
        """Return the version in use.

        Raises:
            MissingModelError: nothing was ever published here.
            ModelCorruptError: a file differs from the manifest (``facts["file"]``), or the pointer.
        """
        try:
            name, digest = self._pointer.read_text().split()
        except FileNotFoundError as cause:
            raise MissingModelError("there is no model line in that folder") from cause
        except ValueError as cause:
            raise ModelCorruptError("the line's pointer cannot be read") from cause
        match = _VERSION.fullmatch(name)
        if match is None:
            raise ModelCorruptError("the line's pointer cannot be read")
        version = self.version(int(match[1]))
        if version.digest != digest:
            raise ModelCorruptError(
                "the manifest in use is not the one that was published",
                file=self._manifest(version.number).name,
            )
        return version

    def version(self, number: int) -> Version:
        """Return one version, every file hashed.

        Raises:
            MissingModelError: there is no such version.
            ModelCorruptError: a file is missing, added or changed; ``facts["file"]`` names it.
        """
        path = self._path(number)
        if not path.is_dir():
            raise MissingModelError(
                f"version {number} of the model line", hint="`govsdk models list` lists them all"
            )
        recorded = self._recorded(number)
        wrong = recorded.differences(manifest_of(path))
        if wrong:
            raise ModelCorruptError(
                f"{len(wrong)} files of version {number} differ, first {wrong[0]}", file=wrong[0]
            )
        return Version(number, path, recorded.digest())

    def named(self, number: int) -> Resource:
        """Return one version as the evidence names it, by its manifest alone: no file is hashed.

        Raises:
            ModelCorruptError: its manifest cannot be read.
        """
        return _resource(number, self._recorded(number).digest())

    def folder_of(self, number: int) -> Path | None:
        """Return where one version lies, its bytes not checked; None where it was removed."""
        path = self._path(number)
        return path if path.is_dir() else None

    def versions(self) -> list[int]:
        """Return the numbers of all versions, oldest first."""
        if not self._versions.is_dir():
            return []
        matches = [_VERSION.fullmatch(p.name) for p in self._versions.iterdir() if p.is_dir()]
        return sorted(int(match[1]) for match in matches if match)

    def stage(self, name: str) -> Path:
        """Return where to write a candidate; the folder itself is left to the writer.

        Raises:
            RequestError: ``name`` is not plain letters, digits, dots and hyphens.
        """
        if not _STAGED.fullmatch(name):
            raise RequestError("a staged model's name is letters, digits, dots and hyphens")
        staging = self.folder / "staging"
        try:
            staging.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise disk_error(cause, "staging a model") from cause
        return staging / name

    def publish(self, staged: Path, expected_digest: str) -> Version:
        """Make the staged bytes the version in use; called again, it ends in the same state.

        Steps: hash, fsync, write the manifest, rename the folder, move the pointer. Whichever of
        them a crash prevented, the next call does.

        Raises:
            DigestMismatchError: the staged bytes are not the ones judged; nothing was changed.
            MissingModelError: neither staged nor published under that digest.
            DiskFullError: nothing is published; call again once there is room.
        """
        number = self._adopt(staged, expected_digest) if staged.exists() else None
        version = self.version(self._find(expected_digest) if number is None else number)
        if not self._pointer.exists() or version.number > self.current().number:
            pointer = f"v{version.number:04d} {version.digest}\n"
            write_file(self._pointer, pointer.encode(), mode=PUBLIC)
        return version

    def discard(self, staged: Path) -> None:
        """Remove a candidate; one that is not there is no error."""
        remove_tree(staged)

    def _adopt(self, staged: Path, expected_digest: str) -> int:
        """Move the staged folder to the next free number and return that."""
        manifest = manifest_of(staged)
        if manifest.digest() != expected_digest:
            raise DigestMismatchError(
                "the staged model is not the one that was judged",
                expected=expected_digest,
                found=manifest.digest(),
            )
        number = max(self.versions(), default=-1) + 1
        write_file(self._manifest(number), manifest.to_bytes(), mode=PUBLIC)
        try:
            sync_tree(staged)
            staged.rename(self._path(number))
            sync_folder(self._versions)
        except OSError as cause:
            raise disk_error(cause, "publishing a model") from cause
        return number

    def _find(self, digest: str) -> int:
        for number in reversed(self.versions()):
            if self._recorded(number).digest() == digest:
                return number
        raise MissingModelError("no staged or published model has that digest")

    def _recorded(self, number: int) -> Manifest:
        path = self._manifest(number)
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as cause:
            raise ModelCorruptError(f"the manifest of version {number}", file=path.name) from cause

    def _path(self, number: int) -> Path:
        return self._versions / f"v{number:04d}"

    def _manifest(self, number: int) -> Path:
        return self._versions / f"v{number:04d}.json"

    @property
    def _versions(self) -> Path:
        return self.folder / "versions"

    @property
    def _pointer(self) -> Path:
        return self.folder / "CURRENT"
