"""Invented people whose photos are noise, and a small genuine embedder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from govsdk.ports import Embedded, Float32, Picture, SubjectId, Templates

DIMENSION = 32
SIDE = 16


class Projection:
    """Embeds a picture as its pixels' fixed random projection, scaled to unit norm."""

    def __init__(self, name: str, seed: int, dimension: int = DIMENSION) -> None:
        self.name = name
        pixels = SIDE * SIDE * 3
        self.matrix = np.random.default_rng(seed).normal(size=(pixels, dimension))
        self.sha256 = hashlib.sha256(self.matrix.tobytes()).hexdigest()

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        """Return the embeddings; quality is the picture's contrast."""
        flat = np.stack([picture.reshape(-1).astype(np.float64) - 128 for picture in pictures])
        rows = flat @ self.matrix
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Embedded(rows.astype(np.float32), flat.std(axis=1).astype(np.float32))


EMBEDDERS = {"A": Projection("A", 1), "B": Projection("B", 2)}


def photos_of(person: int, count: int = 4, noise: int = 20) -> list[Picture]:
    """Return ``count`` photos of an invented person: one pattern, each time with other noise."""
    rng = np.random.default_rng(person)
    pattern = rng.integers(noise, 255 - noise, (SIDE, SIDE, 3))
    shots = (pattern + rng.integers(-noise, noise + 1, pattern.shape) for _ in range(count))
    return [shot.astype(np.uint8) for shot in shots]


def unit(*rows: Sequence[float]) -> Float32:
    """Return ``rows`` scaled to unit norm."""
    stack = np.array(rows, dtype=np.float32)
    return stack / np.linalg.norm(stack, axis=1, keepdims=True)


def at_angle(*degrees: float) -> Float32:
    """Return unit rows in the plane, at these angles."""
    turns = np.radians(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def person(name: str, rows: Float32) -> Templates:
    """Return a person with these templates under A."""
    return Templates(SubjectId(name), {"A": rows})
