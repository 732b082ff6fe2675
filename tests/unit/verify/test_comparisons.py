"""Exact comparisons agree with scipy and with brute force, and their limits cover."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from govsdk.verify.comparisons import difference_upper, fisher_greater, slowed, sooner


@pytest.mark.parametrize("counts", [(0, 24, 0, 72), (3, 24, 1, 72), (24, 24, 0, 72), (5, 8, 9, 24)])
def test_fisher_is_scipys(counts):
    """The one-sided exact p is that of scipy."""
    events, runs, other, others = counts
    table = [[events, runs - events], [other, others - other]]

    assert fisher_greater(*counts) == pytest.approx(
        stats.fisher_exact(table, alternative="greater").pvalue
    )


@pytest.mark.parametrize(("runs", "others"), [(8, 24), (24, 24)])
@pytest.mark.parametrize("alpha", [0.05, 0.04, 0.01])
def test_the_limit_of_a_difference_covers(runs, others, alpha):
    """Summed over every outcome, the limit is too low with chance at most alpha, at any rates."""
    grid = np.linspace(0, 1, 21)
    limits = np.array(
        [
            [difference_upper(k, runs, j, others, alpha) for j in range(others + 1)]
            for k in range(runs + 1)
        ]
    )
    first = stats.binom.pmf(np.arange(runs + 1), runs, grid[:, None])
    second = stats.binom.pmf(np.arange(others + 1), others, grid[:, None])
    missed = [
        first[i] @ (limits < grid[i] - grid[j] - 1e-12) @ second[j]
        for i in range(len(grid))
        for j in range(len(grid))
    ]

    assert 0 < max(missed) <= alpha


def test_the_limit_leaves_room_for_a_good_edit():
    """No success in 24 and in 72 runs shows a difference below 25 points, at either attempt."""
    assert difference_upper(0, 24, 0, 72, 0.04) < difference_upper(0, 24, 0, 72, 0.01) < 0.25
    assert difference_upper(24, 24, 0, 72, 0.04) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_the_log_rank_test_is_the_permutation_test(seed):
    """Counting ties together gives the p that trying every division of the runs gives."""
    rng = np.random.default_rng(seed)
    steps = [None if s > 20 else int(s) for s in rng.choice([0, 5, 10, 20, 40], 11)]
    first, second = steps[:4], steps[4:]
    ends = np.array([1e9 if s is None else s for s in steps])
    at_risk = np.array([(ends >= e).sum() for e in ends])
    events = ends < 1e9
    scores = events - np.array([(events / at_risk)[ends <= e].sum() for e in ends])
    sums = [scores[list(chosen)].sum() for chosen in combinations(range(11), 4)]

    assert sooner(first, second) == pytest.approx(
        np.mean(np.array(sums) >= scores[:4].sum() - 1e-9)
    )


def test_the_log_rank_test_agrees_with_scipys_approximation():
    """On groups of the size in use, the exact p and scipy's normal approximation are close."""
    first, second = [5] * 4 + [10] * 3 + [20], [5] * 5 + [10] * 9 + [20] * 6 + [40] * 4
    theirs = stats.logrank(first, second, alternative="greater").pvalue

    assert sooner(first, second) == pytest.approx(theirs, abs=0.02)
    assert sooner(first, second) < 0.05 < sooner(second, first)


def test_runs_that_never_succeed_decide_nothing():
    """Where nobody succeeds, neither group is sooner."""
    assert sooner([None] * 8, [None] * 24) == 1.0
    assert sooner([0] * 8, [None] * 24) < 1e-6
    with pytest.raises(ValueError, match="without runs"):
        sooner([], [1])


def test_slowing_down_takes_the_least_that_a_run_may_have_needed():
    """What was learned by 20 steps, and not by 10, took at least 11; no step stays no step."""
    checks = (0, 5, 10, 20, 40)

    assert slowed([0, 5, 10, 20, 40, None], 1, checks) == [0, 5, 10, 20, 40, None]
    assert slowed([0, 5, 10, 20, 40, None], 2, checks) == [0, 5, 20, 40, None, None]
    assert slowed([5], 8, checks) == [10]
