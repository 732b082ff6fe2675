"""What numbers of trials can show: how good a model must be to pass, how bad to be kept from it.

- Pure: a handful of numbers in, a few out.
- Power is stated at 0.8 in both directions: a claim that hardly anybody can pass says as little as
  one that everybody passes.
- To be kept from passing is less than to FAIL, for which a breach must be shown: from which true
  value on that happens is stated apart.

Source: Chow, Shao and Wang 2008, chapters 3 and 4; Hanley and Lippman-Hand 1983 (rule of three).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from math import ceil, comb, log, log1p, sqrt
from statistics import NormalDist

from govsdk.policy.document import Policy
from govsdk.policy.limits import (
    CONFIDENCE_ALPHA,
    allowed_events,
    at_most,
    bracket,
    loss_lower,
    loss_upper,
)

POWER = 0.8
"""Probability at which a claim's power is stated."""


@dataclass(frozen=True)
class Power:
    """What a claim can tell apart, in the claim's own unit."""

    attainable: float
    """Largest true value that passes with probability 0.8."""
    detectable: float
    """Smallest true value that is kept from passing with probability 0.8."""


@dataclass(frozen=True)
class ClaimPower:
    """The power of one line of a policy at one attempt."""

    claim: str
    part: str
    trials: int
    bound: float
    alpha: float
    power: Power | None
    """None: no model can pass."""


def claim_powers(policy: Policy, attempt: int = 1) -> list[ClaimPower]:
    """Return the power of every claim of ``policy`` at ``attempt``, in the order of its verdict.

    Raises:
        RequestError: The policy allows fewer attempts.
    """
    claims, alpha = policy.claims, policy.alpha(attempt)
    forget, retention, hard = claims.forget, claims.retention, claims.retention.hard_neighbours
    lines = [
        ("forget", "distribution", forget.trials, forget.bound, power_of_rate),
        ("forget", "photos", forget.trials, forget.bound, power_of_rate),
        ("retention", "random", retention.pairs, retention.bound, power_of_loss),
        *(
            [("retention", "hard-neighbours", hard.pairs, hard.bound, power_of_loss)]
            if hard
            else []
        ),
        ("quality", "random", retention.pairs, claims.quality.bound, power_of_mean),
        ("no-face", "all", claims.pictures, claims.no_face.bound, power_of_rate),
    ]
    return [
        ClaimPower(claim, part, trials, bound, alpha, power(trials, bound, alpha))
        for claim, part, trials, bound, power in lines
    ]


@dataclass(frozen=True)
class AttackPower:
    """What one attack of a policy that decides can refuse."""

    attack: str
    runs: int
    strangers: int
    """As many runs are aimed at each of them."""
    fails: float | None
    """Smallest true success rate at the subject that FAILs with probability 0.8, were no stranger
    ever found; None: not even success in every run FAILs."""


def attack_powers(policy: Policy) -> list[AttackPower]:
    """Return the power of every attack of ``policy`` that decides; none if it asks for none."""
    if policy.attacks is None:
        return []
    strangers = policy.attacks.strangers
    return [
        AttackPower(name, each.runs, strangers, failing_success(each.runs, strangers))
        for name, each in policy.attacks.gated.items()
    ]


def rule_of_three(trials: int, alpha: float = 0.05) -> float:
    """Return about the largest rate that ``trials`` without an event leave open: 3 / trials at 5 %.

    For an estimate by hand: it is never below the exact limit, ``1 - alpha ** (1 / trials)``, by
    which claims are judged.
    """
    return -log(alpha) / trials


def trials_needed(bound: float, alpha: float) -> int:
    """Return the fewest trials without an event that show a rate within ``bound``."""
    return ceil(log(alpha) / log1p(-bound))


def detectable_rate(trials: int) -> float:
    """Return the smallest rate of which ``trials`` show an event with probability 0.8."""
    return 1.0 if trials == 0 else 1.0 - (1.0 - POWER) ** (1.0 / trials)


def power_of_rate(trials: int, bound: float, alpha: float) -> Power | None:
    """Return the power of a claim on a rate; None if not even zero events pass."""
    return _binomial(allowed_events(trials, bound, alpha), trials)


def power_of_loss(pairs: int, bound: float, alpha: float) -> Power | None:
    """Return the power of a claim on a loss, were no pair gained; None if it cannot pass.

    Pairs that are gained widen Tango's limits: this is the best case.
    """
    return _binomial(allowed_losses(pairs, bound, alpha), pairs)


def power_of_mean(pairs: int, bound: float, alpha: float) -> Power:
    """Return the power of a claim on a mean loss in standard deviations, by normal theory.

    Measurements before and after are taken as unrelated; pairs are related, and tell more.
    """
    error, normal = sqrt(2 / pairs), NormalDist()
    limit, chance = normal.inv_cdf(1 - alpha) * error, normal.inv_cdf(POWER) * error
    return Power(attainable=bound - limit - chance, detectable=bound - limit + chance)


def failing_rate(trials: int, bound: float) -> float | None:
    """Return the smallest rate that FAILs a claim with probability 0.8; None if none does."""

    def below(events: int) -> float:
        return at_most(events - 1, trials, bound)

    least = bisect_right(range(trials + 1), 1 - CONFIDENCE_ALPHA, key=below)
    return _reaching(least, trials)


def failing_loss(pairs: int, bound: float) -> float | None:
    """Return the smallest loss that FAILs a claim likewise, were no pair gained."""
    lower = partial(loss_lower, gained=0, pairs=pairs, alpha=CONFIDENCE_ALPHA)
    return _reaching(bisect_right(range(pairs + 1), bound, key=lower), pairs)


def failing_mean(pairs: int, bound: float) -> float:
    """Return the smallest mean loss that FAILs a claim likewise, in standard deviations.

    By normal theory, as in :func:`power_of_mean`.
    """
    error, normal = sqrt(2 / pairs), NormalDist()
    return bound + (normal.inv_cdf(1 - CONFIDENCE_ALPHA) + normal.inv_cdf(POWER)) * error


def failing_success(runs: int, strangers: int) -> float | None:
    """Return the smallest success rate of an attack that FAILs with probability 0.8.

    Of ``runs`` at the subject beside as many at each of ``strangers``, of whom none is ever found.
    Then Fisher's exact p of k successes is ``C(runs, k) / C(all runs, k)``. The log-rank p is the
    same: however soon they came, no other division of the runs has them all at the subject.
    """
    every = runs * (1 + strangers)
    fails = (k for k in range(1, runs + 1) if comb(runs, k) / comb(every, k) < CONFIDENCE_ALPHA)
    return _reaching(next(fails, runs + 1), runs)


def allowed_losses(pairs: int, bound: float, alpha: float) -> int | None:
    """Return the most lost pairs that pass while none is gained; None if not even zero do."""
    passing = bisect_right(range(pairs + 1), bound, key=lambda k: loss_upper(k, 0, pairs, alpha))
    return passing - 1 if passing else None


def _reaching(events: int, trials: int) -> float | None:
    """Return the smallest rate at which ``events`` of ``trials`` are reached with chance 0.8."""
    if events > trials:
        return None
    _, rate = bracket(lambda rate: at_most(events - 1, trials, rate) > 1 - POWER, 0.0, 1.0)
    return rate


def _binomial(allowed: int | None, trials: int) -> Power | None:
    """Return the rates at which at most ``allowed`` events have chances 0.8 and 0.2."""
    if allowed is None:
        return None
    attainable, _ = bracket(lambda rate: at_most(allowed, trials, rate) >= POWER, 0.0, 1.0)
    detectable, _ = bracket(lambda rate: at_most(allowed, trials, rate) > 1 - POWER, 0.0, 1.0)
    return Power(attainable, detectable)
