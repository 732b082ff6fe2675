"""One picture from each photo's embedding: what a calibration of drawings is measured on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from govsdk.ports import Drawer, Float32, Picture, Progress, silent

BATCH = 64
"""Pictures drawn at a time."""


def drawn_faces(
    generator: Drawer,
    conditions: Float32,
    *,
    seed: int,
    first: int = 0,
    progress: Progress = silent,
) -> Iterator[list[Picture]]:
    """Yield the pictures of ``conditions`` ``[n, d]``, some at a time and in their order.

    Args:
        seed: Every picture's noise follows from it, from ``n`` and from the picture's place.
        first: Where to go on: an earlier call yielded the pictures before it.
    """
    total = len(conditions)
    rng = np.random.default_rng([seed, total])
    seeds = [int(each) for each in rng.integers(2**62, size=total)]
    for start in range(first, total, BATCH):
        progress("draw", start, total)
        batch = slice(start, start + BATCH)
        yield generator.draw(conditions[batch], seeds[batch])
    progress("draw", total, total)
