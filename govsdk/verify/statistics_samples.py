"""Whether two samples come from one source: exact tests of two rates and of two sets of scores.

- Two-sided: they ask whether samples differ, not which is larger.
- A reproduction asks :func:`scores_differ`; the other two are for whoever compares measurements of
  their own (rates, or samples too large for counting paths).
- Exact: no p-value rests on a limit theorem, so small samples are judged as strictly as large ones.

Source: Fisher 1935, with the point-probability rule for two sides; Kolmogorov-Smirnov by counting
lattice paths (Hodges 1957); permutation tests with the observed order counted in (Phipson and Smyth
2010).
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]

_PERMUTATIONS = 9999
"""The smallest p-value is then 0.0001."""


def rates_differ(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the p-value that two rates, (events, trials) each, are one.

    The chance, given all events together, of a table no likelier than this one.
    """
    (hits, n), (others, m) = first, second
    total = hits + others
    ways = {k: comb(n, k) * comb(m, total - k) for k in range(max(0, total - m), min(n, total) + 1)}
    # Counted in whole numbers, so that equally likely tables are never told apart by rounding.
    return sum(way for way in ways.values() if way <= ways[hits]) / comb(n + m, total)


def means_differ(first: Scores, second: Scores, rng: np.random.Generator) -> float:
    """Return the p-value that two samples of scores have one source, by the distance of means.

    The share of 9,999 random relabellings, and the true one, whose means lie at least as far apart.
    """
    pooled = np.concatenate([first, second]).astype(np.float64)
    observed = abs(first.mean(dtype=np.float64) - second.mean(dtype=np.float64))
    as_far = 0
    for _ in range(_PERMUTATIONS):
        order = rng.permutation(pooled)
        apart = abs(order[: len(first)].mean() - order[len(first) :].mean())
        # A relabelling that gives the same means may differ from them in the last bits.
        as_far += bool(apart >= observed - 1e-12)
    return (1 + as_far) / (1 + _PERMUTATIONS)


def scores_differ(first: Scores, second: Scores) -> float:
    """Return the exact Kolmogorov-Smirnov p-value that two samples of scores have one source.

    Ties make it larger than it need be, never smaller.
    """
    n, m = len(first), len(second)
    farthest = _largest_gap(first, second)
    if farthest == 0:
        return 1.0
    # A relabelling is a path from (0, 0) to (n, m); count those that never come as far apart.
    columns, scale = np.arange(m + 1), 0.0
    inside: npt.NDArray[np.float64] = np.ones(m + 1)
    for row in range(n + 1):
        near = np.abs(row * m - columns * n) < farthest
        paths = np.cumsum(near * inside) if row else np.cumprod(near, dtype=np.float64)
        inside = np.where(near, paths, 0.0)
        largest = inside.max()
        if largest == 0:
            return 1.0
        inside, scale = inside / largest, scale + float(np.log(largest))
    every = float(np.log(np.arange(m + 1, n + m + 1) / np.arange(1, n + 1)).sum())
    return float(np.clip(1 - inside[m] * np.exp(scale - every), 0, 1))


def _largest_gap(first: Scores, second: Scores) -> int:
    """Return the largest distance of the two distribution functions, times both sizes."""
    every = np.concatenate([first, second])
    below = np.searchsorted(np.sort(first), every, side="right")
    under = np.searchsorted(np.sort(second), every, side="right")
    return int(np.abs(below * len(second) - under * len(first)).max())
