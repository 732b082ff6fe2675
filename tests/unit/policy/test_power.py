"""Power agrees with scipy and statsmodels, and with what simulated audits do."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower

from govsdk.policy import Policy, limits, power
from govsdk.records import Outcome
from govsdk.verify.attacks.lines import Group, count_line, speed_line
from govsdk.verify.judge import Question, judge_loss, judge_rate


@pytest.mark.parametrize("trials", [30, 99, 1000])
def test_the_rule_of_three_is_three_over_n_and_never_too_small(trials):
    """It lies above the exact limit of zero events, by little."""
    exact = limits.rate_upper(0, trials, 0.05)

    assert exact < power.rule_of_three(trials) == pytest.approx(3 / trials, rel=0.002)
    assert power.rule_of_three(trials) - exact < 5 / trials**2


@pytest.mark.parametrize(("trials", "rate"), [(10, 0.1487), (100, 0.0160), (0, 1.0)])
def test_detectable_rate(trials, rate):
    """At that rate, a hit occurs with probability 0.8."""
    found = power.detectable_rate(trials)

    assert found == pytest.approx(rate, abs=1e-4)
    assert 1 - (1 - found) ** trials == pytest.approx(0.8 if trials else 0.0)


@pytest.mark.parametrize(("trials", "bound", "alpha"), [(99, 0.05, 0.04), (500, 0.01, 0.04)])
def test_power_of_a_rate_is_the_binomial_one(trials, bound, alpha):
    """By scipy's distribution, a model at the two rates passes with chances 0.8 and 0.2."""
    found, allowed = power.power_of_rate(trials, bound, alpha), 1

    assert stats.binom.cdf(allowed, trials, found.attainable) == pytest.approx(0.8)
    assert stats.binom.cdf(allowed, trials, found.detectable) == pytest.approx(0.2)
    assert found.attainable < found.detectable < bound


def test_a_claim_out_of_reach_has_no_power():
    """Too few trials for the bound: nothing passes, so there is nothing to state."""
    assert power.power_of_rate(50, 0.05, 0.04) is None
    assert power.power_of_loss(50, 0.05, 0.04) is None


def test_power_of_a_loss_is_what_simulated_panels_do():
    """Of 2,000 panels at either loss, about 80 % and 20 % pass Tango's limit."""
    rng, found = np.random.default_rng(5), power.power_of_loss(800, 0.02, 0.04)
    for loss, share in ((found.attainable, 0.8), (found.detectable, 0.2)):
        lost = rng.binomial(800, loss, size=2000)
        verdicts = {int(k): limits.loss_upper(int(k), 0, 800, 0.04) <= 0.02 for k in set(lost)}
        passed = np.mean([verdicts[int(k)] for k in lost])
        assert passed == pytest.approx(share, abs=3 * np.sqrt(0.16 / 2000))


def test_power_of_a_mean_agrees_with_statsmodels():
    """The distance from the bound to the attainable loss is the effect that 0.8 power needs."""
    found = power.power_of_mean(200, 0.5, 0.04)
    effect = NormalIndPower().solve_power(
        nobs1=200, alpha=0.04, power=0.8, ratio=1, alternative="larger"
    )

    assert 0.5 - found.attainable == pytest.approx(effect, rel=1e-4)
    assert found.attainable < found.detectable < 0.5


def fewest(fails, most):
    """Return the smallest count for which the judge says FAIL."""
    return next(k for k in range(most + 1) if fails(k))


@pytest.mark.parametrize(("trials", "bound"), [(99, 0.05), (500, 0.01), (31, 0.1)])
def test_the_failing_rate_is_the_judges(trials, bound):
    """By scipy's distribution, what the judge FAILs occurs there with chance 0.8; it is a leak."""
    question = Question("forget", "photos", "A", "match-rate", bound, alpha=0.04)
    least = fewest(lambda k: judge_rate(question, k, trials).outcome is Outcome.FAIL, trials)
    found = power.failing_rate(trials, bound)

    assert stats.binom.sf(least - 1, trials, found) == pytest.approx(0.8)
    assert power.power_of_rate(trials, bound, 0.04).detectable < bound < found


def test_the_failing_loss_is_the_judges():
    """The same of Tango's lower limit, were no pair gained."""
    question = Question("retention", "random", "A", "match-rate-loss", 0.02, alpha=0.04)
    least = fewest(lambda k: judge_loss(question, k, 0, 800).outcome is Outcome.FAIL, 800)

    found = power.failing_loss(800, 0.02)

    assert stats.binom.sf(least - 1, 800, found) == pytest.approx(0.8)
    assert power.power_of_loss(800, 0.02, 0.04).detectable < 0.02 < found


def test_the_failing_mean_lies_as_far_beyond_the_bound_as_statsmodels_says():
    """At 95 %, since FAIL needs that much however small alpha is."""
    effect = NormalIndPower().solve_power(
        nobs1=200, alpha=0.05, power=0.8, ratio=1, alternative="larger"
    )

    assert power.failing_mean(200, 0.5) - 0.5 == pytest.approx(effect, rel=1e-4)


def test_too_few_trials_fail_nothing():
    """One trial shows no breach of a tenth, one run no attack; with more, both are shown."""
    assert power.failing_rate(1, 0.1) is power.failing_success(1, 3) is None
    assert 0 < power.failing_rate(2, 0.1) < 1
    assert 0 < power.failing_success(2, 5) < 1


@pytest.mark.parametrize("runs", [24, 8])
def test_the_failing_success_rate_is_that_of_the_attacks_lines(runs):
    """As many successes FAIL by Fisher's test and, whenever they came, by the log-rank one."""
    strangers = [[None] * runs] * 3

    def counted(k):
        group = Group([0] * k + [None] * (runs - k), strangers, [0] * runs)
        return count_line("", "A", group, bound=0.25, alpha=0.04, control=0.5).outcome

    def timed(k):
        checks = (0, 5, 10, 20)
        steps = [checks[i % 4] for i in range(k)] + [None] * (runs - k)
        group = Group(steps, strangers, [0, 0])
        return speed_line("", "A", group, bound=2, alpha=0.04, checks=checks, photos=6).outcome

    least = fewest(lambda k: counted(k) is Outcome.FAIL, runs)

    assert [timed(k) is Outcome.FAIL for k in range(runs + 1)] == [
        k >= least for k in range(runs + 1)
    ]
    assert stats.binom.sf(least - 1, runs, power.failing_success(runs, 3)) == pytest.approx(0.8)


def test_a_policy_states_what_its_attacks_refuse():
    """Those that decide, under their signed names; none where none is asked for."""
    lines = power.attack_powers(Policy.load("strict"))

    assert [line.attack for line in lines] == [
        "embedding-search",
        "direction-arithmetic",
        "relearning",
    ]
    assert all(0 < line.fails < 0.5 for line in lines)
    assert power.attack_powers(Policy.load("standard")) == []


@pytest.mark.parametrize(("bound", "alpha", "least"), [(0.05, 0.05, 59), (0.01, 0.05, 299)])
def test_trials_needed(bound, alpha, least):
    """So many clean trials show the bound, and one fewer does not."""
    assert power.trials_needed(bound, alpha) == least
    assert limits.rate_upper(0, least, alpha) <= bound < limits.rate_upper(0, least - 1, alpha)


@pytest.mark.parametrize("name", ["quickstart", "standard"])
def test_every_claim_of_a_policy_states_its_power(name):
    """A shipped policy can be met: a better model than the bound passes, a worse one does not."""
    lines = power.claim_powers(Policy.load(name))

    assert {line.claim for line in lines} == {"forget", "retention", "quality", "no-face"}
    for line in lines:
        assert 0 <= line.power.attainable < line.power.detectable < line.bound
        assert line.alpha == 0.04
