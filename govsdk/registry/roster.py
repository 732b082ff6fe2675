"""Who is there, in which state, and who was forgotten.

A person's entry is one small sealed file and the only thing that decides whether they exist: other
files count for nothing until it says so. It moves ``enrolling -> enrolled -> erasing -> (gone)``.

- Whatever lies under ``people/`` is reachable from an entry: a crash leaves nothing unowned.
- An entry that says "enrolling" while nobody holds the lock is what a killed enrolment left.
- Entries and tombstones are named by HMACs of the id under different keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from govsdk.errors import RegistryCorruptError
from govsdk.ports import SubjectId
from govsdk.records import Erasure
from govsdk.registry.vault import Vault, damaged, drop

ENTRIES = "entries"
"""The folder of the entries."""


class State(StrEnum):
    """How far a person has come, or gone."""

    ENROLLING = "enrolling"
    ENROLLED = "enrolled"
    ERASING = "erasing"


@dataclass(frozen=True)
class Entry:
    """Where a person's files lie, and whether they count."""

    folder: str
    """Random name of the person's folder."""
    state: State


class Roster:
    """The entries and tombstones below one folder."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._entries = folder / ENTRIES
        self._tombstones = folder / "tombstones"
        self._vault = vault

    def create(self) -> None:
        """Make the folders."""
        for folder in (self._entries, self._tombstones):
            folder.mkdir(parents=True, exist_ok=True)

    def entry(self, subject: SubjectId) -> Entry | None:
        """Return the subject's entry, if there is one."""
        return self.read(self._vault.name(subject))

    def names(self) -> list[str]:
        """Return the names of all entries, damaged ones too, in no meaningful order."""
        return sorted(path.name for path in self._entries.glob("*[0-9a-f]"))

    def read(self, name: str) -> Entry | None:
        """Return the entry of that name, if it is there.

        Raises:
            RegistryCorruptError: It is damaged; ``facts["entry"]`` names it.
        """
        path = self._entries / name
        try:
            fields = json.loads(self._vault.take(path, "entry", name))
        except RegistryCorruptError as error:
            if path.exists():
                raise damaged(f"{ENTRIES}/{name}", error) from error
            return None
        return Entry(fields["folder"], State(fields["state"]))

    def enrolled(self) -> Iterator[Entry]:
        """Yield the entries of all who are enrolled, in no meaningful order."""
        for name in self.names():
            entry = self.read(name)
            if entry is not None and entry.state is State.ENROLLED:
                yield entry

    def readable(self) -> Iterator[tuple[str, Entry]]:
        """Yield every entry with its name, but for damaged ones."""
        for name in self.names():
            with suppress(RegistryCorruptError):
                if (entry := self.read(name)) is not None:
                    yield name, entry

    def set(self, subject: SubjectId, entry: Entry) -> None:
        """Make ``entry`` the subject's: the commit of every change of state."""
        name = self._vault.name(subject)
        data = json.dumps({"folder": entry.folder, "state": entry.state}).encode()
        self._vault.put(self._entries / name, "entry", name, data)

    def remove(self, subject: SubjectId) -> None:
        """Remove the subject's entry."""
        self.discard(self._vault.name(subject))

    def discard(self, name: str) -> None:
        """Remove the entry of that name."""
        drop(self._entries / name)

    def buried(self, subject: SubjectId) -> bool:
        """Return whether the subject has a tombstone."""
        return self._tombstone(subject).exists()

    def bury(self, subject: SubjectId, erasure: Erasure | None) -> None:
        """Write the subject's tombstone; ``None`` while the erasure is under way."""
        path = self._tombstone(subject)
        data = b"" if erasure is None else erasure.model_dump_json().encode()
        self._vault.put(path, "tombstone", path.name, data)

    def epitaph(self, subject: SubjectId) -> Erasure | None:
        """Return what the subject's finished erasure destroyed."""
        path = self._tombstone(subject)
        data = self._vault.take(path, "tombstone", path.name) if path.exists() else b""
        return Erasure.model_validate_json(data) if data else None

    def unbury(self, subject: SubjectId) -> None:
        """Remove the subject's tombstone."""
        drop(self._tombstone(subject))

    def remove_leftovers(self) -> None:
        """Remove the half-written files of writers that died."""
        for folder in (self._entries, self._tombstones, self._entries.parent):
            for path in folder.glob(".*.tmp"):
                drop(path)

    def _tombstone(self, subject: SubjectId) -> Path:
        return self._tombstones / self._vault.tombstone(subject)
