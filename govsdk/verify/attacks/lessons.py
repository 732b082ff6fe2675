"""What a person looks like to a model: noised latents, and the noise that is to be seen in them.

Shared by the attacks that optimise: they ask for a condition, or for weights, under which the
attacked model sees the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from govsdk.ports import CONDITIONING, Float32, Int64, Templates
from govsdk.verify.attacks.scene import Scene

LATENTS = 16
"""Pictures that an attack which tunes conditions learns from."""

LESSONS = 4 * LATENTS
"""How many lessons they make, each latent under fresh noise."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """``n`` noised latents of one person."""

    noised: Float32
    """``[n, channels, h, w]``."""
    times: Int64
    """``[n]``."""
    targets: Float32
    """The noise to be seen, ``[n, channels, h, w]``."""

    def __getitem__(self, rows: Int64) -> Lessons:
        return Lessons(self.noised[rows], self.times[rows], self.targets[rows])


def draw_latents(scene: Scene, aim: Templates, n: int, label: str) -> Float32:
    """Return the unedited model's latents of ``aim``'s photos in turn: ``[n, channels, h, w]``."""
    photos = aim.by_recogniser[CONDITIONING]
    conditions = photos[np.arange(n) % len(photos)]
    return scene.before.weights.latents(conditions, scene.seeds(f"{label}/latents", n))


def add_noise(scene: Scene, latents: Float32, rng: np.random.Generator) -> Lessons:
    """Return ``latents`` noised at times drawn uniformly, the noise itself as target."""
    weights = scene.before.weights
    times = rng.integers(weights.timesteps, size=len(latents))
    noise = rng.standard_normal(latents.shape, dtype=np.float32)
    return Lessons(weights.noised(latents, noise, times), times, noise)


def lessons_of(scene: Scene, aim: Templates, label: str, rng: np.random.Generator) -> Lessons:
    """Return :data:`LESSONS` lessons of ``aim``, from the unedited model's latents."""
    latents = draw_latents(scene, aim, LATENTS, label)
    return add_noise(scene, np.repeat(latents, LESSONS // LATENTS, axis=0), rng)
