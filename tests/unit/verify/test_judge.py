"""The three-way rule, the verdict, and how often the judge errs."""

from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from govsdk.policy import Policy
from govsdk.policy.limits import rate_upper
from govsdk.records import Outcome, Verdict
from govsdk.verify.judge import Question, conclude, control, judge_loss, judge_mean, judge_rate
from govsdk.verify.statistics import Estimate
from tests.evidence import attack, screen

FORGET = Question("forget", "distribution", "A", "match-rate", bound=0.05, alpha=0.04)
RETAIN = Question("retention", "random", "A", "match-rate-loss", bound=0.02, alpha=0.04)
QUALITY = Question("quality", "random", "A", "mean-quality-loss", bound=0.25, alpha=0.04)

PASS, FAIL = judge_rate(FORGET, 0, 99), judge_rate(FORGET, 50, 99)
UNSURE = judge_rate(FORGET, 4, 99)
GOOD = control("baseline", "A", events=90, trials=100, above=0.5)
BAD = control("baseline", "A", events=50, trials=100, above=0.5)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        (0, Outcome.PASS),
        (1, Outcome.PASS),
        (2, Outcome.INCONCLUSIVE),
        (9, Outcome.INCONCLUSIVE),
        (10, Outcome.FAIL),
    ],
)
def test_a_rate_passes_fails_or_stays_open(events, outcome):
    """Of 99 trials at 5 %, one hit passes, two to nine decide nothing, ten fail."""
    assert judge_rate(FORGET, events, 99).outcome is outcome


@pytest.mark.parametrize(
    ("lost", "gained", "outcome"),
    [
        (4, 4, Outcome.PASS),
        (16, 6, Outcome.INCONCLUSIVE),
        (40, 4, Outcome.FAIL),
        (4, 40, Outcome.PASS),
    ],
)
def test_a_loss_weighs_lost_against_gained(lost, gained, outcome):
    """Of 800 pairs at 2 points, the difference between lost and gained pairs decides."""
    claim = judge_loss(RETAIN, lost, gained, 800)

    assert claim.outcome is outcome
    assert (claim.events, claim.gained, claim.trials) == (lost, gained, 800)


@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (0.0, 0.25, Outcome.PASS),
        (0.1, 0.2500001, Outcome.INCONCLUSIVE),
        (0.26, 0.9, Outcome.FAIL),
        (-0.4, -0.2, Outcome.PASS),
    ],
)
def test_a_mean_is_judged_by_its_limits(lower, upper, outcome):
    """A limit that lies on the bound passes; a hair beyond it does not."""
    assert judge_mean(QUALITY, Estimate(0.1, lower, upper), 100).outcome is outcome


def test_no_trials_decide_nothing():
    """Without a trial the outcome is INCONCLUSIVE, whatever the bound."""
    assert judge_rate(FORGET, 0, 0).outcome is Outcome.INCONCLUSIVE
    assert judge_loss(RETAIN, 0, 0, 0).outcome is Outcome.INCONCLUSIVE


def test_written_limits_are_rounded_outward():
    """Whoever judges the signed digits reaches the same outcome, and gains nothing by rounding."""
    for events in range(20):
        claim = judge_rate(FORGET, events, 99)
        assert Decimal(claim.upper) >= Decimal(rate_upper(events, 99, 0.04))
        assert (Decimal(claim.upper) <= Decimal(claim.bound)) == (claim.outcome is Outcome.PASS)


@pytest.mark.parametrize(
    ("claims", "controls", "regressions", "verdict"),
    [
        ([PASS, PASS], [GOOD], None, Verdict.FORGOTTEN),
        ([PASS, PASS], [GOOD], 0, Verdict.FORGOTTEN),
        ([PASS, UNSURE], [GOOD], None, Verdict.INCONCLUSIVE),
        ([PASS, PASS], [GOOD, BAD], None, Verdict.INCONCLUSIVE),
        ([UNSURE, FAIL], [BAD], None, Verdict.NOT_FORGOTTEN),
        ([PASS, PASS], [GOOD], 1, Verdict.NOT_FORGOTTEN),
        ([], [GOOD], None, Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_is_a_conjunction(claims, controls, regressions, verdict):
    """A failed claim or a returned person refuses; an open claim or failed control leaves open."""
    earlier = None if regressions is None else screen(regressions)

    assert conclude(claims, controls, earlier) is verdict


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([Outcome.PASS, Outcome.PASS], Verdict.FORGOTTEN),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Outcome.INCONCLUSIVE, Outcome.FAIL], Verdict.NOT_FORGOTTEN),
        ([Outcome.PASS, None], Verdict.FORGOTTEN),
    ],
)
def test_attacks_belong_to_the_conjunction(outcomes, verdict):
    """A failed attack refuses, an open one leaves open, a reported one decides nothing."""
    attacks = [attack(outcome) for outcome in outcomes]

    assert conclude([PASS], [GOOD], None, attacks) is verdict
    assert conclude([], [GOOD], None, attacks) is not Verdict.FORGOTTEN


@pytest.mark.parametrize(
    ("events", "trials", "above", "not_above", "passed"),
    [
        (70, 100, 0.5, None, True),
        (55, 100, 0.5, None, False),
        (2, 100, None, 0.05, True),
        (20, 100, None, 0.05, False),
        (0, 0, None, 0.05, False),
    ],
)
def test_a_control_needs_evidence(events, trials, above, not_above, passed):
    """A positive control must be shown above its floor; a negative one must not be shown above."""
    shown = control("impostor", "A", events=events, trials=trials, above=above, not_above=not_above)

    assert shown.passed is passed


@pytest.mark.parametrize("name", ["quickstart", "standard"])
def test_a_leaky_model_is_rarely_accepted(name):
    """Over 2,000 audits of a model just beyond the bound, false acceptance stays below alpha.

    The model leaks in one line only, the hardest case for a conjunction; both attempts may be used.
    """
    policy, rng = Policy.load(name), np.random.default_rng(11)
    trials, bound = policy.claims.forget.trials, policy.claims.forget.bound
    accepted, allowed = np.zeros(2000, dtype=bool), most_accepted(policy, 2000)
    for attempt, alpha in enumerate(policy.attempts.alpha, start=1):
        question = Question("forget", "photos", "A", "match-rate", bound, alpha)
        hits = rng.binomial(trials, bound * 1.001, size=2000)
        passed = [judge_rate(question, k, trials).outcome is Outcome.PASS for k in range(5)]
        now = np.array([*passed, False])[np.minimum(hits, 5)] & ~accepted
        accepted |= now
        # The figures of docs/what_it_proves.md.
        print(f"{name}, attempt {attempt}: {now.mean():.4f} accepted")  # noqa: T201  for the docs
    print(f"{name}, either: {accepted.mean():.4f} accepted, {allowed:.4f} allowed")  # noqa: T201  for the docs

    assert accepted.mean() <= allowed
    assert accepted.any()


def most_accepted(policy, audits):
    """Return the share of audits that may accept a leaky model: alpha and three standard errors."""
    alpha = sum(policy.attempts.alpha)
    return alpha + 3 * np.sqrt(alpha * (1 - alpha) / audits)


FORGET_LINES = [(part, judge) for part in ("distribution", "photos") for judge in "AB"]
CLEAN = 1 / 50
"""True rates and losses of a good model, as a share of their bounds."""

counted, compared, shown = cache(judge_rate), cache(judge_loss), cache(control)


def said(policy, alpha, leaky, rng):
    """Yield every claim of one attempt on a model that is good but for the ``leaky`` lines."""
    claims, forget = policy.claims, policy.claims.forget
    random, hard = claims.retention, claims.retention.hard_neighbours
    for part, judge in FORGET_LINES:
        rate = forget.bound * (1.001 if (part, judge) in leaky else CLEAN)
        question = Question("forget", part, judge, "match-rate", forget.bound, alpha)
        yield counted(question, int(rng.binomial(forget.trials, rate)), forget.trials)
    for judge in "AB":
        for part, asked in (("random", random), ("hard-neighbours", hard)):
            if asked is not None:
                question = Question("retention", part, judge, "loss", asked.bound, alpha)
                lost = int(rng.binomial(asked.pairs, CLEAN * asked.bound))
                yield compared(question, lost, 0, asked.pairs)
        question = Question("quality", "random", judge, "mean", claims.quality.bound, alpha)
        yield judge_mean(question, Estimate(0.0, -0.01, 0.01), random.pairs)
        question = Question("no-face", "all", judge, "no-face-rate", claims.no_face.bound, alpha)
        blank = int(rng.binomial(claims.pictures, CLEAN * claims.no_face.bound))
        yield counted(question, blank, claims.pictures)


def audited(policy, alpha, leaky, rng):
    """Return the verdict of one attempt, the baseline drawing the person in 95 % of its trials."""
    trials, least = policy.controls.baseline_trials, policy.controls.baseline_rate
    before = [
        shown("baseline", judge, events=int(rng.binomial(trials, 0.95)), trials=trials, above=least)
        for judge in "AB"
    ]
    return conclude(list(said(policy, alpha, leaky, rng)), before, None)


def accepted_share(policy, leaky, audits):
    """Return in what share of requests any attempt is FORGOTTEN."""
    rng = np.random.default_rng(12)
    verdicts = (
        any(
            audited(policy, each, leaky, rng) is Verdict.FORGOTTEN for each in policy.attempts.alpha
        )
        for _ in range(audits)
    )
    return sum(verdicts) / audits


@pytest.mark.parametrize("name", ["quickstart", "standard"])
@pytest.mark.parametrize("line", FORGET_LINES)
def test_a_whole_audit_rarely_accepts_one_leaky_line(name, line):
    """Over 2,000 whole sets of claims, with one forget line of four just beyond the bound.

    The control: without that line the same model is accepted nearly always.
    """
    policy = Policy.load(name)

    assert 0 < accepted_share(policy, [line], 2000) <= most_accepted(policy, 2000)
    assert accepted_share(policy, [], 500) > 0.97
