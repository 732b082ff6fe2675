"""Runs become lines: what fails, what passes, and what stays open."""

import pytest

from govsdk.records import Outcome
from govsdk.verify.attacks.lines import Group, count_line, speed_line

HIT, MISS = [0], [None]


def counted(subject, strangers, control=24, beside=0, bound=0.25):
    """Return the line of 24, 72, 24 and 72 runs of which so many succeed."""
    group = Group(
        HIT * subject + MISS * (24 - subject),
        HIT * strangers + MISS * (72 - strangers),
        HIT * control + MISS * (24 - control),
        HIT * beside + MISS * (72 - beside),
    )
    return count_line("search", "A", group, bound=bound, alpha=0.04, control=0.5)


def timed(subject, strangers, control=(0, 0)):
    group = Group(subject, strangers, control)
    return speed_line("relearning", "A", group, bound=2, alpha=0.04, budget=80)


@pytest.mark.parametrize(
    ("subject", "strangers", "control", "outcome"),
    [
        (0, 0, 24, Outcome.PASS),
        (0, 72, 24, Outcome.PASS),
        (1, 0, 24, Outcome.PASS),
        (2, 0, 24, Outcome.INCONCLUSIVE),
        (3, 0, 24, Outcome.FAIL),
        (24, 0, 24, Outcome.FAIL),
        (24, 72, 24, Outcome.PASS),
        (0, 0, 16, Outcome.INCONCLUSIVE),
        (24, 0, 0, Outcome.FAIL),
    ],
)
def test_successes_decide(subject, strangers, control, outcome):
    """More successes at the subject fail, as many as at strangers pass, the control must work."""
    assert counted(subject, strangers, control).outcome is outcome


@pytest.mark.parametrize(("beside", "passed"), [(0, True), (60, True), (70, False), (72, False)])
def test_a_gate_that_the_unedited_model_would_pass_decides_nothing(beside, passed):
    """Where strangers are found in the unedited model as easily as the subject, nothing passes."""
    line = counted(24, 72, beside=beside)

    assert line.control_passed is passed
    assert line.outcome is (Outcome.PASS if passed else Outcome.INCONCLUSIVE)


def test_a_line_states_its_counts():
    """What was counted, and the limits, stand in the line as they were used."""
    line = counted(1, 2)

    assert (line.runs, line.events) == (24, 1)
    assert (line.stranger_runs, line.stranger_events) == (72, 2)
    assert (line.control_runs, line.control_events) == (24, 24)
    assert line.value == "0.013889"
    assert float(line.value) < float(line.upper) <= 0.25


def test_a_reported_line_has_no_outcome():
    """Without a bound nothing is judged."""
    assert counted(24, 0, bound=None).outcome is None


@pytest.mark.parametrize(
    ("subject", "strangers", "control", "upper", "outcome"),
    [
        ([20] * 8, [20] * 24, (0, 0), "2.000000", Outcome.PASS),
        ([40] * 8, [20] * 24, (0, 0), "1.000000", Outcome.PASS),
        ([None] * 8, [20] * 24, (0, 0), "1.000000", Outcome.PASS),
        ([10] * 8, [20] * 24, (0, 0), "4.000000", Outcome.FAIL),
        ([0] * 8, [20] * 24, (0, 0), None, Outcome.FAIL),
        ([0] * 8, [0] * 24, (0, 0), None, Outcome.INCONCLUSIVE),
        ([None] * 8, [None] * 24, (0, 0), None, Outcome.INCONCLUSIVE),
        ([20] * 8, [20] * 24, (0, 10), "2.000000", Outcome.INCONCLUSIVE),
        ([20] * 2, [20] * 24, (0, 0), "2.000000", Outcome.PASS),
    ],
)
def test_steps_decide(subject, strangers, control, upper, outcome):
    """Sooner than strangers fails; not twice as soon passes; if nobody is learned it stays open."""
    line = timed(subject, strangers, control)

    assert (line.upper, line.outcome) == (upper, outcome)


def test_the_speed_ratio_is_that_of_the_medians():
    """A run that needs no step counts as half a step, one that never ends as twice the budget."""
    assert timed([10] * 8, [20] * 24).value == "2.000000"
    assert timed([0] * 8, [None] * 24).value == "320.000000"
