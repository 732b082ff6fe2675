"""Enrolment: all or nothing, repeatable, extendable."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from govsdk.errors import (
    DiskFullError,
    EmbeddingError,
    PhotoError,
    RequestError,
    SubjectExistsError,
    UnknownSubjectError,
)
from govsdk.ports import Embedded, Float32, Picture, Role, SubjectId
from govsdk.registry import Gates, Registry
from govsdk.registry.dossier import Dossier, Profile

from .conftest import Killed, killed_before
from .people import EMBEDDERS, Projection, photos_of, unit

ADA, EVE = SubjectId("ada-lovelace"), SubjectId("eve-newcomer")


def test_photos_and_templates_come_back_in_another_process(
    registry: Registry, reopen: Callable[[], Registry]
) -> None:
    """Photo i gave row i, under both recognisers, and both survive to the byte."""
    found = reopen()
    assert all(map(np.array_equal, found.photos(ADA), photos_of(1)))
    for name, embedder in EMBEDDERS.items():
        rows = found.templates(ADA).by_recogniser[name]
        assert np.allclose(rows, embedder.embed(photos_of(1)).embeddings, atol=1e-6)
    assert np.array_equal(rows, registry.templates(ADA).by_recogniser[name])


def test_an_enrolment_reports_what_it_found(empty: Registry) -> None:
    """Counts, the least cosine under each recogniser, and repeats."""
    photos = photos_of(5, 3)
    blurred = (photos[0] // 2 * 2).astype(np.uint8)
    found = empty.enroll(EVE, [*photos, blurred], EMBEDDERS)
    assert (found.photos, found.added, found.near_duplicates) == (4, 4, 1)
    rows = empty.templates(EVE).by_recogniser["B"]
    assert found.least_cosine["B"] == pytest.approx(float((rows @ rows.T).min()), abs=1e-5)


def test_a_second_call_adds_new_photos_only(registry: Registry) -> None:
    """Retrying an enrolment changes nothing; further photos are appended."""
    again = registry.enroll(ADA, photos_of(1), EMBEDDERS)
    assert (again.photos, again.added) == (4, 0)
    more = registry.enroll(ADA, photos_of(1, 6), EMBEDDERS)
    assert (more.photos, more.added) == (6, 2)
    assert all(map(np.array_equal, registry.photos(ADA), photos_of(1, 6)))
    assert len(registry.templates(ADA)) == 6


def test_a_bad_photo_enrols_nobody(empty: Registry) -> None:
    """One photo that cannot be used among good ones leaves no trace of the person."""
    with pytest.raises(PhotoError, match="photo 4"):
        empty.enroll(EVE, [*photos_of(5), np.zeros((9, 9, 3), np.uint8)], EMBEDDERS)
    assert EVE not in empty
    assert empty.enroll(EVE, photos_of(5), EMBEDDERS).added == 4


def test_the_gates_are_asked(empty: Registry) -> None:
    """Consistency refuses by position; open gates let the same photos through."""
    stranger = photos_of(6, 1)
    photos = [*photos_of(5, 2), *stranger, *photos_of(5, 4)[2:]]
    with pytest.raises(PhotoError, match="photo 2 has cosine"):
        empty.enroll(EVE, photos, EMBEDDERS, gates=Gates(consistency={"B": 0.8}))
    assert empty.subjects() == []
    assert empty.enroll(EVE, [*photos_of(5), *stranger], EMBEDDERS).added == 5


def test_copies_do_not_vouch_for_each_other(empty: Registry) -> None:
    """A stranger's photo given again and again counts once; its first place is named."""
    gates, (stranger,) = Gates(consistency={"B": 0.8}), photos_of(6, 1)
    first, *others = photos_of(5, 4)
    empty.enroll(EVE, [first], EMBEDDERS, gates=gates)
    with pytest.raises(PhotoError, match="photo 1 has cosine"):
        empty.enroll(EVE, [first, *[stranger] * 5], EMBEDDERS, gates=gates)

    assert empty.enroll(EVE, [first, first], EMBEDDERS, gates=gates).added == 0
    assert empty.enroll(EVE, [*others, *others], EMBEDDERS, gates=gates).photos == 4


def test_the_same_face_under_another_id_is_a_fact(registry: Registry) -> None:
    """A likeness above the threshold is reported with its subject, and enrolled all the same."""
    gates = Gates(same_person={"A": 0.9, "B": 0.9})
    found = registry.enroll(EVE, photos_of(1, 6)[4:], EMBEDDERS, gates=gates)
    assert [match.subject for match in found.also_enrolled_as] == [ADA]
    other = registry.enroll(SubjectId("new-person"), photos_of(9), EMBEDDERS, gates=gates)
    assert other.also_enrolled_as == ()
    assert registry.also_enrolled_as(EVE, gates) == found.also_enrolled_as
    assert [match.subject for match in registry.also_enrolled_as(ADA, gates)] == [EVE]
    assert registry.also_enrolled_as(SubjectId("new-person"), gates) == ()
    assert registry.also_enrolled_as(ADA, Gates()) == ()


def test_embeddings_alone_are_enrolled_and_extended(empty: Registry) -> None:
    """Any length goes in, unit rows come out, and there are no photos."""
    empty.enroll_embeddings(EVE, {"A": np.array([[3, 4]], np.float32)}, may_anchor=False)
    found = empty.enroll_embeddings(EVE, {"A": np.array([[3, 4], [0, 5]], np.float32)})
    assert (found.photos, found.added) == (2, 1)
    assert np.allclose(empty.templates(EVE).by_recogniser["A"], [[0.6, 0.8], [0, 1]])
    assert empty.photos(EVE) == []
    assert not empty.subjects()[0].may_anchor


@pytest.mark.parametrize(
    "rows",
    [{"A": unit([1, 2, 3])}, {"A": unit([1] * 32)}, {"A": unit([1] * 32), "B": unit([1] * 31)}],
)
def test_embeddings_must_fit_what_is_enrolled(registry: Registry, rows: dict) -> None:
    """Another dimension, or another set of recognisers than the subject's, is refused."""
    with pytest.raises(EmbeddingError):
        registry.enroll_embeddings(ADA, rows)
    assert len(registry.templates(ADA)) == 4


def test_photos_and_bare_embeddings_do_not_mix(registry: Registry) -> None:
    """Photo i must remain row i."""
    rows = {name: e.embed(photos_of(1, 5)[4:]).embeddings for name, e in EMBEDDERS.items()}
    with pytest.raises(EmbeddingError, match="mixed"):
        registry.enroll_embeddings(ADA, rows)
    assert registry.enroll(ADA, photos_of(1, 5), EMBEDDERS).added == 1


def test_rows_must_match_across_recognisers(empty: Registry) -> None:
    """Two rows under A and one under B belong to no list of photos."""
    with pytest.raises(EmbeddingError, match="one row per photo"):
        empty.enroll_embeddings(EVE, {"A": unit([1, 2], [3, 4]), "B": unit([1, 2])})


def test_a_recogniser_with_other_weights_is_refused(registry: Registry) -> None:
    """Templates of two models are never compared."""
    retrained = {"A": Projection("A", 99), "B": EMBEDDERS["B"]}
    with pytest.raises(EmbeddingError, match="recogniser A has other weights"):
        registry.enroll(EVE, photos_of(5), retrained)
    assert EVE not in registry


@pytest.mark.parametrize("subject", ["", "x" * 257, "line\nbreak", None])
def test_an_unusable_id_is_refused(empty: Registry, subject: SubjectId) -> None:
    """Empty, endless and unprintable ids are no ids."""
    with pytest.raises(RequestError):
        empty.enroll(subject, photos_of(1), EMBEDDERS)


def test_a_recogniser_must_see_every_photo(empty: Registry) -> None:
    """An embedder that drops a photo would shift every later row."""

    class Skipping(Projection):
        def embed(self, pictures: Sequence[Picture]) -> Embedded:
            return super().embed(pictures[1:])

    with pytest.raises(EmbeddingError, match="one row per photo"):
        empty.enroll(EVE, photos_of(1), {"A": Skipping("A", 1)})
    assert EVE not in empty


def test_no_photo_enrols_nobody(empty: Registry) -> None:
    """An empty list is an error, not an empty person."""
    with pytest.raises(PhotoError, match="there is none"):
        empty.enroll(EVE, [], EMBEDDERS)


def test_a_restricted_subject_takes_no_photos(registry: Registry) -> None:
    """While a person is being forgotten nothing is added; afterwards it is."""
    registry.restrict(ADA)
    with pytest.raises(SubjectExistsError, match="restricted"):
        registry.enroll(ADA, photos_of(1, 5), EMBEDDERS)
    registry.release(ADA)
    assert registry.enroll(ADA, photos_of(1, 5), EMBEDDERS).added == 1


def test_enrolment_survives_a_kill_at_every_step(
    registry: Registry,
    reopen: Callable[[], Registry],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed anywhere, the person is either enrolled or not; the same call then completes it."""
    seen = set()
    for operation in range(100):
        subject = SubjectId(f"newcomer-{operation}")
        with killed_before(operation, monkeypatch):
            try:
                registry.enroll(subject, photos_of(50), EMBEDDERS)
            except Killed:
                done = False
            else:
                done = True
        there = subject in reopen()
        seen.add((done, there))
        assert reopen().enroll(subject, photos_of(50), EMBEDDERS).photos == 4
        assert len(reopen().photos(subject)) == 4
        reopen().erase(subject)
        assert len(list((folder / "people").iterdir())) == len(reopen().subjects())
        if done:
            break
    assert operation > 10
    assert {(False, False), (True, True)} <= seen


def half_enrolled(registry: Registry, subject: SubjectId, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kill the subject's enrolment when all their files are written; return their folder."""
    real = Dossier.begin

    def dies(
        self: Dossier, profile: Profile, rows: dict[Role, Float32], pictures: list[Picture]
    ) -> None:
        real(self, profile, rows, pictures)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Dossier, "begin", dies)
        with pytest.raises(Killed):
            registry.enroll(subject, photos_of(50), EMBEDDERS)
    entry = registry._store.roster.entry(subject)
    assert entry is not None
    dossier = registry._store.dossier(entry.folder)
    assert len(dossier.photos(dossier.profile())) == 4
    return registry._store.folder / "people" / entry.folder


@pytest.mark.parametrize(
    "write",
    [
        lambda registry: registry.enroll(ADA, photos_of(1, 5), EMBEDDERS),
        lambda registry: registry.erase(ADA),
        lambda registry: registry.restrict(ADA),
    ],
)
def test_what_a_killed_enrolment_left_goes_with_the_next_write(
    registry: Registry,
    reopen: Callable[[], Registry],
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Registry], object],
) -> None:
    """Whoever it is about: nobody may ever ask for them again. Until then they are counted."""
    assert registry.unfinished() == 0
    left = half_enrolled(registry, SubjectId("newcomer"), monkeypatch)
    assert reopen().unfinished() == 1

    write(reopen())

    assert reopen().unfinished() == 0
    assert not left.exists()


@pytest.mark.parametrize("ask", [Registry.erase, Registry.require_finished])
def test_whoever_asks_for_the_half_enrolled_is_told_that_they_are_gone(
    registry: Registry,
    reopen: Callable[[], Registry],
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Registry, SubjectId], object],
) -> None:
    """Nobody of that id is enrolled, and now nothing of theirs is left; a second call says less."""
    subject = SubjectId("newcomer")
    left = half_enrolled(registry, subject, monkeypatch)
    with pytest.raises(UnknownSubjectError, match="did not come to its end"):
        reopen().locate(subject, [])

    with pytest.raises(UnknownSubjectError, match="what it left is removed"):
        ask(reopen(), subject)

    assert not left.exists()
    reopen().require_finished(subject)
    with pytest.raises(UnknownSubjectError):
        reopen().erase(subject)


@pytest.mark.parametrize("room", range(6))
def test_a_full_disk_loses_nothing(
    registry: Registry, reopen: Callable[[], Registry], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Full after any number of files: a typed error, nobody half enrolled, the others untouched."""
    left = iter([None] * room)

    def write(handle: int) -> None:
        if next(left, full) is full:
            raise OSError(errno.ENOSPC, "full")

    full = object()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", write)
        with pytest.raises(DiskFullError):
            registry.enroll(EVE, photos_of(5), EMBEDDERS)
    assert EVE not in reopen()
    assert len(reopen().subjects()) == 3
    assert reopen().enroll(EVE, photos_of(5), EMBEDDERS).added == 4


def test_extending_survives_a_kill_at_every_step(
    registry: Registry, reopen: Callable[[], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed anywhere, the person has the old photos or all of them, never some."""
    counts = set()
    for operation in range(20):
        with killed_before(operation, monkeypatch):
            try:
                registry.enroll(ADA, photos_of(1, 5 + operation), EMBEDDERS)
            except Killed:
                pass
            else:
                break
        photos, templates = len(reopen().photos(ADA)), len(reopen().templates(ADA))
        assert photos == templates
        counts.add(photos == 5 + operation)
    assert operation > 4
    assert counts == {False, True}


def test_an_unknown_subject_is_an_error_that_names_nobody(registry: Registry) -> None:
    """The id asked for is not repeated."""
    with pytest.raises(UnknownSubjectError) as caught:
        registry.templates(EVE)
    assert EVE not in f"{caught.value} {caught.value.to_dict()}"
