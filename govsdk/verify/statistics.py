"""Statistics of measured scores; the exact limits of counts stand in :mod:`govsdk.policy.limits`,
what numbers of trials can show in :mod:`govsdk.policy.power`.

- Pure: randomness is an argument.
- Every limit is one-sided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govsdk.policy.limits import CONFIDENCE_ALPHA

RESAMPLES = 4000
"""Bootstrap samples: the 1 % tail then holds 40 of them."""

_AT_ONCE = 4_000_000
"""Picks held in memory at a time, 32 MB each for them and for what they pick."""


@dataclass(frozen=True)
class Estimate:
    """A measured value with its one-sided limits."""

    value: float
    lower: float
    upper: float


def mean_loss(
    before: npt.NDArray[np.floating],
    after: npt.NDArray[np.floating],
    alpha: float,
    rng: np.random.Generator,
) -> Estimate:
    """Return the mean of ``before - after`` in standard deviations of ``before``.

    The limits are percentiles of a bootstrap over pairs, the lower at 95 %, the upper at
    ``1 - alpha``. Measurements that do not vary at all have no scale: any loss is then huge.

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    first, second = before.astype(np.float64), after.astype(np.float64)
    n, rows = len(first), max(1, _AT_ONCE // len(first))
    losses = np.concatenate(
        [
            _standardised(first[picks], second[picks])
            for at in range(0, RESAMPLES, rows)
            for picks in [rng.integers(n, size=(min(rows, RESAMPLES - at), n))]
        ]
    )
    lower, upper = np.quantile(losses, [CONFIDENCE_ALPHA, 1 - alpha])
    return Estimate(float(_standardised(first, second)), float(lower), float(upper))


def _standardised(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    spread = np.maximum(before.std(axis=-1), 1e-6)
    loss: npt.NDArray[np.float64] = (before - after).mean(axis=-1) / spread
    return loss
