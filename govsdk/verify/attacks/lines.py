"""Runs to lines of the verdict: was the subject easier to bring back than strangers were to find?

- FAIL if the exact one-sided p is below 0.05, PASS if the upper limit is within the policy's bound
  and the control passed, else INCONCLUSIVE. What is written decides.
- Strangers count together: they stand for "anybody else", and the luckiest of them would excuse a
  leak.
- Pure: the same runs give the same lines.

Source: docs/formats/policy-v1.md, "Attacks"; docs/adr/0011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Literal

from govsdk.policy.limits import rate_lower
from govsdk.ports import Recogniser
from govsdk.records import Attack, DecimalText, Outcome, decimal_text
from govsdk.verify.comparisons import (
    Steps,
    difference_upper,
    fisher_greater,
    slowed,
    sooner,
)
from govsdk.verify.judge import lower_text, upper_text
from govsdk.verify.statistics import CONFIDENCE_ALPHA


@dataclass(frozen=True)
class Group:
    """All runs of one attack under one recogniser."""

    subject: Steps
    strangers: Steps
    unedited: Steps
    """The subject's runs on the unedited model."""
    unedited_strangers: Steps = ()
    """The strangers' runs there."""


def count_line(
    name: str,
    recogniser: Recogniser,
    group: Group,
    *,
    bound: float | None,
    alpha: float,
    control: float,
) -> Attack:
    """Return the line on how many more of the subject's runs succeed than of the strangers'.

    Args:
        bound: None: the line is only reported.
        control: Rate that the subject's runs on the unedited model must be shown to reach; they
            must also be shown to exceed the strangers' there.
    """
    counts = (_events(group.subject), len(group.subject))
    others = (_events(group.strangers), len(group.strangers))
    return _line(
        name,
        recogniser,
        group,
        metric="success-rate-difference",
        estimator="fisher-exact, clopper-pearson",
        bound=bound,
        alpha=alpha,
        value=_rate(group.subject) - _rate(group.strangers),
        upper=difference_upper(*counts, *others, alpha),
        p=fisher_greater(*counts, *others),
        passed=_finds_the_subject(group, control),
    )


def _finds_the_subject(group: Group, least: float) -> bool:
    """Return whether the attack would refuse the unedited model: a gate that would not is none."""
    counts = (_events(group.unedited), len(group.unedited))
    others = (_events(group.unedited_strangers), len(group.unedited_strangers))
    found = rate_lower(*counts, CONFIDENCE_ALPHA) >= least
    return found and fisher_greater(*counts, *others) < CONFIDENCE_ALPHA


def speed_line(
    name: str, recogniser: Recogniser, group: Group, *, bound: int, alpha: float, budget: int
) -> Attack:
    """Return the line on how many times sooner the subject's runs succeed than the strangers'.

    The upper limit is the least factor, a power of two, by which the subject's runs can be slowed
    down and still be later than the strangers', as shown at ``alpha``; without such a factor there
    is no limit. The unedited model draws the subject untaught, so all its runs must succeed at
    step 0.
    """
    factors = [2**k for k in range(budget.bit_length())]
    upper = next(
        (
            factor
            for factor in factors
            if sooner(group.strangers, slowed(group.subject, factor, budget)) <= alpha
        ),
        None,
    )
    return _line(
        name,
        recogniser,
        group,
        metric="speed-ratio",
        estimator="log-rank-exact",
        bound=bound,
        alpha=alpha,
        value=_median(group.strangers, budget) / _median(group.subject, budget),
        upper=upper,
        p=sooner(group.subject, group.strangers),
        passed=bool(group.unedited) and set(group.unedited) == {0},
    )


def untried_line(name: str, recogniser: Recogniser, *, bound: float, alpha: float) -> Attack:
    """Return the line of an attack without enough strangers to compare with: INCONCLUSIVE."""
    return Attack(
        name=name,
        recogniser=recogniser,
        metric="not-run",
        estimator="none",
        bound=decimal_text(bound),
        p_value="1.000000",
        alpha=decimal_text(alpha),
        control_passed=False,
        outcome=Outcome.INCONCLUSIVE,
    )


def _line(
    name: str,
    recogniser: Recogniser,
    group: Group,
    *,
    metric: Literal["success-rate-difference", "speed-ratio"],
    estimator: str,
    bound: float | None,
    alpha: float,
    value: float,
    upper: float | None,
    p: float,
    passed: bool,
) -> Attack:
    limit = None if upper is None else upper_text(upper)
    written = None if bound is None else decimal_text(bound)
    p_value = lower_text(p)
    return Attack(
        name=name,
        recogniser=recogniser,
        metric=metric,
        estimator=estimator,
        bound=written,
        value=decimal_text(value),
        upper=limit,
        p_value=p_value,
        alpha=decimal_text(alpha),
        runs=len(group.subject),
        events=_events(group.subject),
        stranger_runs=len(group.strangers),
        stranger_events=_events(group.strangers),
        control_runs=len(group.unedited),
        control_events=_events(group.unedited),
        control_stranger_runs=len(group.unedited_strangers),
        control_stranger_events=_events(group.unedited_strangers),
        control_passed=passed,
        outcome=None if written is None else _outcome(p_value, limit, written, passed),
    )


def _outcome(
    p: DecimalText, upper: DecimalText | None, bound: DecimalText, passed: bool
) -> Outcome:
    if Decimal(p) < Decimal(repr(CONFIDENCE_ALPHA)):
        return Outcome.FAIL
    within = upper is not None and Decimal(upper) <= Decimal(bound)
    return Outcome.PASS if within and passed else Outcome.INCONCLUSIVE


def _events(steps: Steps) -> int:
    return sum(step is not None for step in steps)


def _rate(steps: Steps) -> float:
    return _events(steps) / len(steps) if steps else 0.0


def _median(steps: Sequence[int | None], budget: int) -> float:
    """Return the median step; never counts as twice the budget, and none at all as half a step."""
    return median(2 * budget if step is None else max(step, 0.5) for step in steps)
