"""The faiss adapter against brute force."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from govsdk.errors import BackendError, EmbeddingError, MissingExtraError
from govsdk.registry.index import FlatIndex


@pytest.fixture
def rows() -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_search_is_exact(rows: np.ndarray) -> None:
    """Ids and cosines are those of sorting every inner product."""
    cosines, ids = FlatIndex.of(rows).nearest(rows[:5], 10)
    every = rows[:5] @ rows.T
    assert np.array_equal(ids, np.argsort(-every, axis=1)[:, :10])
    assert np.allclose(cosines, -np.sort(-every, axis=1)[:, :10], atol=1e-6)


def test_an_index_survives_bytes(rows: np.ndarray) -> None:
    """Written and read, it finds the same; more than there is gives all there is."""
    index = FlatIndex.from_bytes(FlatIndex.of(rows).to_bytes())
    assert len(index) == 50
    assert index.nearest(rows[:1], 99)[1].shape == (1, 50)
    assert index.nearest(rows[7:8], 1)[1].tolist() == [[7]]


@pytest.mark.parametrize("query", [np.ones((1, 7)), np.ones(8)])
def test_a_query_of_another_shape_is_refused(rows: np.ndarray, query: np.ndarray) -> None:
    """What faiss would only assert is an error with a name."""
    with pytest.raises(EmbeddingError, match="another dimension"):
        FlatIndex.of(rows).nearest(query.astype(np.float32), 1)


def test_what_faiss_raises_is_translated() -> None:
    """Bytes that are no index become a BackendError with faiss's error as cause."""
    with pytest.raises(BackendError) as caught:
        FlatIndex.from_bytes(np.zeros(40, np.uint8))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_without_faiss_the_missing_extra_is_named(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation without the extra says what to install."""
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match="faiss") as caught:
        FlatIndex.of(rows)
    assert "govsdk[cpu]" in caught.value.hint
