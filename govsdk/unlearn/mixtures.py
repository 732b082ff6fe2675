"""Conditions that stand for a person: mixtures of their photos.

- Pure: arrays and a generator in, unit rows out.

Source: PIU (arXiv 2605.22311).
"""

from __future__ import annotations

import numpy as np

from govsdk.errors import EmbeddingError
from govsdk.ports import Float32


def unit(rows: Float32) -> Float32:
    """Return the rows ``[n, d]`` scaled to length 1.

    Raises:
        EmbeddingError: not two axes, a value that is not finite, or a row of length 0.
    """
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise EmbeddingError("embeddings must be finite rows [n, d]")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise EmbeddingError("an embedding of length 0 names no direction")
    return np.asarray(rows / lengths, np.float32)


def mixtures(photos: Float32, count: int, *, most: int, rng: np.random.Generator) -> Float32:
    """Return ``count`` unit mixtures of 1 to ``most`` photos with Dirichlet(1) weights.

    Args:
        photos: Unit embeddings of one person's photos, ``[n, d]``.
        most: Photos in a mixture at most, >= 1; how many is drawn uniformly.
    """
    rows = []
    for _ in range(count):
        k = int(rng.integers(1, min(most, len(photos)) + 1))
        chosen = photos[rng.choice(len(photos), size=k, replace=False)]
        rows.append(rng.dirichlet(np.ones(k)) @ chosen)
    return unit(np.array(rows, np.float32).reshape(count, photos.shape[1]))
