"""Looks: how often the student still draws the subject. They move lambda, and may end the edit.

- By one recogniser, and by photos that are taught: nothing that judges the edit is looked at.
- The same draws at each look: an edit that was interrupted goes on, and stops, as it would have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from govsdk.models.distribution import draw_conditions
from govsdk.models.generator import Generator
from govsdk.ports import Embedder, Float32
from govsdk.unlearn.mixtures import unit
from govsdk.unlearn.streams import stream

PICTURES = 32
"""In one look: half of them from the subject's photos, half from D."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What is drawn at each look, and when that counts as the subject."""

    subject: Float32
    """Embeddings of the edit photos, ``[photos, d]``."""
    others: Float32
    """Centroids of people to preserve, ``[people, d]``."""
    radius: float
    """Of D, radians."""
    embedder: Embedder
    threshold: float
    """Cosine to the photos' centroid from which a picture shows the subject."""
    steps: int
    guidance: float
    """As the model is drawn with in use, like ``steps``."""
    seed: int

    def __call__(self, student: Generator) -> float:
        """Return the share of pictures that show the subject."""
        centroid = unit(self.subject.mean(axis=0, keepdims=True))[0]
        rng = stream(self.seed, "watch")
        own = self.subject[rng.integers(len(self.subject), size=PICTURES // 2)]
        near = draw_conditions(centroid, self.others, PICTURES // 2, radius=self.radius, rng=rng)
        seeds = [int(seed) for seed in rng.integers(2**62, size=PICTURES)]
        sampler = student.resampled(steps=self.steps, guidance=self.guidance)
        drawn = sampler.draw(np.concatenate([own, near.embeddings]), seeds)
        return float(np.mean(self.embedder.embed(drawn).embeddings @ centroid >= self.threshold))
