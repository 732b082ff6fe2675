"""Dependence is measured as statsmodels measures it, and limits that respect it keep their rate."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from govsdk.policy.limits import rate_lower, rate_upper
from govsdk.verify.statistics_clusters import (
    clustered_mean,
    effective_rate,
    effective_size,
    intraclass_correlation,
)


def nested(rng, people, each, share):
    """Return scores of ``people`` with ``each`` trials of which ``share`` of the variance is."""
    clusters = np.repeat(np.arange(people), each)
    own = rng.normal(size=people)[clusters] * np.sqrt(share)
    return own + rng.normal(size=len(clusters)) * np.sqrt(1 - share), clusters


@pytest.mark.parametrize("sizes", [[5] * 8, [2, 9, 4, 1, 7]])
def test_correlation_is_that_of_the_anova_table(sizes):
    """Mean squares come from statsmodels; equal and unequal clusters."""
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    scores = rng.normal(size=len(clusters)) + rng.normal(size=len(sizes))[clusters]
    table = anova_lm(ols("y ~ C(g)", pd.DataFrame({"y": scores, "g": clusters})).fit())
    between, within = table["mean_sq"]
    n, k = len(clusters), len(sizes)
    size = (n - np.square(sizes).sum() / n) / (k - 1)

    expected = (between - within) / (between + (size - 1) * within)
    assert intraclass_correlation(scores, clusters) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_correlation_finds_the_share_that_clusters_have(share):
    """Over 200 people with 10 trials each, within three of its standard errors."""
    scores, clusters = nested(np.random.default_rng(1), 200, 10, share)

    assert intraclass_correlation(scores, clusters) == pytest.approx(share, abs=0.09)


def test_without_repetition_there_is_no_correlation():
    """One trial each, one cluster, or no variation: 0, and no division by zero."""
    scores = np.array([0.1, 0.5, 0.2])

    assert intraclass_correlation(scores, np.arange(3)) == 0
    assert intraclass_correlation(scores, np.zeros(3, int)) == 0
    assert intraclass_correlation(np.ones(4), np.array([0, 0, 1, 1])) == 0


@pytest.mark.parametrize(
    ("each", "correlation", "divided"), [(8, 0.3, 3.1), (25, 0.5, 13), (1, 0.9, 1), (8, -0.4, 1)]
)
def test_effective_size_divides_by_the_design_effect(each, correlation, divided):
    """Eight alike trials of a photo count as 2.6; a negative correlation never adds trials."""
    clusters = np.repeat(np.arange(40), each)

    assert effective_size(clusters, correlation) == pytest.approx(40 * each / divided)


def test_effective_limits_are_wider_and_never_without_width():
    """A hit in 100 trials worth 30 is judged on 30; no hit leaves the limit of 30 clean trials."""
    few = effective_rate(1, 100, 30.7, 0.05)

    assert few.upper == rate_upper(1, 30, 0.05) > rate_upper(1, 100, 0.05)
    assert few.lower == 0 < few.value == 0.01
    assert effective_rate(0, 100, 30.7, 0.05).upper == rate_upper(0, 30, 0.05)


def test_independent_trials_keep_their_own_limits():
    """Seven hits in 25 trials worth 25 are judged as seven, not as eight."""
    same = effective_rate(7, 25, 25.0, 0.05)

    assert (same.lower, same.upper) == (rate_lower(7, 25, 0.05), rate_upper(7, 25, 0.05))


def test_a_bootstrap_over_clusters_keeps_its_coverage_and_one_over_trials_does_not():
    """Over 150 panels of 40 people: about 95 % below the upper limit, against far fewer."""
    rng, covered, naive = np.random.default_rng(2), 0, 0
    for _ in range(150):
        scores, clusters = nested(rng, 40, 8, 0.5)
        covered += clustered_mean(scores, clusters, 0.05, rng).upper >= 0
        naive += scores.mean() + 1.645 * scores.std(ddof=1) / np.sqrt(len(scores)) >= 0

    assert covered / 150 > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 150)
    assert naive / 150 < 0.9


@pytest.mark.parametrize("photos", [4, 6, 10])
@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6])
def test_a_trial_for_each_photo_covers_however_few_photos(photos, alike, rate):
    """Over 400 audits: photos that leak always or never, all the same, or between the two."""
    rng, above, clusters = np.random.default_rng(4), 0, np.repeat(np.arange(photos), 25)
    for _ in range(400):
        leak = np.where(rng.random(photos) < alike, rng.random(photos) < rate, rate)
        hits = rng.random(len(clusters)) < leak[clusters]
        above += effective_rate(int(hits.sum()), len(hits), photos, 0.05).upper < rate

    assert above / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_an_estimated_size_does_not_cover_where_photos_are_few():
    """Of 400 audits of 4 photos that leak always or never, many limits lie below the truth."""
    rng, above, clusters = np.random.default_rng(5), 0, np.repeat(np.arange(4), 25)
    for _ in range(400):
        hits = (rng.random(4) < 0.3)[clusters]
        size = effective_size(clusters, intraclass_correlation(hits * 1.0, clusters))
        above += effective_rate(int(hits.sum()), 100, size, 0.05).upper < 0.3

    assert above / 400 > 0.15


def test_effective_limits_keep_their_coverage_on_leaky_photos():
    """Over 400 audits with photos that leak or do not, the truth exceeds few upper limits."""
    rng, above = np.random.default_rng(3), 0
    clusters = np.repeat(np.arange(30), 10)
    for _ in range(400):
        leak = rng.beta(0.5, 4.5, size=30)  # a mean of 0.1, and photos that are much alike
        hits = rng.random(300) < leak[clusters]
        size = effective_size(clusters, intraclass_correlation(hits * 1.0, clusters))
        above += effective_rate(int(hits.sum()), 300, size, 0.05).upper < 0.1

    assert above / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
