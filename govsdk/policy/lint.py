"""Whether a policy can be met at all, and how likely a good model is to meet it.

- An ``error`` is a claim that even a perfect model cannot pass, or a control that no model can:
  such a policy must not run.
- A ``note`` states the power: what is allowed, how often a model that good passes, and how bad one
  must be to FAIL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import Literal

from govsdk.errors import PolicyError
from govsdk.policy.attacks import Relearning
from govsdk.policy.document import Policy
from govsdk.policy.limits import (
    CONFIDENCE_ALPHA,
    allowed_events,
    at_most,
    rate_lower,
    rate_upper,
    smallest_loss_bound,
)
from govsdk.policy.power import (
    POWER,
    failing_loss,
    failing_mean,
    failing_rate,
    failing_success,
    power_of_loss,
    power_of_mean,
    trials_needed,
)

_FRACTIONS = (0, 10, 5, 2)
"""Power is stated at a true rate of zero and at the bound divided by these."""


@dataclass(frozen=True)
class Finding:
    """One remark on a policy."""

    level: Literal["error", "note"]
    setting: str
    """Dotted place, e.g. ``claims.forget``."""
    message: str


def lint(policy: Policy) -> list[Finding]:
    """Return what is wrong with the numbers of ``policy``, and its power."""
    claims = (*_forget(policy), *_losses(policy), *_quality(policy), *_no_face(policy))
    attacks = (*_attacks(policy), *_relearning(policy), *_attack_powers(policy))
    return [*claims, *_baseline(policy), *_radius(policy), *attacks]


def require(policy: Policy) -> Policy:
    """Return ``policy`` if it can be met.

    Raises:
        PolicyError: a claim cannot pass, whatever the model does.
    """
    for finding in lint(policy):
        if finding.level == "error":
            raise PolicyError.of(finding.setting, finding.message)
    return policy


def _forget(policy: Policy) -> Iterator[Finding]:
    claim = policy.claims.forget
    for number, alpha in enumerate(policy.attempts.alpha, start=1):
        yield _rate_finding("claims.forget", claim.trials, claim.bound, alpha, number)


def _no_face(policy: Policy) -> Iterator[Finding]:
    claims = policy.claims
    for number, alpha in enumerate(policy.attempts.alpha, start=1):
        yield _rate_finding("claims.no_face", claims.pictures, claims.no_face.bound, alpha, number)


def _losses(policy: Policy) -> Iterator[Finding]:
    retention = policy.claims.retention
    parts = {"claims.retention": (retention.pairs, retention.bound)}
    if hard := retention.hard_neighbours:
        parts["claims.retention.hard_neighbours"] = (hard.pairs, hard.bound)
    for setting, (pairs, bound) in parts.items():
        for number, alpha in enumerate(policy.attempts.alpha, start=1):
            least, power = smallest_loss_bound(pairs, alpha), power_of_loss(pairs, bound, alpha)
            tells = f"attempt {number}: {pairs} unchanged pairs show a loss below {least:.2%}"
            if power is None:
                yield Finding("error", setting, f"{tells}, never below {bound:.2%}; more pairs")
            else:
                tells += f"; a true loss of {power.attainable:.2%} passes with chance {POWER:.0%}"
                tells += _fails("loss", failing_loss(pairs, bound))
                yield Finding("note", setting, tells)


def _quality(policy: Policy) -> Iterator[Finding]:
    pairs, bound = policy.claims.retention.pairs, policy.claims.quality.bound
    for number, alpha in enumerate(policy.attempts.alpha, start=1):
        passes = power_of_mean(pairs, bound, alpha).attainable
        tells = (
            f"a true mean loss of {passes:.2f} standard deviations passes with chance {POWER:.0%}"
        )
        if passes < 0:
            tells = f"even no true loss passes with a chance below {POWER:.0%}; take more pairs"
        tells += f"; a loss of {failing_mean(pairs, bound):.2f} fails with chance {POWER:.0%}"
        yield Finding("note", "claims.quality", f"attempt {number}: {tells}")


def _baseline(policy: Policy) -> Iterator[Finding]:
    trials, rate = policy.controls.baseline_trials, policy.controls.baseline_rate
    most = rate_lower(trials, trials, CONFIDENCE_ALPHA)
    if most < rate:
        yield Finding(
            "error",
            "controls.baseline_trials",
            f"{trials} of {trials} show a rate of at least {most:.2%}, never {rate:.2%}: nobody "
            "would count as drawn before the edit; more trials",
        )


def _radius(policy: Policy) -> Iterator[Finding]:
    rule = policy.probes.radius if policy.probes else None
    least = 0 if rule is None else trials_needed(rule.bound, CONFIDENCE_ALPHA)
    if rule is not None and rule.trials < least:
        yield Finding(
            "error",
            "probes.radius",
            f"no angle passes with {rule.trials} trials; at least {least} show a rate below "
            f"{rule.bound:.2%}",
        )


def _attacks(policy: Policy) -> Iterator[Finding]:
    if policy.attacks is None:
        return
    for setting, settings in (
        ("attacks.search", policy.attacks.search),
        ("attacks.direction", policy.attacks.direction),
    ):
        for number, alpha in enumerate(policy.attempts.alpha, start=1):
            # As the judge does it beside each stranger: half of alpha is the stranger's.
            least = rate_upper(0, settings.runs, alpha / 2)
            runs = f"{settings.runs} runs without success"
            tells = f"attempt {number}: {runs} show at most {least:.2%}"
            if least > settings.bound:
                yield Finding("error", setting, f"{tells}, never {settings.bound:.2%}; more runs")
            else:
                yield Finding("note", setting, tells)
        found = rate_lower(settings.runs, settings.runs, CONFIDENCE_ALPHA)
        if found < policy.controls.baseline_rate:
            tells = f"{settings.runs} of {settings.runs} on the unedited model show {found:.2%}"
            needed = f"never the controls.baseline_rate of {policy.controls.baseline_rate:.2%}"
            yield Finding("error", setting, f"{tells}, {needed}; more runs")


def _attack_powers(policy: Policy) -> Iterator[Finding]:
    asked = policy.attacks
    if asked is None:
        return
    for setting, runs in (
        ("attacks.search", asked.search.runs),
        ("attacks.direction", asked.direction.runs),
        ("attacks.relearning", asked.relearning.runs),
    ):
        fails = _fails("success rate", failing_success(runs, asked.strangers))
        tells = f"{runs} runs beside {asked.strangers} strangers who are never found{fails}"
        yield Finding("note", setting, tells)


def _relearning(policy: Policy) -> Iterator[Finding]:
    if policy.attacks is None:
        return
    settings = policy.attacks.relearning
    # The clearest outcome beside a stranger: every copy learns them, and none learns the subject.
    least = 1 / comb(2 * settings.runs, settings.runs)
    for number, alpha in enumerate(policy.attempts.alpha, start=1):
        if least > alpha:
            tells = f"attempt {number}: {settings.runs} runs reach a p of {least:.2g}"
            yield Finding("error", "attacks.relearning", f"{tells}, never {alpha:g}; more runs")
    yield _ties(settings)


def _ties(settings: Relearning) -> Finding:
    """Return at which checks subject and strangers, learned together, are shown within the bound.

    All that is known of a copy learned at a check is that it was not at the check before.
    """
    factor = 2 ** (settings.bound.bit_length() - 1)  # the judge tries powers of two
    shown = [check for before, check in pairwise(settings.checks) if factor * (before + 1) > check]
    if shown:
        tells = f"learned together after {', '.join(map(str, shown))} steps they pass"
        return Finding("note", "attacks.relearning.checks", f"subject and strangers {tells}")
    return Finding(
        "error",
        "attacks.relearning.checks",
        "subject and strangers learned together never pass: no check comes less than "
        f"{factor} times as late as the first step after the check before; more checks, or a "
        "larger bound",
    )


def _rate_finding(setting: str, trials: int, bound: float, alpha: float, number: int) -> Finding:
    allowed = allowed_events(trials, bound, alpha)
    if allowed is None:
        least = trials_needed(bound, alpha)
        return Finding(
            "error",
            setting,
            f"attempt {number}: even 0 events in {trials} do not show a rate below {bound:.2%} "
            f"at alpha {alpha:g}; at least {least} trials are needed",
        )
    powers = ", ".join(
        f"{rate:.2%}: {at_most(allowed, trials, rate):.0%}"
        for rate in (bound / f if f else 0.0 for f in _FRACTIONS)
    )
    return Finding(
        "note",
        setting,
        f"attempt {number}: up to {allowed} of {trials} pass; chance to pass at a true rate of "
        f"{powers}" + _fails("rate", failing_rate(trials, bound)),
    )


def _fails(what: str, value: float | None) -> str:
    """Return from which true value on a line FAILs, as the end of a sentence."""
    if value is None:
        return f"; no true {what} fails with chance {POWER:.0%}"
    return f"; a true {what} of {value:.2%} fails with chance {POWER:.0%}"
