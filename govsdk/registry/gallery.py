"""The people who can be found: exact search in memory, kept between runs as one sealed file.

- The index covers exactly the enrolled people: it is compared with the roster before every search
  and built anew from the sealed templates when they differ, so no writer has to keep it up to date.
- The sealed file is only a cache. Each writing takes a fresh key, wrapped by the vault, and replaces
  file and key together.
- Restricted people are covered, but not indexed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from govsdk.errors import RegistryCorruptError
from govsdk.records import Float32, Recogniser, SubjectId, Templates
from govsdk.registry import vault as sealing
from govsdk.registry.dossier import Dossier, Profile
from govsdk.registry.index import FlatIndex
from govsdk.registry.packing import Array, pack, unpack
from govsdk.registry.people import Match
from govsdk.registry.roster import Roster
from govsdk.registry.vault import Vault

Cover = dict[str, str]
"""Folder of each enrolled person -> token of their profile."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Person:
    """An enrolled person, opened."""

    profile: Profile
    templates: Templates


@dataclass(frozen=True, eq=False)
class Shelf:
    """One recogniser's index, and whose row each is."""

    index: FlatIndex
    owners: npt.NDArray[np.int64]
    """Position in ``folders`` by row."""
    folders: tuple[str, ...]

    def best(self, queries: Float32, count: int) -> dict[str, float]:
        """Return the cosine of the best template of the ``count`` nearest people, and some more."""
        most = int(np.bincount(self.owners).max())
        cosines, ids = self.index.nearest(queries, count * most)
        best = np.full(len(self.folders), -np.inf)
        np.maximum.at(best, self.owners[ids], cosines)
        order = np.argsort(-best, kind="stable")
        return {self.folders[i]: float(best[i]) for i in order if np.isfinite(best[i])}


class Gallery:
    """The searchable people of a registry."""

    def __init__(
        self, folder: Path, vault: Vault, roster: Roster, dossier: Callable[[str], Dossier]
    ) -> None:
        self._file = folder / "index"
        self._vault = vault
        self._roster = roster
        self._dossier = dossier
        self._guard = threading.RLock()
        self._people: dict[str, tuple[str, Person]] = {}
        self._shelves: dict[Recogniser, Shelf] = {}
        self._covered: Cover | None = None
        self._written = False

    def people(self) -> list[Person]:
        """Return everybody enrolled, by id; opened ones are kept in memory until they change."""
        with self._guard:
            found = steadily(self._open_all).values()
        return sorted(found, key=lambda person: person.profile.subject)

    def nearest(
        self,
        queries: Float32,
        *,
        top: int,
        recogniser: Recogniser,
        exclude: Collection[SubjectId] = (),
    ) -> list[Match]:
        """Return the ``top`` people with the best template for any of the ``queries`` ``[q, d]``."""
        with self._guard:
            steadily(self._refresh)
            shelf = self._shelves.get(recogniser)
            if shelf is None:
                return []
            found = shelf.best(queries, top + len(exclude))
            matches = []
            for folder, cosine in found.items():
                subject = self._subject(folder)
                if subject is not None and subject not in exclude:
                    matches.append(Match(subject, float(np.clip(cosine, -1.0, 1.0))))
                if len(matches) == top:
                    break
            return matches

    @property
    def stale(self) -> bool:
        """Whether the sealed file differs from what is in memory."""
        return not self._written

    def write(self) -> None:
        """Bring the index up to date and replace the sealed file and its key; a writer's task."""
        with self._guard:
            steadily(self._refresh)
            head = {
                "cover": self._covered,
                "folders": {name: shelf.folders for name, shelf in self._shelves.items()},
            }
            arrays: dict[str, Array] = {}
            for name, shelf in self._shelves.items():
                arrays[f"{name}/index"] = shelf.index.to_bytes()
                arrays[f"{name}/owners"] = shelf.owners
            key = self._vault.new_key()
            entropy = self._vault.entropy
            wrapped = sealing.seal(self._vault.key, "index-key", "", key, entropy=entropy)
            packed = json.dumps(head).encode() + b"\n" + pack(arrays)
            data = wrapped.hex().encode() + b"\n" + packed
            del data
            sealed = sealing.seal(key, "index", "", packed, entropy=entropy)
            self._replace(wrapped, sealed)
            self._written = True

    def forget_memory(self) -> None:
        """Drop every opened template and index from memory."""
        with self._guard:
            self._people, self._shelves, self._covered = {}, {}, None
