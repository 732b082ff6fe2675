"""The registry's folder: what lies where, opened with the vault key.

::

    registry.json      format, version, and a check of the vault key
    recognisers.json   dimension and weights' digest of each recogniser; no personal data
    entries/           who is there
    tombstones/        who was forgotten
    people/            one folder per person
    index              the search index, sealed
    lock               held by the one writer
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from govsdk.durable import locked, read_file, write_file
from govsdk.errors import (
    ConflictError,
    EmbeddingError,
    MissingKeyError,
    MissingWorkspaceError,
    RegistryCorruptError,
)
from govsdk.ports import Float32, Role, SubjectId
from govsdk.registry.dossier import PEOPLE, Dossier
from govsdk.registry.roster import Entry, Roster, State
from govsdk.registry.vault import Entropy, Vault

FORMAT = "govsdk-registry"
VERSION = 1


class Store:
    """Paths, keys and the lock."""

    def __init__(self, folder: Path, vault: Vault, *, lock_timeout_seconds: float = 10.0) -> None:
        self.folder = folder
        self.vault = vault
        self.roster = Roster(folder, vault)
        self.index_file = folder / "index"
        self._lock_timeout_seconds = lock_timeout_seconds

    @classmethod
    def create(cls, folder: Path, master: bytes, entropy: Entropy) -> Self:
        """Make an empty registry.

        Raises:
            ConflictError: There is one already.
            MissingKeyError: The vault key has not 32 bytes.
        """
        if (folder / "registry.json").exists():
            raise ConflictError("there is a registry in that folder already")
        store = cls(folder, Vault(master, entropy))
        store.roster.create()
        (folder / PEOPLE).mkdir(exist_ok=True)
        head = {"format": FORMAT, "version": VERSION, "check": store.vault.check}
        write_file(folder / "registry.json", json.dumps(head).encode())
        return store

    @classmethod
    def open(
        cls, folder: Path, master: bytes, entropy: Entropy, lock_timeout_seconds: float
    ) -> Self:
        """Open a registry.

        Raises:
            MissingWorkspaceError: There is none.
            MissingKeyError: It belongs to another vault key.
            RegistryCorruptError: Its head cannot be read.
        """
        path = folder / "registry.json"
        if not path.exists():
            raise MissingWorkspaceError("it has no registry")
        store = cls(folder, Vault(master, entropy), lock_timeout_seconds=lock_timeout_seconds)
        head = _json(path)
        if head.get("format") != FORMAT or head.get("version") != VERSION:
            raise RegistryCorruptError("the head names another format")
        if not hmac.compare_digest(str(head.get("check")), store.vault.check):
            raise MissingKeyError("the vault key is not that of this registry")
        return store

    def writing(self, timeout_seconds: float | None = None) -> AbstractContextManager[None]:
        """Return a block in which nobody else writes.

        Raises:
            LockedError: Somebody else writes, and did not end in time; names the process.
        """
        wait = self._lock_timeout_seconds if timeout_seconds is None else timeout_seconds
        return locked(self.folder / "lock", timeout_seconds=wait)

    def clear_unfinished(self) -> frozenset[str]:
        """Remove what killed enrolments left; return the names of their entries.

        The caller holds the lock, as every enrolment does from its first byte to its last: none is
        under way.
        """
        found = self.unfinished()
        for name, entry in found.items():
            self.dossier(entry.folder).remove()
            self.roster.discard(name)
        return frozenset(found)

    def unfinished(self) -> dict[str, Entry]:
        """Return the entries, by name, of enrolments that are under way or were killed."""
        return {n: entry for n, entry in self.roster.readable() if entry.state is State.ENROLLING}

    def dossier(self, folder: str) -> Dossier:
        """Return the person's folder of that random name."""
        return Dossier(self.folder / PEOPLE / folder, self.vault)

    def find(self, subject: SubjectId, *states: State) -> Dossier | None:
        """Return the subject's folder if their entry is in one of ``states``."""
        entry = self.roster.entry(subject)
        if entry is None or entry.state not in states:
            return None
        return self.dossier(entry.folder)

    def dimensions(self) -> dict[Role, int]:
        """Return the dimension ``d`` of each recogniser's embeddings."""
        return {name: int(known["dimension"]) for name, known in self._recognisers().items()}

    def admit(self, rows: Mapping[Role, Float32], weights: Mapping[Role, str]) -> None:
        """Fix dimension and weights of each recogniser when it is first seen.

        Args:
            weights: Digest of each recogniser's weights, where known.

        Raises:
            EmbeddingError: They differ from those of the enrolled templates: cosines between the
                two would mean nothing.
        """
        known = self._recognisers()
        wanted = dict(known)
        for name, stack in rows.items():
            old = known.get(name, {})
            dimension, digest = stack.shape[1], weights.get(name) or old.get("sha256")
            if old and old["dimension"] != dimension:
                raise EmbeddingError(
                    f"recogniser {name} gives {dimension} numbers, the registry holds "
                    f"{old['dimension']}"
                )
            if old.get("sha256") not in (None, digest):
                raise EmbeddingError(
                    f"recogniser {name} has other weights than those of the enrolled templates"
                )
            wanted[name] = {"dimension": dimension, "sha256": digest}
        if wanted != known:
            write_file(self.folder / "recognisers.json", json.dumps(wanted).encode())

    def _recognisers(self) -> dict[Role, dict[str, Any]]:
        path = self.folder / "recognisers.json"
        return _json(path) if path.exists() else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(path, f"reading {path.name}") or b"")
    except ValueError as cause:
        raise RegistryCorruptError(f"{path.name} cannot be read") from cause
    if not isinstance(found, dict):
        raise RegistryCorruptError(f"{path.name} cannot be read")
    return found
