"""Distances of faces agree with brute force and with scipy."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from govsdk.verify.distances import frechet_distance, kernel_distance


def rows(n, seed=0, shift=0.0):
    values = np.random.default_rng(seed).normal(size=(n, 6))
    values[:, 0] += shift
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.mark.parametrize("n", [12, 15])
def test_kernel_distance_is_the_unbiased_sum_over_pairs(n):
    """By loops: no row meets itself, and in sets of one size no pair meets itself."""
    first, second = rows(12), rows(n, 1)

    def mean(a, b, itself):
        return np.mean(
            [(x @ y + 1) ** 3 for i, x in enumerate(a) for j, y in enumerate(b) if itself or i != j]
        )

    expected = mean(first, first, False) + mean(second, second, False)
    expected -= 2 * mean(first, second, n != 12)
    assert kernel_distance(first, second) == pytest.approx(expected)


def test_frechet_distance_is_the_closed_form():
    """With scipy's matrix root."""
    first, second = rows(60), rows(80, 1, 1.0)
    c1, c2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shift = first.mean(axis=0) - second.mean(axis=0)

    expected = shift @ shift + np.trace(c1 + c2 - 2 * np.real(sqrtm(c1 @ c2)))
    assert frechet_distance(first, second) == pytest.approx(expected)


@pytest.mark.parametrize("distance", [kernel_distance, frechet_distance])
def test_distances_see_a_shift_and_nothing_else(distance):
    """Sets from one source lie near zero, shifted ones far above."""
    floor = abs(distance(rows(200), rows(200, 1)))

    assert distance(rows(200), rows(200, 1, 2.0)) > 3 * floor
    assert distance(rows(200), rows(200)) == pytest.approx(0, abs=0.05)
