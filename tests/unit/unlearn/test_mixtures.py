"""Mixtures of photos and draws from the distribution D."""

import numpy as np
import pytest

from govsdk.errors import EmbeddingError
from govsdk.unlearn.mixtures import mixtures, unit


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


def test_embeddings_without_direction_are_refused() -> None:
    """Zero rows, NaNs and wrong shapes are errors."""
    for wrong in (np.zeros((1, 4)), np.full((1, 4), np.nan), np.ones(4)):
        with pytest.raises(EmbeddingError):
            unit(wrong.astype(np.float32))
