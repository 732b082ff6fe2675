"""The retained panel covers people evenly, and its pictures belong to the model version."""

import numpy as np
import pytest

from govsdk.verify.folds import split_retained
from govsdk.verify.panel import choose_panel, nearest_people

from .toy import GALLERY, SUBJECT


def choose(pairs, seed=0, model="a" * 64, people=GALLERY):
    every = {person.subject: range(len(person)) for person in people}
    return choose_panel(people, every, pairs, model=model, rng=np.random.default_rng(seed))


def test_people_take_turns():
    """Nobody appears twice before everybody appeared once."""
    counts = np.bincount(choose(100).person, minlength=len(GALLERY))

    assert set(counts) == {2, 3}


def test_conditions_are_the_persons_own_photos():
    """Each condition is a photo of the person it is judged against, each photo once at first."""
    panel = choose(200)

    for person, condition in zip(panel.person, panel.conditions, strict=True):
        assert (GALLERY[person].by_recogniser["A"] == condition).all(axis=1).any()
    assert len(np.unique(panel.conditions, axis=0)) == 200
    assert (panel.centroids("B")[7] == GALLERY[panel.person[7]].centroid("B")).all()


def test_only_sealed_photos_are_asked_for():
    """A photo that the editor saw never serves, however many pairs are wanted."""
    sealed = {each.subject: split_retained(each, note=b"note").sealed[0] for each in GALLERY}
    rng = np.random.default_rng(0)

    panel = choose_panel(GALLERY, sealed, 300, model="a" * 64, rng=rng)

    for person, condition in zip(panel.person, panel.conditions, strict=True):
        rows = GALLERY[person].by_recogniser["A"]
        (photo,) = np.flatnonzero((rows == condition).all(axis=1))
        assert photo in sealed[GALLERY[person].subject]


def test_a_photo_keeps_its_seed_within_a_model_version():
    """Another choice of photos reuses their seeds; another model has others."""

    def seeds(panel):
        rows = [row.tobytes() for row in panel.conditions]
        return dict(zip(rows, panel.seeds, strict=True))

    first, second, other = (
        seeds(choose(200)),
        seeds(choose(200, 1)),
        seeds(choose(200, 0, "b" * 64)),
    )
    common = first.keys() & second.keys()

    assert len(common) > 50
    assert all(first[photo] == second[photo] for photo in common)
    assert first.keys() != second.keys()
    assert not set(first.values()) & set(other.values())


def test_more_pairs_than_photos_take_new_seeds():
    """When every photo has served, it serves again with another seed: no pair occurs twice."""
    panel = choose(100, people=GALLERY[1:4])
    pairs = {(row.tobytes(), s) for row, s in zip(panel.conditions, panel.seeds, strict=True)}

    assert len(pairs) == 100 > len(np.unique(panel.conditions, axis=0)) == 18


@pytest.mark.parametrize("most", [1, 5, 100])
def test_nearest_people_are_nearest(most):
    """Nobody outside the choice is nearer to the subject than anybody inside."""
    chosen = nearest_people(SUBJECT, GALLERY, most)
    cosine = {p.subject: float(p.centroid("A") @ SUBJECT.centroid("A")) for p in GALLERY}
    inside = [cosine[p.subject] for p in chosen]
    outside = [c for name, c in cosine.items() if name not in {p.subject for p in chosen}]

    assert len(chosen) == min(most, len(GALLERY))
    assert min(inside) >= max(outside, default=-1)
