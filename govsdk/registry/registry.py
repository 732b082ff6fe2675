"""The identity registry, as the rest of govsdk uses it.

- Reading takes no lock and never waits; writing takes the registry's lock only while it writes, so
  search and enrolment go on while somebody is being forgotten.
- Whoever is restricted is neither found nor chosen; whoever is being erased is not there any more.
- What a killed enrolment left is removed by whoever writes next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

from govsdk.errors import BackendError, LockedError, UnknownSubjectError
from govsdk.ports import (
    CONDITIONING,
    Anchor,
    Embedder,
    Float32,
    Picture,
    Role,
    SubjectId,
    Templates,
)
from govsdk.records import Erasure
from govsdk.registry import destroying, erasure
from govsdk.registry.anchors import Choice
from govsdk.registry.dossier import Dossier, Profile
from govsdk.registry.enrolling import Offer, enroll, offer_embeddings, offer_photos
from govsdk.registry.gallery import Gallery, Person, steadily
from govsdk.registry.gates import Gates, rows_under, unit_rows
from govsdk.registry.people import Enrolment, Match, SubjectSummary
from govsdk.registry.proximity import nearest_anchor
from govsdk.registry.roster import State
from govsdk.registry.scan import scan
from govsdk.registry.store import Store
from govsdk.registry.vault import Entropy

T = TypeVar("T")
OPEN_GATES = Gates()


class Registry:
    """The people enrolled in one folder, encrypted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gallery = Gallery(store)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        vault: bytes,
        entropy: Entropy = os.urandom,
    ) -> Self:
        """Make an empty registry in ``folder`` under the 32-byte key ``vault``.

        Raises:
            ConflictError: There is one already.
            MissingKeyError: ``vault`` has not 32 bytes.
        """
        return cls(Store.create(folder, vault, entropy))

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        vault: bytes,
        entropy: Entropy = os.urandom,
        lock_timeout_seconds: float = 10.0,
    ) -> Self:
        """Open the registry in ``folder``; nothing is read yet but its head.

        Raises:
            MissingWorkspaceError: There is none.
            MissingKeyError: It belongs to another vault key.
            RegistryCorruptError: Its head cannot be read.
        """
        return cls(Store.open(folder, vault, entropy, lock_timeout_seconds))

    # -- enrolment ---------------------------------------------------------------------------------

    def enroll(
        self,
        subject: SubjectId,
        photos: Sequence[Picture],
        embedders: Mapping[Role, Embedder],
        *,
        may_anchor: bool | None = None,
        allow_forgotten: bool = False,
        gates: Gates = OPEN_GATES,
    ) -> Enrolment:
        """Enrol a person from photos, or add photos to one enrolled from photos before.

        All or nothing. Safe to repeat: a photo enrolled before, byte for byte, is not added again.

        Args:
            photos: Aligned face crops, ``[height, width, 3]``; kept, sealed, to embed them anew.
            may_anchor: Whether they may replace somebody; None: yes, or unchanged.
            allow_forgotten: Enrol even somebody who was forgotten, e.g. because they came back.

        Raises:
            PhotoError: A photo cannot be used or fails a gate; ``facts["photo"]`` is its position.
            EmbeddingError: A recogniser differs from the one that made the enrolled templates.
            SubjectExistsError: The subject is restricted, being erased, or was forgotten.
            LockedError: Somebody else writes.
        """
        offer = offer_photos(subject, photos, embedders, self._store.dimensions())
        return self._enroll(offer, gates, may_anchor, allow_forgotten)

    def enroll_embeddings(
        self,
        subject: SubjectId,
        by_recogniser: Mapping[Role, Float32],
        *,
        may_anchor: bool | None = None,
        allow_forgotten: bool = False,
        gates: Gates = OPEN_GATES,
    ) -> Enrolment:
        """Enrol a person from embeddings alone, or add to one enrolled so before.

        Args:
            by_recogniser: ``[n, d]`` of any length by recogniser; row ``i`` is photo ``i`` in each.

        Raises:
            EmbeddingError: The rows do not fit each other or the registry, or fail a gate.
            SubjectExistsError, LockedError: As ``enroll``.
        """
        offer = offer_embeddings(subject, by_recogniser, dimensions=self._store.dimensions())
        return self._enroll(offer, gates, may_anchor, allow_forgotten)

    def _enroll(
        self,
        offer: Offer,
        gates: Gates,
        may_anchor: bool | None,
        allow_forgotten: bool,
    ) -> Enrolment:
        with self._writing():
            enrolment = enroll(
                self._store,
                offer,
                gates=gates,
                may_anchor=may_anchor,
                allow_forgotten=allow_forgotten,
            )
        also = self._lookalikes(offer.subject, offer.rows, gates)
        return replace(enrolment, also_enrolled_as=also)

    def also_enrolled_as(self, subject: SubjectId, gates: Gates) -> tuple[Match, ...]:
        """Return the other subjects who look like the same person, as an enrolment reports them.

        Raises:
            UnknownSubjectError: Nobody of that id is enrolled.
        """
        return self._lookalikes(subject, self.templates(subject).by_recogniser, gates)

    def _lookalikes(
        self, subject: SubjectId, rows: Mapping[Role, Float32], gates: Gates
    ) -> tuple[Match, ...]:
        """Return the others, ten at most, whom every recogniser asked takes for the same person."""
        found: dict[SubjectId, Match] = {}
        asked = [(name, floor) for name, floor in gates.same_person.items() if name in rows]
        for count, (name, floor) in enumerate(asked):
            near = self._gallery.nearest(rows[name], top=10, recogniser=name, exclude=(subject,))
            same = {match.subject: match for match in near if match.cosine >= floor}
            found = same if count == 0 else {s: m for s, m in found.items() if s in same}
        return tuple(found.values())

    # -- looking -----------------------------------------------------------------------------------

    def __contains__(self, subject: object) -> bool:
        return isinstance(subject, str) and self._find(SubjectId(subject)) is not None

    def subjects(self) -> list[SubjectSummary]:
        """Return everybody enrolled, by id."""
        return [person.profile.summary() for person in self._gallery.people()]

    def templates(self, subject: SubjectId) -> Templates:
        """Return the subject's embeddings.

        Raises:
            UnknownSubjectError: Nobody of that id is enrolled.
        """
        return self._reading(subject, lambda file: file.templates(file.profile()))

    def photos(self, subject: SubjectId) -> list[Picture]:
        """Return the subject's photos: photo ``i`` gave row ``i``; none if embeddings were given.

        Raises:
            UnknownSubjectError: Nobody of that id is enrolled.
        """
        return self._reading(subject, lambda file: file.photos(file.profile()))

    def gallery(self, exclude: Collection[SubjectId] = ()) -> list[Templates]:
        """Return the embeddings of all searchable people, by id."""
        return [person.templates for person in self._searchable(exclude)]

    def search(
        self, query: Float32 | SubjectId, *, top: int = 5, recogniser: Role = CONDITIONING
    ) -> list[Match]:
        """Return the ``top`` people nearest to an embedding ``[d]`` or to a subject, best first.

        Exact. A person counts with their best template; a subject is not found by themselves.

        Raises:
            UnknownSubjectError: Nobody of that id is enrolled.
            EmbeddingError: The query is no array of numbers, has another dimension, is not finite,
                or has no direction.
        """
        exclude: tuple[SubjectId, ...] = ()
        if isinstance(query, str):
            queries, exclude = rows_under(self.templates(query), recogniser), (query,)
        else:
            queries = unit_rows(np.atleast_2d(query), self._store.dimensions().get(recogniser))
        matches = self._gallery.nearest(queries, top=top, recogniser=recogniser, exclude=exclude)
        if self._gallery.stale:
            # Only a cache: another writer, a full or a read-only disk is no reason to fail.
            with suppress(LockedError, BackendError, OSError), self._store.writing(0.0):
                self._gallery.write()
        return matches

    # -- anchors -----------------------------------------------------------------------------------

    def choose_anchor(
        self,
        subject: SubjectId,
        *,
        threshold: float,
        margin: float = 0.15,
        own_below: float = 0.999,
        band: tuple[float, float] | None = None,
        forbidden: Sequence[Float32] = (),
        choice: Choice = "nearest-qualified",
        seed: bytes = b"",
    ) -> Anchor:
        """Return who replaces ``subject``: the rule of ``anchors.py``, nearest candidates first.

        Args:
            seed: Draws among the qualified under ``random-qualified``.

        Raises:
            UnknownSubjectError: Nobody of that id is enrolled.
            NoAnchorError: Nobody qualifies; ``facts`` counts who failed which rule.
        """
        people = self._searchable((subject,))
        serving = [person.templates for person in people if person.profile.may_anchor]
        return nearest_anchor(
            self.templates(subject),
            serving,
            threshold=threshold,
            margin=margin,
            own_below=own_below,
            band=band,
            forbidden=forbidden,
            choice=choice,
            seed=seed,
            not_allowed=len(people) - len(serving),
        )

    # -- states ------------------------------------------------------------------------------------

    def restrict(self, subject: SubjectId) -> None:
        """Make the subject neither searchable nor an anchor."""
        self._change(subject, lambda known: replace(known, restricted=True))

    def release(self, subject: SubjectId) -> bool:
        """Lift the restriction; return whether there was one."""
        return self._change(subject, lambda known: replace(known, restricted=False))

    def hold(self, subject: SubjectId) -> bool:
        """Put the subject under legal hold: ``erase`` refuses; return whether that is new."""
        return self._change(subject, lambda known: replace(known, held=True))

    def lift_hold(self, subject: SubjectId) -> bool:
        """Lift the legal hold; return whether there was one."""
        return self._change(subject, lambda known: replace(known, held=False))

    def held(self, subject: SubjectId) -> bool:
        """Return whether the subject is under legal hold."""
        return self._reading(subject, lambda file: file.profile().held)

    def forgotten(self, subject: SubjectId) -> bool:
        """Return whether the subject was erased, or is being erased."""
        return self._store.roster.buried(subject) and subject not in self

    # -- for the job of a forget request -----------------------------------------------------------

    def seal(self, subject: SubjectId, purpose: str, data: bytes) -> bytes:
        """Return ``data`` sealed under the subject's key; it dies with that key."""
        return self._owner(subject).seal(purpose, data)

    def unseal(self, subject: SubjectId, purpose: str, sealed: bytes) -> bytes:
        """Return what was sealed for the same subject and purpose.

        Raises:
            UnknownSubjectError: The subject, and so the key, is gone.
            RegistryCorruptError: Damaged, or sealed for another subject or purpose.
        """
        return self._owner(subject).unseal(purpose, sealed)

    # -- erasure -----------------------------------------------------------------------------------

    def erase(self, subject: SubjectId, *, scanning: Sequence[Path] = ()) -> Erasure:
        """Destroy all that is kept of the subject and look whether anything is left.

        Safe to repeat: killed anywhere, the same call goes on; called again, it returns the same
        record. See ``erasure.py`` for the steps.

        Args:
            scanning: Folders to scan besides the registry's own, e.g. the whole workspace.

        Raises:
            UnknownSubjectError: Nobody of that id is or was here; what an enrolment of theirs left
                that was killed is removed.
            LegalHoldError: The subject is held; nothing was changed.
            PlaintextFoundError: The subject's bytes lie in unsealed files. The data is erased, the
                key still there: remove those files (see ``locate``) and call again.
            LockedError: Somebody else writes.
        """
        self.require_finished(subject)
        with self._writing():
            begun = erasure.begin(self._store, self._gallery, subject)
        if isinstance(begun, Erasure):
            return begun
        scanned = scan([self._store.folder, *scanning], begun.patterns)
        with self._writing():
            return erasure.finish(self._store, subject, begun, scanned)

    def locate(self, subject: SubjectId, folders: Sequence[Path]) -> tuple[Path, ...]:
        """Return the unsealed files under ``folders`` that hold the subject's bytes or id.

        Folders and links with the id in their names, too.

        Raises:
            UnknownSubjectError: The subject is not enrolled, and no erasure is under way.
        """
        return scan(folders, erasure.patterns_for(self._store, subject)).where

    def drop_tombstone(self, subject: SubjectId) -> None:
        """Forget even that the subject was forgotten (policies without residuals)."""
        with self._writing():
            if self._store.roster.epitaph(subject) is not None:
                self._store.roster.unbury(subject)

    # -- mending -----------------------------------------------------------------------------------

    def unfinished(self) -> int:
        """Return how many enrolments are under way or were killed: their photos can be opened."""
        return len(self._store.unfinished())

    def require_finished(self, subject: SubjectId) -> None:
        """Accept whoever has no enrolment that was killed before its end.

        Raises:
            UnknownSubjectError: The subject has; what it left is removed.
            LockedError: Somebody else writes.
        """
        if self._store.find(subject, State.ENROLLING) is None:
            return
        with self._writing() as cleared:
            if self._store.vault.name(subject) in cleared:
                raise UnknownSubjectError(
                    "their enrolment was killed before its end, and what it left is removed now"
                )

    def destroy(self, entry: str) -> None:
        """Destroy key, rows and entry of a damaged person: for what no backup can mend.

        No request is answered by it: nothing is scanned, and no tombstone remembers them.

        Args:
            entry: What ``facts["entry"]`` of the ``RegistryCorruptError`` says.

        Raises:
            RequestError: There is no such entry.
            ConflictError: It is whole.
            LegalHoldError: The person is held.
            LockedError: Somebody else writes.
        """
        with self._writing():
            destroying.destroy(self._store, self._gallery, entry)

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[frozenset[str]]:
        """Hold the lock, and begin without what killed enrolments left: yields their entries."""
        with self._store.writing():
            yield self._store.clear_unfinished()

    def _find(self, subject: SubjectId) -> Dossier | None:
        return self._store.find(subject, State.ENROLLED)

    def _owner(self, subject: SubjectId) -> Dossier:
        """Return the subject's folder as long as the key is there, during an erasure too."""
        dossier = self._store.find(subject, State.ENROLLED, State.ERASING)
        if dossier is None or not dossier.has_key():
            raise UnknownSubjectError()
        return dossier

    def _reading(self, subject: SubjectId, read: Callable[[Dossier], T]) -> T:
        def attempt() -> T:
            dossier = self._find(subject)
            if dossier is None:
                raise UnknownSubjectError()
            return read(dossier)

        return steadily(attempt)

    def _change(self, subject: SubjectId, change: Callable[[Profile], Profile]) -> bool:
        """Write the changed profile; return whether it differs from the one that was there."""
        with self._writing():
            dossier = self._find(subject)
            if dossier is None:
                raise UnknownSubjectError()
            known = dossier.profile()
            changed = change(known)
            if changed != known:
                dossier.set_profile(changed)
            return changed != known

    def _searchable(self, exclude: Collection[SubjectId]) -> list[Person]:
        return [
            person
            for person in self._gallery.people()
            if not person.profile.restricted and person.profile.subject not in exclude
        ]
