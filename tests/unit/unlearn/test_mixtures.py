"""Mixtures of photos and draws from the distribution D."""

import numpy as np
import pytest

from govsdk.errors import EmbeddingError
from govsdk.unlearn.mixtures import around, mixtures, unit


def rows(seed: int, *shape: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_mixtures_lie_between_their_photos() -> None:
    """Every mixture is a positive combination of at most three photos, of length 1."""
    photos = np.eye(8, dtype=np.float32)

    mixed = mixtures(photos, 500, most=3, rng=np.random.default_rng(0))

    np.testing.assert_allclose(np.linalg.norm(mixed, axis=1), 1, rtol=1e-6)
    assert (mixed >= 0).all()
    assert set((mixed > 0).sum(axis=1)) == {1, 2, 3}
    assert ((mixed > 0).sum(axis=0) > 50).all()


def test_one_photo_mixes_with_nobody() -> None:
    """With a single photo every mixture is that photo."""
    photo = rows(0, 1, 16)
    mixed = mixtures(photo, 5, most=3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(mixed, np.repeat(photo, 5, axis=0), rtol=1e-5)


def test_angles_are_uniform_up_to_the_radius() -> None:
    """The angle to the centre is uniform on [0, radius]."""
    centre = rows(1, 1, 128)[0]
    others = np.empty((0, 128), np.float32)

    drawn = around(centre, others, 4000, radius=0.9, rng=np.random.default_rng(0))

    angles = np.arccos(np.clip(drawn @ centre, -1, 1))
    assert angles.max() <= 0.9 + 1e-3
    quantiles = np.quantile(angles, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles, [0.09, 0.45, 0.81], atol=0.03)


def test_half_the_directions_lead_to_other_people() -> None:
    """About half the draws lie in the plane of the centre and one other person."""
    centre, others = rows(1, 1, 128)[0], rows(2, 5, 128)

    drawn = around(centre, others, 2000, radius=0.5, rng=np.random.default_rng(0))

    tangent = unit(drawn - np.outer(drawn @ centre, centre))
    towards = unit(others - np.outer(others @ centre, centre))
    share = ((tangent @ towards.T).max(axis=1) > 0.99).mean()
    assert 0.45 < share < 0.55


def test_draws_nearer_to_somebody_else_are_left_out() -> None:
    """No draw is nearer to another person than to the centre; without them some would be."""
    centre = rows(1, 1, 16)[0]
    neighbour = unit(centre[None] + 0.4 * rows(3, 1, 16))
    rng = np.random.default_rng(0)

    kept = around(centre, neighbour, 500, radius=0.9, rng=rng)
    free = around(centre, np.empty((0, 16), np.float32), 500, radius=0.9, rng=rng)

    assert (kept @ centre >= kept @ neighbour[0]).all()
    assert (free @ centre < free @ neighbour[0]).any()


def test_twins_cannot_be_told_apart() -> None:
    """If somebody else coincides with the centre, the error says that draws were refused."""
    centre = rows(1, 1, 16)[0]
    crowd = unit(centre[None] + 1e-3 * rows(3, 200, 16))
    with pytest.raises(EmbeddingError, match="were nearest"):
        around(centre, crowd, 5000, radius=0.9, rng=np.random.default_rng(0))


def test_embeddings_without_direction_are_refused() -> None:
    """Zero rows, NaNs and wrong shapes are errors."""
    for wrong in (np.zeros((1, 4)), np.full((1, 4), np.nan), np.ones(4)):
        with pytest.raises(EmbeddingError):
            unit(wrong.astype(np.float32))
