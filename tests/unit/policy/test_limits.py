"""The limits agree with scipy, with brute force and with their definitions."""

from bisect import bisect_right
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from govsdk.policy import limits

CASES = [(0, 99), (1, 99), (5, 99), (98, 99), (99, 99), (0, 2995), (17, 800), (1000, 2000)]


@pytest.mark.parametrize(("events", "trials"), CASES)
@pytest.mark.parametrize("alpha", [0.05, 0.04, 0.01])
def test_rate_limits_are_clopper_pearson(events, trials, alpha):
    """Both one-sided limits are the beta quantiles of scipy."""
    upper = 1.0 if events == trials else stats.beta.ppf(1 - alpha, events + 1, trials - events)
    lower = 0.0 if events == 0 else stats.beta.ppf(alpha, events, trials - events + 1)

    assert limits.rate_upper(events, trials, alpha) == pytest.approx(upper, abs=1e-9)
    assert limits.rate_lower(events, trials, alpha) == pytest.approx(lower, abs=1e-9)


@pytest.mark.parametrize(("trials", "bound"), [(99, 0.05), (500, 0.01), (800, 0.05)])
def test_a_model_within_the_bound_rarely_fails(trials, bound):
    """Summed over every outcome: FAIL rests on a lower limit, and is wrong in 5 of 100 at most."""
    fails = [k for k in range(trials + 1) if limits.rate_lower(k, trials, 0.05) > bound]
    at_bound, within, beyond = (
        stats.binom.sf(fails[0] - 1, trials, rate) for rate in (bound, bound / 2, 3 * bound)
    )

    assert fails == list(range(fails[0], trials + 1))
    assert within < at_bound <= 0.05
    assert beyond > 0.6


@pytest.mark.parametrize(("trials", "bound"), [(59, 0.05), (299, 0.01), (2995, 0.001)])
def test_zero_events_follow_the_rule_of_three(trials, bound):
    """The smallest numbers of clean trials are those of the textbooks, and one fewer is too few."""
    assert limits.rate_upper(0, trials, 0.05) <= bound < limits.rate_upper(0, trials - 1, 0.05)
    assert limits.rate_upper(0, trials, 0.05) == pytest.approx(3 / trials, rel=0.03)


@pytest.mark.parametrize(
    ("trials", "bound", "alpha", "allowed"),
    [
        (99, 0.05, 0.04, 1),
        (98, 0.05, 0.04, 0),
        (99, 0.05, 0.01, 0),
        (500, 0.01, 0.04, 1),
        (500, 0.01, 0.01, 0),
        (50, 0.05, 0.04, None),
    ],
)
def test_allowed_events(trials, bound, alpha, allowed):
    """The shipped numbers of trials allow one hit at the first attempt and none at the second."""
    assert limits.allowed_events(trials, bound, alpha) == allowed


@given(st.integers(1, 300), st.sampled_from([0.01, 0.05, 0.5]), st.sampled_from([0.05, 0.01]))
def test_allowed_events_are_those_whose_limit_is_within_the_bound(trials, bound, alpha):
    """So many pass, and one more does not."""
    allowed = limits.allowed_events(trials, bound, alpha)
    passing = -1 if allowed is None else allowed

    assert passing < 0 or limits.rate_upper(passing, trials, alpha) <= bound + 1e-12
    assert limits.rate_upper(passing + 1, trials, alpha) > bound - 1e-12


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200), st.sampled_from([0.05, 0.01]))
def test_loss_limits_enclose_the_estimate_and_mirror_each_other(lost, gained, same, alpha):
    """Lower <= estimate <= upper, and swapping before and after swaps the limits."""
    pairs = lost + gained + same + 1
    lower = limits.loss_lower(lost, gained, pairs, alpha)
    upper = limits.loss_upper(lost, gained, pairs, alpha)

    assert -1 <= lower <= (lost - gained) / pairs <= upper <= 1
    assert upper == -limits.loss_lower(gained, lost, pairs, alpha)


@pytest.mark.parametrize(("lost", "gained", "pairs"), [(6, 2, 100), (12, 2, 50), (0, 3, 40)])
def test_loss_limit_solves_the_score_equation(lost, gained, pairs):
    """At the limit, the score statistic with a numerically maximised likelihood equals z."""
    limit = limits.loss_upper(lost, gained, pairs, 0.05)

    def minus_likelihood(gain):
        loss = gain + limit
        same = 1 - gain - loss
        return -(
            lost * np.log(loss) + gained * np.log(gain) + (pairs - lost - gained) * np.log(same)
        )

    top = (1 - limit) / 2
    found = optimize.minimize_scalar(
        minus_likelihood, bounds=(1e-12, top - 1e-12), method="bounded"
    )
    spread = np.sqrt(pairs * (2 * found.x + limit - limit**2))

    assert (pairs * limit - (lost - gained)) / spread == pytest.approx(1.6449, abs=1e-3)


def test_unchanged_pairs_have_a_closed_form():
    """Without any change the limit is z^2 / (n + z^2)."""
    z = stats.norm.ppf(0.96)

    assert limits.smallest_loss_bound(100, 0.04) == pytest.approx(z**2 / (100 + z**2))


def test_loss_limit_keeps_its_error_rate():
    """Over 2,000 simulated panels whose loss lies at the bound, about 5 % pass."""
    rng = np.random.default_rng(3)
    cells = rng.multinomial(400, [0.05, 0.03, 0.92], size=2000)
    passed = np.mean([limits.loss_upper(int(b), int(c), 400, 0.05) <= 0.02 for b, c, _ in cells])

    assert 0.03 < passed < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize(
    ("pairs", "bound", "alpha", "most"),
    [
        (800, 0.02, 0.04, 0.0418),
        (300, 0.05, 0.04, 0.0393),
        (300, 0.1, 0.04, 0.0402),
        (800, 0.02, 0.01, 0.0099),
        (300, 0.05, 0.01, 0.0099),
        (800, 0.02, 0.05, 0.0498),
    ],
)
def test_tangos_limit_accepts_little_more_than_alpha(pairs, bound, alpha, most):
    """Every outcome counted: at a true loss on the bound so many panels pass where alpha may.

    The largest over how often pairs are gained, from never to one in ten; for 800 pairs it is where
    none is gained and 9 losses pass.
    """
    gained = np.arange(pairs // 4)  # more have a chance below 1e-9
    passing = np.array([_most_lost(int(k), pairs, bound, alpha) for k in gained])
    accepted = {
        gain: stats.binom.pmf(gained, pairs, gain)
        @ stats.binom.cdf(passing, pairs - gained, (bound + gain) / (1 - gain))
        for gain in (0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
    }
    print({gain: round(float(share), 4) for gain, share in accepted.items()})  # noqa: T201  docs/what_it_proves.md names it

    assert max(accepted.values()) == pytest.approx(most, abs=5e-5)
    if (pairs, alpha) == (800, 0.04):
        assert accepted[0] == max(accepted.values()) == stats.binom.cdf(9, 800, 0.02)
        assert passing[0] == 9


def _most_lost(gained, pairs, bound, alpha):
    """Return the most lost pairs that pass beside so many gained ones; -1: not even none."""
    limit = partial(limits.loss_upper, gained=gained, pairs=pairs, alpha=alpha)
    return bisect_right(range(pairs - gained + 1), bound, key=limit) - 1


def test_no_trials_say_nothing():
    """Without trials, rates lie anywhere in [0, 1] and losses anywhere in [-1, 1]."""
    assert (limits.rate_lower(0, 0, 0.05), limits.rate_upper(0, 0, 0.05)) == (0, 1)
    assert (limits.loss_lower(0, 0, 0, 0.05), limits.loss_upper(0, 0, 0, 0.05)) == (-1, 1)
