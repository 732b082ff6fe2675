"""Hard conditions: near the subject, tuned until the student sees the subject again.

Random conditions miss the few directions in which an edit is weak; who holds the weights does not.
What is found here joins the conditions of the steps that follow.

- The editor's own search, on its own photos and recogniser A's embeddings alone: of the judge's
  attacks, which start elsewhere and take other steps, it shares only the models' gradients and D.

Source: adversarial training (Madry et al. 2018, arXiv 1706.06083), with the objective of P4D.
"""

from __future__ import annotations

import numpy as np

from govsdk.models.distribution import pull_inside
from govsdk.models.generator import Generator
from govsdk.models.passed import Passed
from govsdk.models.whitebox import WhiteBox
from govsdk.ports import Float32

ITERATIONS = 16
RATE = 0.08
"""Length of a step on the unit sphere."""
MOMENTUM = 0.7


def hard_conditions(
    student: Generator,
    start: Float32,
    wanted: Passed,
    *,
    centroid: Float32,
    others: Float32,
    radius: float,
    rng: np.random.Generator,
) -> Float32:
    """Return conditions ``[n, d]`` under which the student sees more of ``wanted`` than at first.

    Args:
        start: Where the searches start, ``[n, d]``.
        wanted: States of the subject, with the noise that the teacher sees under their condition.
        centroid: The subject's, ``[d]``; the search stays within ``radius`` of it, radians, and
            nearer to it than to any of ``others``, ``[people, d]``.
    """
    opened, found, pace = WhiteBox(student), start, np.zeros_like(start)
    for _ in range(ITERATIONS):
        states = rng.integers(len(wanted.timesteps), size=len(start))
        _, gradient = opened.misfit(
            wanted.latents[states], wanted.timesteps[states], found, wanted.given[states]
        )
        pace = MOMENTUM * pace + _directions(gradient)
        found = pull_inside(found - RATE * _directions(pace), centroid, others, radius=radius)
    return found


def _directions(rows: Float32) -> Float32:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
