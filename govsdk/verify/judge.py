"""The judge: measurements and a policy's bounds become claims, and claims a verdict.

- PASS only if the upper limit is within the bound; FAIL only if the 95 % lower limit is beyond it;
  everything else is INCONCLUSIVE, no trials included.
- What is written decides: limits are rounded outward to the digits that are signed, so whoever
  reads a claim reaches the same outcome.
- FORGOTTEN is a conjunction, so nothing is corrected between claims; attempts share one alpha.
- No clock, no files, no randomness.

Source: design.md, section 4; Clopper and Pearson 1934; Tango 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal

from govsdk.policy.limits import CONFIDENCE_ALPHA, loss_lower, loss_upper, rate_lower, rate_upper
from govsdk.policy.power import Power, power_of_loss, power_of_mean, power_of_rate
from govsdk.ports import Role
from govsdk.records import (
    Attack,
    Claim,
    Control,
    DecimalText,
    Outcome,
    Screen,
    Verdict,
    decimal_text,
)
from govsdk.verify.statistics import Estimate


@dataclass(frozen=True)
class Question:
    """One line of the verdict before it is measured: is ``metric`` within ``bound``?"""

    name: Literal["forget", "retention", "quality", "no-face"]
    part: str
    recogniser: Role
    metric: str
    bound: float
    alpha: float
    """Chance to say PASS although the truth lies at the bound."""


def judge_rate(question: Question, events: int, trials: int) -> Claim:
    """Return the claim on a rate, from independent trials."""
    estimate = Estimate(
        value=events / trials if trials else 0.0,
        lower=rate_lower(events, trials, CONFIDENCE_ALPHA),
        upper=rate_upper(events, trials, question.alpha),
    )
    power = power_of_rate(trials, question.bound, question.alpha)
    return _claim(question, estimate, "clopper-pearson", power, trials=trials, events=events)


def judge_loss(question: Question, lost: int, gained: int, pairs: int) -> Claim:
    """Return the claim on a loss of matches, from pairs that match only before or only after."""
    estimate = Estimate(
        value=(lost - gained) / pairs if pairs else 0.0,
        lower=loss_lower(lost, gained, pairs, CONFIDENCE_ALPHA),
        upper=loss_upper(lost, gained, pairs, question.alpha),
    )
    power = power_of_loss(pairs, question.bound, question.alpha)
    counts = {"trials": pairs, "events": lost, "gained": gained}
    return _claim(question, estimate, "tango-score", power, **counts)


def judge_mean(question: Question, estimate: Estimate, pairs: int) -> Claim:
    """Return the claim on a mean, from its bootstrap limits."""
    power = power_of_mean(pairs, question.bound, question.alpha) if pairs else None
    return _claim(question, estimate, "paired-bootstrap", power, trials=pairs)


def control(
    name: Literal["baseline", "impostor", "retained"],
    recogniser: Role,
    *,
    part: str | None = None,
    events: int,
    trials: int,
    above: float | None = None,
    not_above: float | None = None,
) -> Control:
    """Return a control, passed if its rate is shown above ``above`` and not above ``not_above``."""
    lower = rate_lower(events, trials, CONFIDENCE_ALPHA)
    return Control(
        name=name,
        part=part,
        recogniser=recogniser,
        rate=decimal_text(events / trials if trials else 0.0),
        lower=lower_text(lower),
        upper=upper_text(rate_upper(events, trials, CONFIDENCE_ALPHA)),
        trials=trials,
        events=events,
        passed=trials > 0
        and (above is None or lower >= above)
        and (not_above is None or lower <= not_above),
    )


def conclude(
    claims: Sequence[Claim],
    controls: Sequence[Control],
    screen: Screen | None,
    attacks: Sequence[Attack] | None = None,
) -> Verdict:
    """Return the verdict of one attempt; attacks that are only reported decide nothing.

    An earlier subject who came back counts as a failed claim; a control that did not pass leaves
    the claims without meaning.
    """
    outcomes = {claim.outcome for claim in claims}
    outcomes |= {attack.outcome for attack in attacks or () if attack.outcome is not None}
    if Outcome.FAIL in outcomes or (screen is not None and screen.regressions):
        return Verdict.NOT_FORGOTTEN
    if claims and outcomes == {Outcome.PASS} and all(control.passed for control in controls):
        return Verdict.FORGOTTEN
    return Verdict.INCONCLUSIVE


def lower_text(limit: float) -> DecimalText:
    """Return a lower limit as it is signed: rounded down to six digits."""
    return decimal_text(limit, ROUND_FLOOR)


def upper_text(limit: float) -> DecimalText:
    """Return an upper limit as it is signed: rounded up to six digits."""
    return decimal_text(limit, ROUND_CEILING)


def _claim(
    question: Question,
    estimate: Estimate,
    estimator: str,
    power: Power | None,
    *,
    trials: int,
    events: int | None = None,
    gained: int | None = None,
) -> Claim:
    bound = decimal_text(question.bound)
    lower, upper = lower_text(estimate.lower), upper_text(estimate.upper)
    return Claim(
        name=question.name,
        part=question.part,
        recogniser=question.recogniser,
        metric=question.metric,
        estimator=estimator,
        bound=bound,
        value=decimal_text(estimate.value),
        lower=lower,
        upper=upper,
        alpha=decimal_text(question.alpha),
        trials=trials,
        events=events,
        gained=gained,
        outcome=_outcome(lower, upper, bound) if trials else Outcome.INCONCLUSIVE,
        attainable=None if power is None else decimal_text(power.attainable),
        detectable=None if power is None else decimal_text(power.detectable),
    )


def _outcome(lower: DecimalText, upper: DecimalText, bound: DecimalText) -> Outcome:
    if Decimal(upper) <= Decimal(bound):
        return Outcome.PASS
    return Outcome.FAIL if Decimal(lower) > Decimal(bound) else Outcome.INCONCLUSIVE
