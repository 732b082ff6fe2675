"""The steps of an enrolment: all or nothing, and the same call again adds nothing.

- Checks come before the first byte is written; the entry (or the new profile) is written last and
  makes everything before it count.
- A person who was never fully enrolled (a crash) is started over: the next writer, whoever it is
  about, first removes what was left of them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from govsdk.errors import EmbeddingError, PhotoError, RequestError, SubjectExistsError
from govsdk.ports import Embedder, Float32, Picture, Role, SubjectId, Templates
from govsdk.registry.dossier import Dossier, Profile
from govsdk.registry.gates import (
    Gates,
    least_cosine,
    near_duplicates,
    require_consistency,
    require_pictures,
    unit_rows,
)
from govsdk.registry.people import Enrolment
from govsdk.registry.roster import Entry, State
from govsdk.registry.store import Store

LONGEST_ID = 256


@dataclass(frozen=True, eq=False)
class Offer:
    """What is to be enrolled, each row checked."""

    subject: SubjectId
    rows: Mapping[Role, Float32]
    """``[n, d]``, unit rows, by recogniser."""
    pictures: Sequence[Picture]
    """The ``n`` photos, or none where only embeddings were given."""
    fingerprints: Sequence[str]
    """SHA-256 of each of the ``n``."""
    weights: Mapping[Role, str]
    """Digest of each recogniser's weights, where known."""

    @property
    def from_photos(self) -> bool:
        """Whether photos are kept beside the templates."""
        return len(self.pictures) > 0

    def places_without(self, known: Sequence[str]) -> list[int]:
        """Return the place of what is not ``known``, each item's first."""
        first = {print_: i for i, print_ in reversed(list(enumerate(self.fingerprints)))}
        return sorted(i for print_, i in first.items() if print_ not in set(known))

    def without(self, known: Sequence[str]) -> Offer:
        """Return what is not ``known``, each item once."""
        kept = self.places_without(known)
        return Offer(
            self.subject,
            {name: stack[kept] for name, stack in self.rows.items()},
            [self.pictures[i] for i in kept] if self.from_photos else [],
            [self.fingerprints[i] for i in kept],
            self.weights,
        )


def subject_id(text: str) -> SubjectId:
    """Return the id that ``text`` spells, in Unicode's form NFC: the way in for every id.

    A letter with an accent can be spelled as one character or as two that look alike, and file
    systems exchange them: whoever was forgotten under one must not come back under the other.

    Raises:
        RequestError: No subject has such an id.
    """
    subject = SubjectId(unicodedata.normalize("NFC", text) if isinstance(text, str) else text)
    require_subject(subject)
    return subject


def require_subject(subject: SubjectId) -> None:
    """Raise ``RequestError`` unless ``subject`` is a printable id of 1 to 256 characters in NFC."""
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_ID:
        raise RequestError(f"a subject id has 1 to {LONGEST_ID} characters")
    if not subject.isprintable():
        raise RequestError("a subject id has no control characters")
    if subject != subject.strip():
        raise RequestError("a subject id neither begins nor ends with a space")
    if not unicodedata.is_normalized("NFC", subject):
        raise RequestError("a subject id is spelled in Unicode's form NFC")


def offer_photos(
    subject: SubjectId,
    photos: Sequence[Picture],
    embedders: Mapping[Role, Embedder],
    dimensions: Mapping[Role, int],
) -> Offer:
    """Return the offer of ``photos``, embedded and checked one by one.

    Raises:
        PhotoError, EmbeddingError, RequestError: As ``Registry.enroll``.
    """
    require_subject(subject)
    if not photos:
        raise PhotoError("there is none")
    require_pictures(photos)
    embedded = {name: embedder.embed(photos) for name, embedder in embedders.items()}
    rows = _checked({name: found.embeddings for name, found in embedded.items()}, dimensions)
    if any(len(stack) != len(photos) for stack in rows.values()):
        raise EmbeddingError("every recogniser must give one row per photo")
    return Offer(
        subject,
        rows,
        photos,
        [_fingerprint(photo) for photo in photos],
        {name: embedder.sha256 for name, embedder in embedders.items()},
    )


def offer_embeddings(
    subject: SubjectId,
    by_recogniser: Mapping[Role, Float32],
    *,
    dimensions: Mapping[Role, int],
) -> Offer:
    """Return the offer of embeddings that come without photos, checked.

    Raises:
        EmbeddingError, RequestError: As ``Registry.enroll_embeddings``.
    """
    require_subject(subject)
    rows = _checked(by_recogniser, dimensions)
    together = np.hstack([rows[name] for name in sorted(rows)])
    return Offer(subject, rows, (), [_fingerprint(row) for row in together], {})


def _checked(
    by_recogniser: Mapping[Role, Float32], dimensions: Mapping[Role, int]
) -> dict[Role, Float32]:
    rows = {n: unit_rows(stack, dimensions.get(n)) for n, stack in by_recogniser.items()}
    if len({len(stack) for stack in rows.values()}) != 1:
        raise EmbeddingError("every recogniser must give one row per photo")
    return rows


def _fingerprint(item: Picture | Float32) -> str:
    return hashlib.sha256(repr(item.shape).encode() + item.tobytes()).hexdigest()


def enroll(
    store: Store, offer: Offer, *, gates: Gates, may_anchor: bool | None, allow_forgotten: bool
) -> Enrolment:
    """Add ``offer`` to the subject's file, or begin one; the caller holds the lock.

    Args:
        may_anchor: None: yes for a new subject, unchanged for an enrolled one.

    Raises:
        SubjectExistsError: The subject is restricted, being erased, or was forgotten.
        PhotoError, EmbeddingError: A photo differs too much from the person's others.
    """
    entry = store.roster.entry(offer.subject)
    if entry is not None and entry.state is State.ERASING:
        raise SubjectExistsError("being erased", hint="make the request's call again, to its end")
    if entry is not None and entry.state is State.ENROLLED:
        dossier = store.dossier(entry.folder)
        return _extend(store, dossier, offer, gates=gates, may_anchor=may_anchor)
    if store.roster.buried(offer.subject) and not allow_forgotten:
        raise SubjectExistsError(
            "forgotten before",
            hint="if they agree to be enrolled again: allow_forgotten=True, or --allow-forgotten",
        )
    return _begin(store, offer, gates=gates, may_anchor=may_anchor is not False)


def _begin(store: Store, offer: Offer, *, gates: Gates, may_anchor: bool) -> Enrolment:
    enrolment = _judge(None, offer, gates)
    fresh = offer.without(())
    store.admit(fresh.rows, fresh.weights)
    folder = store.vault.new_name()
    store.roster.set(offer.subject, Entry(folder, State.ENROLLING))
    prints = tuple(fresh.fingerprints)
    profile = Profile(offer.subject, may_anchor, offer.from_photos, batches=1, fingerprints=prints)
    store.dossier(folder).begin(profile, fresh.rows, fresh.pictures)
    store.roster.set(offer.subject, Entry(folder, State.ENROLLED))
    if store.roster.buried(offer.subject):
        store.roster.unbury(offer.subject)
    return enrolment


def _extend(
    store: Store, dossier: Dossier, offer: Offer, *, gates: Gates, may_anchor: bool | None
) -> Enrolment:
    profile = dossier.profile()
    if profile.restricted:
        raise SubjectExistsError("restricted", hint="lift it first with `govsdk release`")
    templates = dossier.templates(profile)
    if set(templates.by_recogniser) != set(offer.rows):
        raise EmbeddingError("the subject was enrolled under other recognisers")
    if profile.from_photos != offer.from_photos:
        raise EmbeddingError("photos and bare embeddings cannot be mixed in one subject")
    enrolment = _judge(templates, offer, gates, known=profile.fingerprints)
    store.admit(offer.rows, offer.weights)
    fresh = offer.without(profile.fingerprints)
    changed = profile if may_anchor is None else replace(profile, may_anchor=may_anchor)
    if fresh.fingerprints:
        dossier.add_batch(profile.batches, fresh.rows, fresh.pictures)
        changed = replace(
            changed,
            batches=profile.batches + 1,
            fingerprints=(*profile.fingerprints, *fresh.fingerprints),
        )
    if changed != profile:
        dossier.set_profile(changed)
    return enrolment


def _judge(
    enrolled: Templates | None, offer: Offer, gates: Gates, known: Sequence[str] = ()
) -> Enrolment:
    """Hold the offer against the gates, together with what is enrolled already.

    A photo given twice, or enrolled before, is one photo: copies do not vouch for each other.
    """
    error = PhotoError if offer.from_photos else EmbeddingError
    fresh, places = offer.without(known), offer.places_without(known)
    least, near = {}, 0
    for name, rows in fresh.rows.items():
        old = None if enrolled is None else enrolled.by_recogniser[name]
        if name in gates.consistency:
            floor = gates.consistency[name]
            require_consistency(rows, floor, name, places=places, enrolled=old, error=error)
        together = rows if old is None else np.vstack([old, rows])
        least[name] = least_cosine(together)
        near = max(near, near_duplicates(together, gates.near_duplicate))
    added = len(fresh.fingerprints)
    return Enrolment(offer.subject, len(known) + added, added, least, near)
