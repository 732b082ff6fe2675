"""The arithmetic behind bounds, trials and alpha: exact limits for rates, score limits for losses.

- Pure: a handful of numbers in, one number out.
- Every limit is one-sided and rounded away from the estimate, so that no claim gains by rounding.

Source: Clopper and Pearson 1934; Tango 1998 (Statistics in Medicine 17:891-908), eq. 2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from math import log, log1p, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CONFIDENCE_ALPHA = 0.05
"""Of every lower limit, by which claims FAIL, and of every control: one-sided 95 %."""

_HALVINGS = 60
"""Enough to pin a limit in [-1, 1] to the last bits of a float."""


def at_most(events: int, trials: int, rate: float) -> float:
    """Return P(X <= ``events``) for X binomial(``trials``, ``rate``)."""
    if events < 0:
        return 0.0
    if events >= trials or rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    import numpy as np  # here, because whoever only reads a policy would wait for it

    hits = np.arange(events + 1)
    logs = _log_choices(trials)[: events + 1] + hits * log(rate) + (trials - hits) * log1p(-rate)
    return min(1.0, float(np.exp(logs).sum()))


@lru_cache(maxsize=32)
def _log_choices(trials: int) -> npt.NDArray[np.float64]:
    """Return log(trials choose k) for k = 0 to ``trials``."""
    import numpy as np

    k = np.arange(1, trials + 1)
    return np.concatenate([[0.0], np.cumsum(np.log((trials - k + 1) / k))])


def rate_upper(events: int, trials: int, alpha: float) -> float:
    """Return the Clopper-Pearson upper limit: the rate exceeds it with chance at most ``alpha``.

    Without trials it is 1. Zero events give ``1 - alpha ** (1 / trials)``, about 3 / trials at 5 %.
    """
    if events >= trials:
        return 1.0
    _, limit = bracket(lambda rate: at_most(events, trials, rate) >= alpha, events / trials, 1.0)
    return limit


def rate_lower(events: int, trials: int, alpha: float) -> float:
    """Return the Clopper-Pearson lower limit: the rate is below it with chance <= ``alpha``."""
    if events == 0:
        return 0.0
    limit, _ = bracket(lambda p: at_most(events - 1, trials, p) >= 1 - alpha, 0.0, 1.0)
    return limit


def allowed_events(trials: int, bound: float, alpha: float) -> int | None:
    """Return the most events whose upper limit is within ``bound``; None if not even zero are."""
    passing = bisect_right(range(trials + 1), alpha, key=lambda k: at_most(k, trials, bound))
    return passing - 1 if passing else None


def loss_upper(lost: int, gained: int, pairs: int, alpha: float) -> float:
    """Return Tango's upper limit of a loss, ``(lost - gained) / pairs`` in the long run.

    Args:
        lost: Pairs that match only before.
        gained: Pairs that match only after.
    """
    if pairs == 0:
        return 1.0
    z = NormalDist().inv_cdf(1 - alpha)

    def plausible(loss: float) -> bool:
        spread = sqrt(_score_variance(lost, gained, pairs, loss))
        return lost - gained - pairs * loss >= -z * spread

    _, limit = bracket(plausible, (lost - gained) / pairs, 1.0)
    return limit


def loss_lower(lost: int, gained: int, pairs: int, alpha: float) -> float:
    """Return Tango's lower limit of a loss."""
    return -loss_upper(gained, lost, pairs, alpha)


def smallest_loss_bound(pairs: int, alpha: float) -> float:
    """Return the tightest bound that ``pairs`` without any change can show."""
    return loss_upper(0, 0, pairs, alpha)


def _score_variance(lost: int, gained: int, pairs: int, loss: float) -> float:
    """Return the variance of ``lost - gained`` were ``loss`` the truth.

    The nuisance P(gained) is its maximum-likelihood estimate under that loss.
    """
    linear = (2 * pairs - lost + gained) * loss - lost - gained
    constant = -gained * loss * (1 - loss)
    root = sqrt(max(0.0, linear * linear - 8 * pairs * constant))
    gain = (root - linear) / (4 * pairs)
    return max(0.0, pairs * (2 * gain + loss * (1 - loss)))


def bracket(holds: Callable[[float], bool], low: float, high: float) -> tuple[float, float]:
    """Return the two neighbouring numbers in [low, high] between which ``holds`` ends."""
    if holds(high):
        return high, high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high
