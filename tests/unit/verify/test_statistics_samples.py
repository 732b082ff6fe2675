"""Two-sample tests agree with scipy and with brute force, and keep their level."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from govsdk.verify.statistics_samples import means_differ, rates_differ, scores_differ


@pytest.mark.parametrize(
    ("first", "second"),
    [((0, 24), (5, 24)), ((3, 10), (3, 10)), ((0, 8), (0, 9)), ((40, 60), (12, 31))],
)
def test_rates_differ_is_fishers_exact_test(first, second):
    """Two sides, by point probabilities, as scipy has it."""
    table = [[hits, n - hits] for hits, n in (first, second)]

    assert rates_differ(first, second) == pytest.approx(stats.fisher_exact(table).pvalue)


@pytest.mark.parametrize(
    ("n", "m", "shift"),
    [(1, 1, 0.3), (5, 7, 0.0), (40, 40, 0.8), (30, 100, 0.3), (250, 500, 2.0)],
)
def test_scores_differ_is_the_exact_ks_test(n, m, shift):
    """Without ties the p-value is scipy's exact one, in the precision of cosines too."""
    rng = np.random.default_rng(n)
    first, second = rng.normal(size=n), rng.normal(shift, 1, size=m).astype(np.float32)

    expected = stats.ks_2samp(first, second, method="exact").pvalue
    assert scores_differ(first, second) == pytest.approx(expected, abs=1e-9)


def test_scores_differ_counts_every_relabelling():
    """Against brute force over all 462 ways to split eleven scores."""
    scores = np.random.default_rng(4).normal(size=11)

    def gap(chosen):
        first, second = scores[list(chosen)], np.delete(scores, list(chosen))
        return max(abs((first <= x).mean() - (second <= x).mean()) for x in scores)

    observed = gap(range(5))
    as_far = [gap(chosen) >= observed - 1e-9 for chosen in combinations(range(11), 5)]
    assert scores_differ(scores[:5], scores[5:]) == pytest.approx(np.mean(as_far))


def test_means_differ_is_near_the_full_permutation_test():
    """Against all relabellings of ten scores, within Monte-Carlo error."""
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=5), rng.normal(1, 1, size=5)
    full = stats.permutation_test(
        (first, second), lambda a, b: abs(a.mean() - b.mean()), alternative="greater"
    )

    assert means_differ(first, second, rng) == pytest.approx(full.pvalue, abs=0.015)


def test_equal_samples_never_differ_and_distant_ones_do():
    """The two ends of every test."""
    rng, same = np.random.default_rng(6), np.linspace(0, 1, 20)

    assert rates_differ((2, 20), (2, 20)) == scores_differ(same, same) == 1
    assert means_differ(same, same, rng) == 1
    assert scores_differ(same, same[:0]) == 1  # nothing speaks; other rules refuse no sample
    assert max(rates_differ((0, 20), (20, 20)), scores_differ(same, same + 2)) < 1e-6
    assert means_differ(same, same + 2, rng) == 1e-4


def test_the_tests_keep_their_level():
    """Over 500 pairs of samples from one source, about 5 % or fewer are called different."""
    rng = np.random.default_rng(7)
    hits = rng.binomial(24, 0.2, size=(500, 2))
    rates = [rates_differ((int(a), 24), (int(b), 24)) for a, b in hits]
    scores = [scores_differ(*rng.normal(size=(2, 20))) for _ in range(500)]

    for found in (rates, scores):
        assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)
