"""Limits of mean losses."""

import numpy as np
import pytest

from govsdk.verify import statistics
from govsdk.verify.statistics import mean_loss


def test_mean_loss_is_measured_in_spreads_of_the_first_pictures():
    """A shift by half the spread is a loss of 0.5, whatever the scale; a gain is negative."""
    rng = np.random.default_rng(0)
    before = rng.normal(20, 4, 400)
    loss = mean_loss(before, before - 2, 0.05, rng)
    gain = mean_loss(before / 10, before / 10 + 0.2, 0.05, rng)

    assert loss.value == pytest.approx(2 / before.std())
    assert gain.value == pytest.approx(-loss.value)
    assert loss.lower <= loss.value <= loss.upper


def test_mean_loss_is_the_same_however_much_is_drawn_at_once(monkeypatch):
    """Many pairs would not fit into memory together."""
    before, after = np.random.default_rng(0).normal(0, 1, (2, 30))
    at_once = mean_loss(before, after, 0.05, np.random.default_rng(1))
    monkeypatch.setattr(statistics, "_AT_ONCE", 100)

    assert mean_loss(before, after, 0.05, np.random.default_rng(1)) == at_once
    assert mean_loss(before, after, 0.05, np.random.default_rng(2)) != at_once


@pytest.mark.parametrize(("pairs", "alpha", "panels"), [(40, 0.04, 150), (300, 0.01, 1000)])
def test_mean_loss_keeps_its_error_rates(pairs, alpha, panels):
    """Over simulated panels each one-sided limit misses the truth about as often as it says."""
    rng = np.random.default_rng(1)
    missed_above = missed_below = 0
    for _ in range(panels):
        before = rng.normal(0, 1, pairs)
        after = before - 0.3 + rng.normal(0, 0.5, pairs)
        estimate = mean_loss(before, after, alpha, rng)
        missed_above += estimate.upper < 0.3
        missed_below += estimate.lower > 0.3

    assert missed_above / panels < alpha + 3 * np.sqrt(alpha * (1 - alpha) / panels)
    assert missed_below / panels < 0.05 + 3 * np.sqrt(0.05 * 0.95 / panels)


def test_a_constant_scale_hides_no_loss():
    """Qualities that never vary lose nothing when unchanged, and hugely when changed."""
    rng, same = np.random.default_rng(2), np.ones(20)

    assert mean_loss(same, same, 0.05, rng).upper == 0
    assert mean_loss(same, same - 0.01, 0.05, rng).lower > 100
