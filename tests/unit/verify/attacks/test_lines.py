"""Runs become lines: what fails, what passes, and what stays open."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from govsdk.policy import Policy
from govsdk.records import Attack, Outcome
from govsdk.verify.attacks.lines import Group, count_line, speed_line
from govsdk.verify.comparisons import fisher_greater

HIT, MISS = [0], [None]


CHECKS = (0, 5, 10, 20, 40, 80)


def of(events, runs=24):
    """Return ``runs`` runs of which so many succeed."""
    return HIT * events + MISS * (runs - events)


def counted(subject, strangers, control=24, beside=0, bound=0.25):
    """Return the line of 24, three times 24, 24 and 72 runs of which so many succeed."""
    group = Group(of(subject), [of(each) for each in strangers], of(control), of(beside, 72))
    return count_line("search", "A", group, bound=bound, alpha=0.04, control=0.5)


def timed(subject, strangers, control=(0, 0), checks=CHECKS):
    """Return the line where all 8 runs at a person end alike; of three strangers by step each."""
    group = Group([subject] * 8, [[each] * 8 for each in strangers], control)
    return speed_line("relearning", "A", group, bound=2, alpha=0.04, checks=checks, photos=6)


@pytest.mark.parametrize(
    ("subject", "strangers", "control", "outcome"),
    [
        (0, (0, 0, 0), 24, Outcome.PASS),
        (0, (24, 24, 24), 24, Outcome.PASS),
        (1, (0, 0, 0), 24, Outcome.PASS),
        (2, (0, 0, 0), 24, Outcome.INCONCLUSIVE),
        (3, (0, 0, 0), 24, Outcome.FAIL),
        (24, (0, 0, 0), 24, Outcome.FAIL),
        (24, (24, 24, 24), 24, Outcome.PASS),
        (0, (0, 0, 0), 16, Outcome.INCONCLUSIVE),
        (24, (0, 0, 0), 0, Outcome.FAIL),
    ],
)
def test_successes_decide(subject, strangers, control, outcome):
    """More successes at the subject fail, as many as at strangers pass, the control must work."""
    assert counted(subject, strangers, control).outcome is outcome


@pytest.mark.parametrize("strangers", [(24, 0, 0), (0, 24, 0), (24, 24, 0)])
def test_a_stranger_found_easily_excuses_nothing(strangers):
    """A subject found in 5 of 24 runs is not shown to be near the stranger who is never found."""
    line = counted(5, strangers)

    assert line.outcome is Outcome.INCONCLUSIVE
    assert line.upper == counted(5, (0, 0, 0)).upper
    assert line.least_stranger_events == 0


@pytest.mark.parametrize(("beside", "passed"), [(0, True), (60, True), (70, False), (72, False)])
def test_a_gate_that_the_unedited_model_would_pass_decides_nothing(beside, passed):
    """Where strangers are found in the unedited model as easily as the subject, nothing passes."""
    line = counted(24, (24, 24, 24), beside=beside)

    assert line.control_passed is passed
    assert line.outcome is (Outcome.PASS if passed else Outcome.INCONCLUSIVE)


def test_a_gate_without_a_control_decides_nothing():
    """Nothing was run on the unedited model: no control failed, and yet nothing passes."""
    group = Group(of(0), [of(0)] * 3, unedited=())
    line = count_line("search", "A", group, bound=0.25, alpha=0.04, control=0.5)

    assert line.control_passed is None
    assert line.outcome is Outcome.INCONCLUSIVE
    assert counted(0, (0, 0, 0)).outcome is Outcome.PASS


def test_lines_of_before_a_control_could_be_missing_are_still_read():
    """A difference search of an earlier release stated a control that had failed."""
    line = count_line(
        "difference-search",
        "A",
        Group(of(3), [of(0)] * 3, unedited=()),
        bound=None,
        alpha=0.04,
        control=0.5,
    )
    earlier = {**line.public(), "controlRuns": 24, "controlPassed": False}

    assert Attack.model_validate(line.public()) == line
    assert Attack.model_validate(earlier).control_passed is False


def test_a_line_states_its_counts():
    """What was counted, and the limits, stand in the line as they were used."""
    line = counted(1, (0, 2, 0))

    assert (line.runs, line.events) == (24, 1)
    assert (line.stranger_runs, line.stranger_events) == (72, 2)
    assert line.least_stranger_events == 0
    assert (line.control_runs, line.control_events) == (24, 24)
    assert line.value == "0.013889"
    assert float(line.value) < float(line.upper) <= 0.25


def test_a_reported_line_has_no_outcome():
    """Without a bound nothing is judged."""
    assert counted(24, (0, 0, 0), bound=None).outcome is None


@pytest.mark.parametrize(
    ("subject", "strangers", "control", "upper", "outcome"),
    [
        (20, (20, 20, 20), (0, 0), "2.000000", Outcome.PASS),
        (40, (20, 20, 20), (0, 0), "1.000000", Outcome.PASS),
        (40, (20, 10, 40), (0, 0), "2.000000", Outcome.PASS),
        (40, (20, 10, 80), (0, 0), "4.000000", Outcome.INCONCLUSIVE),
        (40, (20, 10, None), (0, 0), None, Outcome.INCONCLUSIVE),
        (None, (20, 20, 20), (0, 0), "1.000000", Outcome.PASS),
        (10, (20, 20, 20), (0, 0), "4.000000", Outcome.FAIL),
        (0, (20, 20, 20), (0, 0), None, Outcome.FAIL),
        (0, (0, 0, 0), (0, 0), None, Outcome.INCONCLUSIVE),
        (None, (None, None, None), (0, 0), None, Outcome.INCONCLUSIVE),
        (20, (20, 20, 20), (0, 10), "2.000000", Outcome.INCONCLUSIVE),
    ],
)
def test_steps_decide(subject, strangers, control, upper, outcome):
    """Sooner than strangers fails; not twice as soon as any passes; nobody learned stays open."""
    line = timed(subject, strangers, control)

    assert (line.upper, line.outcome) == (upper, outcome)


@pytest.mark.parametrize(
    ("name", "check", "upper", "outcome"),
    [
        ("strict", 5, "8.000000", Outcome.INCONCLUSIVE),
        ("strict", 10, "2.000000", Outcome.PASS),
        ("exhaustive", 50, "8.000000", Outcome.INCONCLUSIVE),
        ("exhaustive", 100, "2.000000", Outcome.PASS),
        ("exhaustive", 500, "4.000000", Outcome.INCONCLUSIVE),
    ],
)
def test_what_lies_between_two_checks_counts_against_the_subject(name, check, upper, outcome):
    """All learned after 5 steps, the subject may have needed 1 and the strangers 5."""
    checks = Policy.load(name).attacks.relearning.checks
    line = timed(check, (check,) * 3, checks=checks)

    assert (line.upper, line.outcome) == (upper, outcome)


@pytest.mark.parametrize("name", ["strict", "exhaustive"])
def test_the_shipped_checks_tell_clear_cases_apart(name):
    """Strangers learned at any check and the subject never: PASS; the other way round: FAIL."""
    checks = Policy.load(name).attacks.relearning.checks

    for check in checks[1:]:
        assert timed(None, (check,) * 3, checks=checks).outcome is Outcome.PASS
        assert timed(check, (None,) * 3, checks=checks).outcome is Outcome.FAIL


def test_the_speed_ratio_is_that_of_the_medians():
    """A run that needs no step counts as half a step, one that never ends as twice the budget."""
    assert timed(10, (20, 20, 20)).value == "2.000000"
    assert timed(0, (None, None, None)).value == "320.000000"


def test_a_line_says_how_many_photos_were_taught():
    """Fewer than the policy asks for, where somebody has fewer; other attacks teach nothing."""
    assert timed(20, (20, 20, 20)).photos == 6
    assert counted(1, (0, 0, 0)).photos is None


@pytest.mark.parametrize("ratio", [2, 3, 4, 8])
@pytest.mark.parametrize("name", ["strict", "exhaustive"])
def test_the_limit_of_the_speed_ratio_covers(name, ratio):
    """Over 300 audits with a subject ``ratio`` times as fast as the slowest of the strangers.

    The other two are faster than the subject and must not hide that; nor must the checks.
    """
    checks = Policy.load(name).attacks.relearning.checks
    rng, missed = np.random.default_rng([ratio, len(name)]), 0

    def learned(scale):
        steps = np.ceil(scale * np.exp(rng.normal(0, 0.3, 8)))
        return [next((c for c in checks if c >= step), None) for step in steps]

    for _ in range(300):
        scale = checks[-1] ** rng.uniform(0, 0.8)
        strangers = [learned(scale * each) for each in (ratio, 0.2, 0.2)]
        group = Group(learned(scale), strangers, unedited=(0, 0))
        line = speed_line("", "A", group, bound=2, alpha=0.04, checks=checks, photos=10)
        missed += line.upper is not None and float(line.upper) < ratio

    assert missed / 300 <= 0.04 + 3 * np.sqrt(0.04 * 0.96 / 300)


@pytest.mark.parametrize(("runs", "apart", "together"), [(8, 59, 96), (16, 99, 99)])
def test_an_unlucky_stranger_leaves_a_good_edit_open(runs, apart, together):
    """Of 100 audits of a subject just like the strangers, so many pass: the figures of ADR 11.

    Copies learn in 40 steps at the median, scattered by 0.4 in the logarithm. The strangers' runs
    counted together, as one stranger with three times as many, would let more pass.
    """
    policy = Policy.load("strict")
    checks = policy.attacks.relearning.checks
    rng, passed = np.random.default_rng(0), np.zeros(2, int)

    def learned():
        steps = np.ceil(40 * np.exp(rng.normal(0, 0.4, runs)))
        return [next((c for c in checks if c >= step), None) for step in steps]

    for _ in range(100):
        each = Group(learned(), [learned() for _ in range(3)], (0, 0))
        groups = [each, replace(each, strangers=[each.pooled])]
        lines = [
            speed_line("", "A", group, bound=2, alpha=policy.alpha(1), checks=checks, photos=10)
            for group in groups
        ]
        passed += [line.outcome is Outcome.PASS for line in lines]

    assert tuple(passed) == (apart, together)


@pytest.mark.parametrize("rates", [(0.0, 0.0, 0.9), (0.2, 0.5, 0.8), (0.0, 1.0, 1.0), (0.5,) * 3])
def test_a_fail_is_rare_for_a_subject_like_the_mean_of_unequal_strangers(rates):
    """Summed over every outcome: counting strangers together does not make a FAIL likelier.

    Strangers who differ make their sum vary less than as many alike runs would (Hoeffding 1956).
    """
    hits = np.arange(25)
    each = [stats.binom.pmf(hits, 24, rate) for rate in rates]
    together = np.convolve(np.convolve(each[0], each[1]), each[2])
    own = stats.binom.pmf(hits, 24, np.mean(rates))
    fails = np.array([[fisher_greater(k, 24, j, 72) < 0.05 for j in range(73)] for k in hits])

    assert 0 < own @ fails @ together <= 0.05
