"""The loop of every attack that optimises conditions.

Adam on the sphere, all runs at once. On the way recogniser A looks at a picture of each run; the
condition whose picture it finds most like the aim is kept.

Source: Adam as in Kingma and Ba 2015 (arXiv 1412.6980), with their decay rates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from govsdk.policy.attacks import Tuning
from govsdk.ports import Float32, Templates
from govsdk.verify.attacks.scene import Opened, Scene


def tune(
    scene: Scene,
    model: Opened,
    aim: Templates,
    start: Float32,
    gradients: Callable[[Float32], Float32],
    *,
    budget: Tuning,
    label: str,
    within: Callable[[Float32], Float32],
) -> Float32:
    """Return the condition that each run ends with: ``[runs, d]``, unit rows.

    Args:
        start: Where the runs start, ``[runs, d]``.
        gradients: The gradient by the conditions, drawn anew at each step.
        within: Brings conditions back to where they may lie, as unit rows.
    """
    conditions, descent = start, _Descent(start, budget.rate)
    best, liked = start, np.full(len(start), -2, np.float32)
    for iteration in range(1, budget.iterations + 1):
        conditions = within(descent.step(conditions, gradients(conditions)))
        scene.report(len(start))
        if iteration % (budget.iterations // budget.looks) == 0:
            likeness = scene.likeness(model, conditions, aim, f"{label}/look/{iteration}")
            best = np.where((likeness > liked)[:, None], conditions, best)
            liked = np.maximum(likeness, liked)
    return best


def on_sphere(conditions: Float32) -> Float32:
    """Return ``conditions`` ``[n, d]`` scaled to length 1."""
    return np.asarray(conditions / np.linalg.norm(conditions, axis=1, keepdims=True), np.float32)


class _Descent:
    """Adam's state, one descent per row."""

    def __init__(self, rows: Float32, rate: float) -> None:
        self._rate = rate
        self._mean, self._square = np.zeros_like(rows), np.zeros_like(rows)
        self._steps = 0

    def step(self, rows: Float32, gradients: Float32) -> Float32:
        self._steps += 1
        self._mean = 0.9 * self._mean + 0.1 * gradients
        self._square = 0.999 * self._square + 0.001 * gradients**2
        mean = self._mean / (1 - 0.9**self._steps)
        spread = np.sqrt(self._square / (1 - 0.999**self._steps)) + 1e-8
        return np.asarray(rows - self._rate * mean / spread, np.float32)
