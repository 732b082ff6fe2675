"""Trials that share a photo or a person: how much they tell together, and limits that respect it.

- Pure: randomness is an argument.
- The cluster (a photo, a person) is what is drawn independently; trials within one may be alike.

Source: Shrout and Fleiss 1979, ICC(1,1), with Donner's mean size for unequal clusters; Kish 1965
(design effect); Field and Welsh 2007 (cluster bootstrap).
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt

from govsdk.policy.limits import CONFIDENCE_ALPHA, rate_lower, rate_upper
from govsdk.verify.statistics import RESAMPLES, Estimate

Float64 = npt.NDArray[np.float64]
Clusters = npt.NDArray[np.integer]
"""``[n]``, the cluster of each trial, by any integers."""


def intraclass_correlation(scores: npt.NDArray[np.floating], clusters: Clusters) -> float:
    """Return how alike the ``scores`` ``[n]`` of one cluster are: one-way ANOVA, at most 1.

    ``(B - W) / (B + (m - 1) W)`` from the mean squares between and within clusters, m being their
    mean size; negative where clusters differ less than chance would have it. Without repetition,
    or without any variation, it is 0.
    """
    values, sizes, means = _by_cluster(scores, clusters)
    n, k = len(values), len(sizes)
    if k < 2 or n == k:
        return 0.0
    within = float(((values - means[np.unique(clusters, return_inverse=True)[1]]) ** 2).sum())
    between = float((sizes * (means - values.mean()) ** 2).sum())
    mean_between, mean_within = between / (k - 1), within / (n - k)
    size = (n - float((sizes**2).sum()) / n) / (k - 1)
    spread = mean_between + (size - 1) * mean_within
    return (mean_between - mean_within) / spread if spread > 0 else 0.0


def effective_size(clusters: Clusters, correlation: float) -> float:
    """Return how many independent trials the clustered ones are worth: ``n / (1 + (m - 1) icc)``.

    m is the size of the cluster that a trial finds itself in, on average. A negative correlation
    counts as none: clustering is never taken to add trials.
    """
    sizes = np.unique(clusters, return_counts=True)[1].astype(np.float64)
    size = float((sizes**2).sum() / sizes.sum())
    return float(sizes.sum()) / (1 + (size - 1) * max(0.0, correlation))


def effective_rate(events: int, trials: int, effective: float, alpha: float) -> Estimate:
    """Return Clopper-Pearson limits of a rate from ``effective`` trials in place of ``trials``.

    Events and trials are rounded so that both limits become wider, never narrower.

    With as many effective trials as there are clusters of one size the limits need no estimate of
    how alike the trials of a cluster are: were each cluster all or nothing they would be exact, and
    anything between varies less. An estimated :func:`effective_size` needs about 30 clusters.
    """
    size = max(1, floor(effective))
    worth = events * size / trials
    return Estimate(
        value=events / trials,
        lower=rate_lower(floor(worth), size, CONFIDENCE_ALPHA),
        upper=rate_upper(ceil(worth), size, alpha),
    )


def clustered_mean(
    values: npt.NDArray[np.floating], clusters: Clusters, alpha: float, rng: np.random.Generator
) -> Estimate:
    """Return the mean of ``values`` ``[n]`` with percentile limits of a bootstrap over clusters.

    Lower limit at 95 %, upper at ``1 - alpha``. Whole clusters are drawn with replacement, so that
    whatever their trials share is drawn with them.

    Not for values that are all alike (no event at all): the bootstrap has no width there. With
    fewer than about 30 clusters the limits are somewhat too narrow.
    """
    _, sizes, means = _by_cluster(values, clusters)
    drawn = rng.integers(len(sizes), size=(RESAMPLES, len(sizes)))
    resampled = (sizes[drawn] * means[drawn]).sum(axis=1) / sizes[drawn].sum(axis=1)
    lower, upper = np.quantile(resampled, [CONFIDENCE_ALPHA, 1 - alpha])
    return Estimate(float((sizes * means).sum() / sizes.sum()), float(lower), float(upper))


def _by_cluster(
    values: npt.NDArray[np.floating], clusters: Clusters
) -> tuple[Float64, Float64, Float64]:
    """Return the values in double precision, and each cluster's size and mean."""
    rows = values.astype(np.float64)
    _, place, counts = np.unique(clusters, return_inverse=True, return_counts=True)
    return rows, counts.astype(np.float64), np.bincount(place, weights=rows) / counts
