"""Whether a measurement that somebody repeated says the same as the first one.

- With the same seeds every score must come out again, but for rounding.
- With other seeds the scores are two samples of one distribution: judged by an exact test, and its
  level is shared among all comparisons of a reproduction.
- Pure.

Source: Smirnov 1939; the path count of Hodges 1958 (Arkiv för Matematik 3:469-486).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from govsdk.records import Float32, Recogniser
from govsdk.verify.transcript import PARTS, Transcript

TOLERANCE = 1e-3
"""Largest difference of a cosine that counts as the same score."""

LEAST_P = 0.01
"""Two samples with a smaller p are not of one distribution."""


@dataclass(frozen=True)
class Comparison:
    """One part of the trials under one recogniser, measured by two."""

    part: str
    recogniser: Recogniser
    compared: int
    """Scores from the same seeds."""
    largest_difference: float
    p: float
    """Of the samples from different seeds; 1 means that nothing speaks against them."""


def compare(first: Transcript, same: Transcript, other: Transcript) -> Iterator[Comparison]:
    """Yield how ``first`` compares with a repetition from the ``same`` and from ``other`` seeds.

    Only trials that are in both are compared.
    """
    _, mine, theirs = np.intersect1d(
        first.alone, same.alone, assume_unique=True, return_indices=True
    )
    for part in PARTS:
        for name, scores in first.part(part).items():
            again = same.part(part)[name]
            pairs = (scores[mine], again[theirs]) if part == "distribution" else (scores, again)
            gaps = np.abs(np.subtract(*pairs))
            yield Comparison(
                part,
                name,
                compared=len(gaps),
                largest_difference=float(gaps.max(initial=0.0)),
                p=same_distribution(scores, other.part(part)[name]),
            )


def same_distribution(first: Float32, second: Float32) -> float:
    """Return the exact two-sided p of the two-sample Kolmogorov-Smirnov test (no ties assumed).

    It is the share of the orders in which both samples can be merged that draw their distribution
    functions at least as far apart.
    """
    m, n = len(first), len(second)
    if not m or not n:
        return 1.0
    merged = np.sort(np.concatenate([first, second]))
    gaps = np.searchsorted(np.sort(first), merged, side="right") * n
    gaps = np.abs(gaps - np.searchsorted(np.sort(second), merged, side="right") * m)
    reached = int(gaps.max())
    return _share_of_paths(m, n, reached)


def _share_of_paths(m: int, n: int, reached: int) -> float:
    """Return which share of the lattice paths to (m, n) come ``reached`` / mn from the diagonal."""
    steps = np.arange(n + 1) * m
    inside = [abs(step) < reached for step in steps.tolist()]
    # shares[j]: of all paths to (i, j), those that stayed inside.
    shares = np.cumprod(inside).astype(float).tolist()
    for i in range(1, m + 1):
        shares[0] = shares[0] if i * n < reached else 0.0
        for j in range(1, n + 1):
            within = abs(i * n - j * m) < reached
            shares[j] = (i * shares[j] + j * shares[j - 1]) / (i + j) if within else 0.0
    return 1.0 - float(shares[n])
