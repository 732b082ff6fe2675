"""States: where steps ask, and what the teacher is known to see there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from govsdk.models.generator import Generator
from govsdk.models.whitebox import WhiteBox
from govsdk.ports import Float32
from govsdk.unlearn.people import People
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.searching import hard_conditions
from govsdk.unlearn.states import States

from .conftest import Crowd, directions

SETTINGS = PiuSettings(
    micro_batch=12,
    accumulate=1,
    latents="sampled",
    pictures=6,
    neighbours=2,
    photos=1,
    states=3,
    preserved=2,
    empty=0.25,
)


@pytest.fixture
def people(crowd: Crowd) -> People:
    """Five people to preserve, of four photos each, and one forgotten earlier."""
    rng = np.random.default_rng(2)
    others = list(directions(rng, 5, 1) + 0.3 * directions(rng, 5, 4))
    return People.of(
        crowd.subject, crowd.anchor, others, [(crowd.retained[0], others[0][0])], radius=0.8
    )


@pytest.fixture
def teacher(world: Path) -> Generator:
    return Generator.load(world, device="cpu")


@pytest.fixture
def states(teacher: Generator, people: People) -> States:
    return draw(teacher, people)


def draw(teacher: Generator, people: People, seed: int = 3) -> States:
    return States.draw(teacher, people, SETTINGS, seed, lambda *_: None)


def test_what_is_known_is_what_the_teacher_sees(states: States, teacher: Generator) -> None:
    """For each row the teacher sees the anchor's, the kept condition's or the empty noise there."""
    rows, opened = states.rows(0), WhiteBox(teacher)
    assert rows.seen is not None
    asked = opened.predict(rows.latents[0], rows.timesteps[0], rows.anchor)
    np.testing.assert_allclose(rows.seen[0], asked, atol=1e-5)

    given = opened.predict(rows.latents[1], rows.timesteps[1], rows.kept)
    fits = np.abs(rows.seen[1] - given).max(axis=(1, 2, 3)) < 1e-5

    assert np.array_equal(fits, ~rows.empty)
    assert 0 < rows.empty.sum() < len(rows.empty) == 24


def test_neighbours_are_preserved_whole(states: States, people: People) -> None:
    """All photos of the two people most like the subject, and one of everybody else."""
    near = np.argsort(-(people.centroids @ people.subject.centroid))[:2]
    counts = [
        sum(bool((states.conditions == photo).all(axis=1).any()) for photo in photos)
        for photos in people.retained
    ]
    assert counts == [4 if who in near else 1 for who in range(5)]


def test_the_pool_does_not_grow_with_the_registry(
    teacher: Generator, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of neighbours with many photos, and of many other people, there is a sample."""
    monkeypatch.setattr("govsdk.unlearn.states.MOST_PHOTOS", 3)
    monkeypatch.setattr("govsdk.unlearn.states.MOST_OTHERS", 2)

    assert len(draw(teacher, people).conditions) == 2 * 3 + 2 * 1


def test_rows_follow_from_seed_and_step(states: States, teacher: Generator, people: People) -> None:
    """Drawn again, the same rows; another step or another seed has others."""
    again, other = draw(teacher, people), draw(teacher, people, seed=4)

    for mine, theirs in zip(states.rows(5).latents, again.rows(5).latents, strict=True):
        assert np.array_equal(mine, theirs)
    assert not np.array_equal(states.rows(5).latents[0], states.rows(6).latents[0])
    assert not np.array_equal(states.rows(5).latents[0], other.rows(5).latents[0])


def test_earlier_people_are_asked_in_their_own_states(states: States, people: People) -> None:
    """A third of the rows lead to an earlier anchor, in states of that redirection alone."""
    rows = states.rows(1)
    earlier = (rows.anchor == people.earlier[0].anchor).all(axis=1)
    owned = states.redirected.passed.latents[states.redirected.owner == 1]

    found = [(owned == latent).all(axis=(1, 2, 3)).any() for latent in rows.latents[0]]

    assert earlier.sum() == 4
    assert np.array_equal(found, earlier)


def test_searches_find_what_the_student_still_sees(
    states: States, teacher: Generator, people: People
) -> None:
    """What is found fits the subject's states better than where it began, and lies near them."""
    wanted, centre = states.wanted, people.subject.centroid
    rng = np.random.default_rng(0)
    start = states.people.around(people.subject, 8, replace(SETTINGS, border=1.0), rng)
    found = hard_conditions(
        teacher,
        start,
        wanted,
        centroid=centre,
        others=people.centroids,
        radius=0.5,
        rng=rng,
    )

    def misfit(conditions: Float32) -> float:
        places = np.arange(len(wanted.timesteps))
        return float(
            np.mean(
                [
                    WhiteBox(teacher)
                    .misfit(
                        wanted.latents,
                        wanted.timesteps,
                        np.repeat(row[None], len(places), axis=0),
                        wanted.given,
                    )[0]
                    .mean()
                    for row in conditions
                ]
            )
        )

    assert misfit(found) < misfit(start)
    assert float((found @ centre).min()) > np.cos(0.5) - 1e-5
    assert ((found @ people.centroids.T).max(axis=1) <= found @ centre + 1e-5).all()


def test_rows_take_up_what_was_found(states: States, teacher: Generator) -> None:
    """Searched for at its steps alone; half of the subject's own rows are then of that kind."""
    states.settings = replace(SETTINGS, searched=0.5, search_every=4)
    states.search(teacher, 3)
    assert not len(states.hard)

    states.search(teacher, 4)

    rows = states.rows(5)
    own = (rows.anchor == states.people.subject.anchor).all(axis=1)
    taken = np.array([(states.hard == row).all(axis=1).any() for row in rows.subject])
    assert len(states.hard) == 12
    assert 0 < taken[own].sum() < own.sum()
    assert not taken[~own].any()
