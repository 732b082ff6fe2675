"""Finding people: exact, fresh, and only those who may be found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from govsdk.errors import EmbeddingError, NoAnchorError, UnknownSubjectError
from govsdk.ports import SubjectId
from govsdk.registry import Registry

from .people import EMBEDDERS, at_angle, photos_of

ADA, GRACE, ALAN = (SubjectId(s) for s in ("ada-lovelace", "grace-hopper", "alan-turing"))


def probe(number: int, recogniser: str = "A") -> np.ndarray:
    """Return a person's embedding from a photo nobody enrolled."""
    return EMBEDDERS[recogniser].embed(photos_of(number, 9)[8:]).embeddings[0]


def test_a_new_photo_finds_its_person(registry: Registry) -> None:
    """Each person comes first for a photo of theirs, under either recogniser."""
    for subject, number in ((ADA, 1), (GRACE, 2), (ALAN, 3)):
        for name in EMBEDDERS:
            matches = registry.search(probe(number, name), recogniser=name)
            assert matches[0].subject == subject
            assert matches[0].cosine > 0.9


def test_search_agrees_with_brute_force(empty: Registry) -> None:
    """The best template of each of many people, in order, with people of unequal size."""
    rng = np.random.default_rng(3)
    people = {f"person-{i:02d}": rng.normal(size=(1 + i % 7, 8)) for i in range(40)}
    for name, rows in people.items():
        empty.enroll_embeddings(SubjectId(name), {"A": rows.astype(np.float32)})
    query = rng.normal(size=8).astype(np.float32)
    unit = query / np.linalg.norm(query)
    best = {
        name: (rows @ unit / np.linalg.norm(rows, axis=1)).max() for name, rows in people.items()
    }
    expected = sorted(best, key=lambda name: -best[name])[:10]
    found = empty.search(query, top=10)
    assert [match.subject for match in found] == expected
    assert np.allclose([match.cosine for match in found], [best[name] for name in expected])


def test_a_subject_is_not_found_by_themselves(registry: Registry) -> None:
    """By id, the others come, with the best cosine of any two templates."""
    found = registry.search(ADA)
    a, g = (registry.templates(s).by_recogniser["A"] for s in (ADA, GRACE))
    assert {match.subject for match in found} == {GRACE, ALAN}
    cosine = next(match.cosine for match in found if match.subject == GRACE)
    assert cosine == pytest.approx(float((a @ g.T).max()), abs=1e-5)


def test_another_process_sees_every_change_at_once(
    registry: Registry, reopen: Callable[[], Registry]
) -> None:
    """An open reader finds who was enrolled, misses who was erased, without being told."""
    reader, eve = reopen(), SubjectId("eve-newcomer")
    assert reader.search(probe(1))[0].subject == ADA
    registry.enroll(eve, photos_of(5), EMBEDDERS)
    assert reader.search(probe(5))[0].subject == eve
    registry.erase(ADA)
    assert ADA not in {match.subject for match in reader.search(probe(1))}
    assert ADA not in {templates.subject for templates in reader.gallery()}


def test_the_sealed_index_is_used_and_only_a_cache(
    registry: Registry, reopen: Callable[[], Registry], folder: Path
) -> None:
    """The first search writes it; missing, damaged or stale, it makes no difference."""
    expected = registry.search(probe(2))
    good = (folder / "index").read_bytes()
    for spoiled in (good, good[:-1] + bytes([good[-1] ^ 1]), good[:50], b"", None):
        if spoiled is None:
            (folder / "index").unlink()
        else:
            (folder / "index").write_bytes(spoiled)
        assert reopen().search(probe(2)) == expected
    registry.enroll(SubjectId("eve-newcomer"), photos_of(5), EMBEDDERS)
    stale = reopen()
    assert stale.search(probe(5))[0].subject == "eve-newcomer"


def test_a_valid_index_spares_opening_the_templates(
    registry: Registry, reopen: Callable[[], Registry], folder: Path
) -> None:
    """With the templates out of reach the sealed index still answers, so it is what is read."""
    expected = registry.search(probe(2))
    for path in folder.glob("people/*/templates-0"):
        path.rename(path.with_name("moved"))
    assert reopen().search(probe(2)) == expected


def test_restricted_people_are_nowhere(registry: Registry) -> None:
    """Restricted: not found, not in the gallery, no anchor. Released: all of it again."""
    registry.enroll(ALAN, photos_of(3), EMBEDDERS, may_anchor=False)

    def places() -> list[bool]:
        anchor = registry.choose_anchor(GRACE, threshold=1.0, margin=0.0)
        return [
            ADA in {match.subject for match in registry.search(probe(1))},
            ADA in {templates.subject for templates in registry.gallery()},
            anchor.subject == ADA,
        ]

    assert places() == [True] * 3
    registry.restrict(ADA)
    assert ADA not in {match.subject for match in registry.search(probe(1))}
    assert ADA not in {templates.subject for templates in registry.gallery()}
    with pytest.raises(NoAnchorError):
        registry.choose_anchor(GRACE, threshold=1.0, margin=0.0)
    assert len(registry.templates(ADA)) == 4
    registry.release(ADA)
    assert places() == [True] * 3


def test_the_gallery_is_ordered_and_leaves_out_whom_it_is_told(registry: Registry) -> None:
    """By id, so that a seeded choice is the same in every copy of a registry."""
    assert [t.subject for t in registry.gallery()] == sorted([ADA, GRACE, ALAN])
    assert [t.subject for t in registry.gallery(exclude=[ADA, GRACE])] == [ALAN]


@pytest.mark.parametrize(
    "query",
    [np.ones(5), np.zeros(32), np.full(32, np.nan), np.full(32, "a"), np.full(32, None)],
)
def test_a_query_that_is_no_embedding_is_refused(registry: Registry, query: np.ndarray) -> None:
    """Wrong dimension, no direction, not finite, no numbers."""
    with pytest.raises(EmbeddingError):
        registry.search(query)


def test_an_unknown_subject_or_recogniser_is_an_error(registry: Registry) -> None:
    """Nobody is found by an id that is not there, nor under a recogniser that saw nobody."""
    with pytest.raises(UnknownSubjectError):
        registry.search(SubjectId("nobody-here"))
    with pytest.raises(EmbeddingError, match="has not seen"):
        registry.search(ADA, recogniser="C")


def test_an_empty_registry_finds_nobody(empty: Registry) -> None:
    """No people, no matches, no error."""
    assert empty.search(np.ones(8, np.float32)) == []
    assert (empty.gallery(), empty.subjects()) == ([], [])


def test_who_may_not_serve_is_passed_over_and_counted(empty: Registry) -> None:
    """Barred people are no candidates, however well they would fit."""
    empty.enroll_embeddings(SubjectId("subject"), {"A": at_angle(0)})
    empty.enroll_embeddings(SubjectId("barred"), {"A": at_angle(75)}, may_anchor=False)
    empty.enroll_embeddings(SubjectId("serving"), {"A": at_angle(80)})
    assert empty.choose_anchor(SubjectId("subject"), threshold=0.5).subject == "serving"
    with pytest.raises(NoAnchorError) as caught:
        empty.choose_anchor(SubjectId("subject"), threshold=0.1)
    assert (caught.value.facts["candidates"], caught.value.facts["not_allowed"]) == (1, 1)
    empty.enroll_embeddings(SubjectId("barred"), {"A": at_angle(75)}, may_anchor=True)
    assert empty.choose_anchor(SubjectId("subject"), threshold=0.5).subject == "barred"


def test_a_random_anchor_follows_its_seed(empty: Registry) -> None:
    """The same seed, the same anchor; other seeds, others."""
    empty.enroll_embeddings(SubjectId("subject"), {"A": at_angle(0)})
    for i in range(9):
        empty.enroll_embeddings(SubjectId(f"p{i}"), {"A": at_angle(80 + 10 * i)})

    def draw(seed: bytes) -> str:
        choice = "random-qualified"
        subject = SubjectId("subject")
        return empty.choose_anchor(subject, threshold=0.5, choice=choice, seed=seed).subject

    drawn = [draw(bytes([i])) for i in range(12)]
    assert drawn == [draw(bytes([i])) for i in range(12)]
    assert len(set(drawn)) > 2
