"""Whether a measurement that somebody repeated says the same as the first one.

- With the same seeds every score must come out again, but for rounding.
- With other seeds the scores are two samples of one distribution, by an exact test.
- Pure, and measures only: what counts as agreement stands in ``certify/reproductions.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from govsdk.ports import Role
from govsdk.verify.statistics_samples import scores_differ
from govsdk.verify.transcript import PARTS, Transcript


@dataclass(frozen=True)
class Comparison:
    """One part of the trials under one recogniser, measured by two."""

    part: str
    recogniser: Role
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
                p=scores_differ(scores, other.part(part)[name]),
            )
