"""The people who can be found: exact search in memory, kept between runs as one sealed file.

- The index covers exactly the enrolled people: it is compared with the roster before every search
  and built anew from the sealed templates when they differ, so no writer has to keep it up to date.
- The sealed file is only a cache. Each writing takes a fresh key, wrapped by the vault, and
  replaces file and key together.
- Restricted people are covered, but not indexed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from govsdk.errors import RegistryCorruptError
from govsdk.ports import Float32, Role, SubjectId, Templates
from govsdk.registry.dossier import Profile
from govsdk.registry.index import FlatIndex
from govsdk.registry.packing import Array, pack, unpack
from govsdk.registry.people import Match
from govsdk.registry.store import Store
from govsdk.registry.vault import drop

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
    """Position in ``folders``, by row."""
    folders: tuple[str, ...]

    def best(self, queries: Float32, count: int) -> list[tuple[str, float]]:
        """Return the ``count`` (or more) nearest people with the cosine of their best template.

        Exact: among the ``count * most`` nearest rows no ``count`` people can be missed, if nobody
        has more than ``most`` rows.
        """
        most = int(np.bincount(self.owners).max())
        cosines, ids = self.index.nearest(queries, count * most)
        best = np.full(len(self.folders), -np.inf)
        np.maximum.at(best, self.owners[ids], cosines)
        order = np.argsort(-best, kind="stable")
        return [(self.folders[i], float(best[i])) for i in order if np.isfinite(best[i])]


class Gallery:
    """The searchable people of a registry."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.RLock()
        self._people: dict[str, tuple[str, Person]] = {}
        self._shelves: dict[Role, Shelf] = {}
        self._covered: Cover | None = None
        self._written: Cover | None = None

    def people(self) -> list[Person]:
        """Return everybody enrolled, by id; the opened are kept in memory until they change."""
        with self._guard:
            found = steadily(lambda: self._open(self._cover()))
        return sorted(found.values(), key=lambda person: person.profile.subject)

    def nearest(
        self,
        queries: Float32,
        *,
        top: int,
        recogniser: Role,
        exclude: Collection[SubjectId] = (),
    ) -> list[Match]:
        """Return the ``top`` people whose best template is nearest to any query of ``[q, d]``."""

        def look() -> list[Match]:
            self._refresh()
            shelf = self._shelves.get(recogniser)
            found = [] if shelf is None else shelf.best(queries, top + len(exclude))
            named = ((self._subject(folder), cosine) for folder, cosine in found)
            return [
                Match(subject, min(max(cosine, -1.0), 1.0))
                for subject, cosine in named
                if subject not in exclude
            ]

        with self._guard:
            return steadily(look)[:top]

    @property
    def stale(self) -> bool:
        """Whether the sealed file differs from what is in memory."""
        return self._written != self._covered

    def write(self) -> None:
        """Bring the index up to date and replace the sealed file with its key; a writer's task."""
        with self._guard:
            steadily(self._refresh)
            folders = {name: shelf.folders for name, shelf in self._shelves.items()}
            head = {"cover": self._covered, "folders": folders}
            arrays: dict[str, Array] = {}
            for name, shelf in self._shelves.items():
                arrays[f"{name}/index"] = shelf.index.to_bytes()
                arrays[f"{name}/owners"] = shelf.owners
            packed = json.dumps(head).encode() + b"\n" + pack(arrays)
            self._store.vault.put_renewed(self._store.index_file, "index", packed)
            self._written = self._covered

    def rewrite(self) -> None:
        """As ``write``; where somebody's damaged files are in the way, the sealed file goes."""
        try:
            self.write()
        except RegistryCorruptError:
            drop(self._store.index_file)
            self._written = None

    # -- keeping up --------------------------------------------------------------------------------

    def _cover(self) -> Cover:
        store = self._store
        return {
            entry.folder: store.dossier(entry.folder).token() for entry in store.roster.enrolled()
        }

    def _refresh(self) -> None:
        """Make the index cover exactly the enrolled people."""
        cover = self._cover()
        if cover == self._covered:
            return
        if self._covered is not None or not self._load(cover):
            self._shelves = _shelve(self._open(cover))
        self._covered = cover

    def _open(self, cover: Cover) -> dict[str, Person]:
        kept = {f: known for f, known in self._people.items() if cover.get(f) == known[0]}
        for folder, token in cover.items():
            if folder not in kept:
                dossier = self._store.dossier(folder)
                profile = dossier.profile()
                kept[folder] = token, Person(profile, dossier.templates(profile))
        self._people = kept
        return {folder: person for folder, (_, person) in kept.items()}

    def _load(self, cover: Cover) -> bool:
        """Take the index from the sealed file, if that covers the same people."""
        if not self._store.index_file.exists():
            return False
        try:
            data = self._store.vault.take_renewed(self._store.index_file, "index")
        except RegistryCorruptError:
            return False  # only a cache: the next writer replaces it
        line, _, packed = data.partition(b"\n")
        head = json.loads(line)
        if head["cover"] != cover:
            return False
        arrays = unpack(packed)
        self._shelves = {
            name: Shelf(
                FlatIndex.from_bytes(arrays[f"{name}/index"]),
                arrays[f"{name}/owners"],
                tuple(folders),
            )
            for name, folders in head["folders"].items()
        }
        self._written = cover
        return True

    def _subject(self, folder: str) -> SubjectId:
        if folder in self._people:
            return self._people[folder][1].profile.subject
        return self._store.dossier(folder).profile().subject


def _shelve(people: dict[str, Person]) -> dict[Role, Shelf]:
    """Return an index per recogniser over all who are not restricted."""
    stacks: dict[Role, dict[str, Float32]] = {}
    for folder, person in sorted(people.items()):
        if not person.profile.restricted:
            for name, rows in person.templates.by_recogniser.items():
                stacks.setdefault(name, {})[folder] = rows
    return {
        name: Shelf(
            FlatIndex.of(np.concatenate(list(stack.values()))),
            np.repeat(np.arange(len(stack)), [len(rows) for rows in stack.values()]),
            tuple(stack),
        )
        for name, stack in stacks.items()
    }


def steadily(read: Callable[[], T]) -> T:
    """Return what ``read`` finds; looks again if a writer may have come in between.

    Readers hold no lock. What is still missing at the third look is damaged, not being written.
    """
    for _ in range(2):
        try:
            return read()
        except RegistryCorruptError:
            continue
    return read()
