"""Draws from D have the stated angles and directions, and belong to the subject."""

import numpy as np
import pytest

from govsdk.errors import RequestError
from govsdk.models.distribution import draw_conditions, pull_inside
from tests.unit.verify.toy import unit

CENTRE = unit(np.eye(16)[0])
OTHERS = unit(np.random.default_rng(1).standard_normal((30, 16)))


def draw(n=4000, others=OTHERS, radius=0.4, seed=0, **how):
    return draw_conditions(CENTRE, others, n, radius=radius, rng=np.random.default_rng(seed), **how)


def leading(drawn):
    """Return which rows lie in the plane of the centroid and somebody else's."""
    tangents = unit(drawn - (drawn @ CENTRE)[:, None] * CENTRE)
    people = unit(OTHERS - (OTHERS @ CENTRE)[:, None] * CENTRE)
    return (tangents @ people.T).max(axis=1) > 0.99


def test_angles_are_uniform_up_to_the_radius():
    """The angle to the centroid is uniform on [0, radius]: its quantiles lie on a line."""
    angles = np.arccos((draw().embeddings @ CENTRE).clip(-1, 1))

    assert angles.max() <= 0.4 + 1e-3
    assert np.quantile(angles, [0.25, 0.5, 0.75]) == pytest.approx([0.1, 0.2, 0.3], abs=0.02)


def test_half_the_directions_lead_to_other_people():
    """Every second draw lies in the plane of the centroid and somebody's centroid."""
    led = leading(draw(n=400).embeddings)

    assert led[1::2].mean() > 0.95
    assert led[::2].mean() < 0.05


def test_the_judges_draws_stay_what_they_are():
    """The same numbers in the same order, to the bit: first the angles, then isotropic directions,
    then whom every second one leads to instead."""
    rng = np.random.default_rng(7)
    angles = rng.uniform(0, 0.4, 9)[:, None]
    targets = rng.standard_normal((9, 16))
    targets[1::2] = OTHERS.astype(float)[rng.integers(30, size=4)]
    tangents = targets - (targets @ CENTRE.astype(float))[:, None] * CENTRE.astype(float)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    rows = np.cos(angles) * CENTRE.astype(float) + np.sin(angles) * tangents

    drawn = draw(n=9, seed=7)

    assert not drawn.excluded
    assert np.array_equal(drawn.embeddings, rows.astype(np.float32))
    assert not np.array_equal(draw(n=9, seed=7, directions="by chance").embeddings, rows)


def test_few_draws_have_their_half_by_chance():
    """One at a time, half of them lead to others; alternately none would."""
    rng = np.random.default_rng(0)
    shares = {
        how: np.mean(
            [
                leading(
                    draw_conditions(
                        CENTRE, OTHERS, 1, radius=0.4, rng=rng, directions=how
                    ).embeddings
                )
                for _ in range(400)
            ]
        )
        for how in ("by chance", "alternate", "isotropic")
    }

    assert shares["by chance"] == pytest.approx(0.5, abs=0.08)
    assert max(shares["alternate"], shares["isotropic"]) < 0.05


def test_isotropic_directions_have_no_preference():
    """The mean of the isotropic tangents vanishes as 1 / sqrt(n)."""
    drawn = draw(others=OTHERS[:0]).embeddings.astype(float)
    tangents = drawn - (drawn @ CENTRE)[:, None] * CENTRE
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)

    assert np.linalg.norm(tangents.mean(axis=0)) < 3 / np.sqrt(len(tangents))


def test_directions_of_others_are_left_out_and_counted():
    """With somebody close by, no draw is nearer to them, and the count says how often it was."""
    neighbour = unit(np.cos(0.3) * np.eye(16)[0] + np.sin(0.3) * np.eye(16)[1])[None]
    crowded, free = draw(others=neighbour, n=500), draw(others=-neighbour, n=500)

    assert crowded.excluded > 0 == free.excluded
    assert (crowded.embeddings @ neighbour[0] <= crowded.embeddings @ CENTRE + 1e-6).all()
    assert len(crowded.embeddings) == 500


def test_draws_repeat_with_their_seed():
    """The same seed gives the same conditions, another one gives others."""
    assert (draw(9, seed=1).embeddings == draw(9, seed=1).embeddings).all()
    assert not (draw(9, seed=1).embeddings == draw(9, seed=2).embeddings).any(axis=1).any()


def test_surroundings_that_belong_to_others_are_an_error():
    """Where others stand all around, nothing can be drawn, and the search ends."""
    ring = unit(CENTRE + 1e-4 * np.concatenate([np.eye(16)[1:], -np.eye(16)[1:]]))

    with pytest.raises(RequestError, match="nearer to another person"):
        draw(n=4, others=ring, radius=1.0)


def test_what_d_can_draw_stays_where_it_is():
    """Draws from D lie inside; whatever length they are given, they come back unit and unmoved."""
    drawn = draw(n=200).embeddings

    assert pull_inside(3 * drawn, CENTRE, OTHERS, radius=0.4) == pytest.approx(drawn, abs=1e-5)


def test_what_lies_outside_is_pulled_to_the_border():
    """On the way to the centroid: within the radius, and nobody else is nearer."""
    rng = np.random.default_rng(2)
    outside = unit(CENTRE + 1.5 * unit(rng.standard_normal((200, 16))))
    towards = unit(CENTRE + 1.5 * OTHERS)
    for wanted, radius in ((outside, 0.4), (towards, 3.0)):
        inside = pull_inside(wanted, CENTRE, OTHERS, radius=radius)
        assert np.arccos(inside @ CENTRE).max() <= radius + 1e-3
        assert ((inside @ OTHERS.T).max(axis=1) <= inside @ CENTRE + 1e-5).all()
        assert not np.allclose(inside, wanted, atol=1e-2)


def test_pulling_follows_the_great_circle():
    """What is pulled inside stays in the plane of the centroid and what was asked for."""
    wanted = unit(CENTRE + 1.5 * unit(np.random.default_rng(3).standard_normal((20, 16))))
    inside = pull_inside(wanted, CENTRE, OTHERS, radius=0.4)
    planes = [np.stack([CENTRE, a, b]).astype(float) for a, b in zip(wanted, inside, strict=True)]

    assert [np.linalg.matrix_rank(plane, tol=1e-4) for plane in planes] == [2] * 20
