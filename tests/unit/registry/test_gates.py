"""The gates: what may be enrolled."""

from __future__ import annotations

import numpy as np
import pytest

from govsdk.errors import EmbeddingError, PhotoError
from govsdk.registry.gates import (
    least_cosine,
    near_duplicates,
    require_consistency,
    require_pictures,
    unit_rows,
)

from .people import at_angle


def test_rows_come_out_with_unit_norm() -> None:
    """Length is dropped, direction kept, in float32."""
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 2.0]]))
    assert rows.dtype == np.float32
    assert np.allclose(rows, [[0.6, 0.8], [0, 1]])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.ones(3), "1 axes"),
        (np.ones((0, 3)), "both positive"),
        (np.ones((1, 2)), "2 numbers where the registry holds 3"),
        (np.array([[1, 1, 1], [1, np.nan, 1]]), "embedding 1 is not finite"),
        (np.array([[1, np.inf, 1]]), "embedding 0 is not finite"),
        (np.zeros((1, 3)), "embedding 0 has no direction"),
    ],
)
def test_unusable_embeddings_are_refused(rows: np.ndarray, says: str) -> None:
    """Shape, dimension, finiteness and direction each have their own sentence."""
    with pytest.raises(EmbeddingError, match=says):
        unit_rows(rows.astype(np.float32), 3)


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (np.zeros((20, 20), np.uint8), "photo 1 is not"),
        (np.zeros((20, 20, 4), np.uint8), "photo 1 is not"),
        (np.zeros((20, 20, 3), np.float32), "photo 1 is not"),
        (np.zeros((20, 15, 3), np.uint8), "photo 1 is under 16 pixels"),
    ],
)
def test_only_rgb_pictures_pass(picture: np.ndarray, says: str) -> None:
    """The offending photo is named by its position."""
    good = np.zeros((16, 16, 3), np.uint8)
    require_pictures([good])
    with pytest.raises(PhotoError, match=says) as caught:
        require_pictures([good, picture])
    assert caught.value.facts["photo"] == 1


def test_the_photo_unlike_the_others_is_named() -> None:
    """Consistency points at the stranger among the photos."""
    require_consistency(at_angle(0, 10, 20), 0.9, "A")
    with pytest.raises(PhotoError, match="photo 2 has cosine") as caught:
        require_consistency(at_angle(0, 10, 90, 5), 0.5, "A")
    assert caught.value.facts["photo"] == 2


def test_new_photos_are_compared_with_the_enrolled_ones() -> None:
    """A single photo passes alone and fails beside the templates of somebody else."""
    require_consistency(at_angle(80), 0.9, "A")
    with pytest.raises(EmbeddingError, match="photo 0"):
        require_consistency(at_angle(80), 0.9, "A", enrolled=at_angle(0, 5), error=EmbeddingError)


def test_least_cosine_and_near_duplicates() -> None:
    """The least cosine is that of the farthest pair; a repeated photo counts once per repeat."""
    rows = at_angle(0, 60, 0.1, 0.2)
    assert least_cosine(rows) == pytest.approx(0.5, abs=1e-6)
    assert least_cosine(rows[:1]) == 1.0
    assert near_duplicates(rows, 0.999) == 2
    assert near_duplicates(rows[:2], 0.999) == 0
