"""Conditions that stand for a person: mixtures of their photos, and draws from around them.

- Pure: arrays and a generator in, unit rows out.

Source: PIU (arXiv 2605.22311) for the mixtures; design.md, section 1, for the distribution D.
"""

from __future__ import annotations

import numpy as np

from govsdk.errors import EmbeddingError
from govsdk.records import Float32

_ROUNDS = 50


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


def around(
    centre: Float32, others: Float32, count: int, *, radius: float, rng: np.random.Generator
) -> Float32:
    """Return ``count`` draws from the distribution D around one person.

    The angle to ``centre`` is uniform on [0, radius]; half the directions are isotropic, half lead
    towards one of ``others``. A draw nearer to another person than to ``centre`` is drawn again.

    Args:
        centre: The person's unit centroid, ``[d]``.
        others: Unit embeddings of other people, ``[m, d]``.
        radius: Largest angle, radians, in (0, pi/2].

    Raises:
        EmbeddingError: somebody else lies so near that hardly any draw is the person's own.
    """
    accepted = np.empty((0, len(centre)), np.float32)
    for _ in range(_ROUNDS):
        if len(accepted) >= count:
            return accepted[:count]
        drawn = _draw(centre, others, count, radius, rng)
        own = drawn @ centre
        nearest = (drawn @ others.T).max(axis=1) if len(others) else np.full(count, -1.0)
        accepted = np.concatenate([accepted, drawn[own >= nearest]])
    raise EmbeddingError(f"in {_ROUNDS} rounds only {len(accepted)} of {count} draws were nearest")


def _draw(
    centre: Float32, others: Float32, count: int, radius: float, rng: np.random.Generator
) -> Float32:
    directions = rng.standard_normal((count, len(centre)))
    towards = np.flatnonzero(rng.random(count) < 0.5) if len(others) else np.empty(0, np.intp)
    if len(towards):
        directions[towards] = others[rng.integers(len(others), size=len(towards))]
    directions -= np.outer(directions @ centre, centre)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    angles = rng.uniform(0.0, radius, (count, 1))
    return unit(np.asarray(np.cos(angles) * centre + np.sin(angles) * directions, np.float32))
