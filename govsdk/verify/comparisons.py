"""Exact comparisons of two groups of attack runs: how many succeed, and how soon.

- Pure; no randomness and no approximation: every tail is summed over all outcomes.
- One-sided: small values speak for the first group being the easier one.

Source: Fisher 1922; Clopper and Pearson 1934; Peto and Peto 1972 (log-rank scores).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import comb

from govsdk.policy.limits import rate_lower, rate_upper

Steps = Sequence[int | None]
"""After how many steps each run succeeded; None: not within the budget."""


def fisher_greater(events: int, runs: int, other_events: int, other_runs: int) -> float:
    """Return the chance of at least ``events`` in the first group if both were alike.

    Without runs in either group it is 1.
    """
    total, all_events = runs + other_runs, events + other_events
    ways = sum(
        comb(runs, k) * comb(other_runs, all_events - k)
        for k in range(events, min(runs, all_events) + 1)
    )
    return ways / comb(total, all_events)


def difference_upper(
    events: int, runs: int, other_events: int, other_runs: int, alpha: float
) -> float:
    """Return an upper limit of the first rate minus the second: exceeded with chance <= ``alpha``.

    Half of alpha goes to the first rate's upper limit, half to the second's lower one, so the limit
    holds whatever both rates are.
    """
    return rate_upper(events, runs, alpha / 2) - rate_lower(other_events, other_runs, alpha / 2)


def sooner(first: Steps, second: Steps) -> float:
    """Return the chance of log-rank scores at least this early in the first group, if alike.

    The log-rank test as a permutation test: all runs had the same budget, so under the hypothesis
    every way to divide them into the groups is as likely as any other. Runs that succeed at the
    same step, or never, are alike and are counted together; runs are checked at a few steps only.

    Raises:
        ValueError: a group is empty.
    """
    if not first or not second:
        raise ValueError("a group without runs cannot be compared")
    everyone, ours = Counter([*first, *second]), Counter(first)
    ends = sorted(everyone, key=_last_if_never)
    sizes = [everyone[end] for end in ends]
    scores = _scores(ends, sizes)
    seen = sum(score * ours[end] for score, end in zip(scores, ends, strict=True))
    ways = sum(
        multiplicity
        for total, multiplicity in _divisions(sizes, scores, len(first))
        if total >= seen - 1e-9
    )
    return ways / comb(sum(sizes), len(first))


def slowed(steps: Steps, factor: int, checks: Sequence[int]) -> list[int | None]:
    """Return when runs would be found to succeed if each took ``factor`` times as long, at least.

    A run that succeeded at one of the ``checks`` may have needed no more than one step beyond the
    check before: this least is slowed down, and found at the first check that comes after it.
    """
    return [None if step is None else _slowed(step, factor, checks) for step in steps]


def _slowed(step: int, factor: int, checks: Sequence[int]) -> int | None:
    place = checks.index(step)
    least = factor * (checks[place - 1] + 1) if place else 0
    return next((check for check in checks if check >= least), None)


def _last_if_never(end: int | None) -> tuple[bool, int]:
    return end is None, end or 0


def _scores(ends: Sequence[int | None], sizes: Sequence[int]) -> list[float]:
    """Return each end's log-rank score: 1 for an event, less the hazard up to then."""
    scores, hazard, at_risk = [], 0.0, sum(sizes)
    for end, size in zip(ends, sizes, strict=True):
        if end is not None:
            hazard += size / at_risk
            at_risk -= size
        scores.append((end is not None) - hazard)
    return scores


def _divisions(
    sizes: Sequence[int], scores: Sequence[float], chosen: int
) -> Iterator[tuple[float, int]]:
    """Yield the score of each way to choose ``chosen`` runs, and in how many ways it is reached."""
    if not sizes:
        if chosen == 0:
            yield 0.0, 1
        return
    for here in range(min(sizes[0], chosen) + 1):
        ways = comb(sizes[0], here)
        for total, rest in _divisions(sizes[1:], scores[1:], chosen - here):
            yield total + here * scores[0], ways * rest
