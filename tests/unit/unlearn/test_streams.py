"""Streams of random numbers that never meet."""

from itertools import combinations
from typing import get_args

import numpy as np

from govsdk.unlearn.streams import Purpose, stream


def first(seed: int, purpose: Purpose, step: int) -> bytes:
    return stream(seed, purpose, step).integers(2**62, size=4).tobytes()


def test_no_purpose_shares_numbers_with_another() -> None:
    """Nor a step with another, nor a seed; and of each the same numbers come again."""
    asked = [
        (seed, purpose, step)
        for seed in (0, 1, 7, 2**32 - 1)
        for purpose in get_args(Purpose)
        for step in (0, 1, 2, 7)
    ]
    numbers = {each: first(*each) for each in asked}

    assert all(numbers[one] != numbers[other] for one, other in combinations(asked, 2))
    assert all(numbers[each] == first(*each) for each in asked)


def test_why_the_purpose_stands_last() -> None:
    """numpy takes a seed's missing words for zeros; no stream here ends in one."""
    plain, padded = (np.random.default_rng(words).integers(2**62) for words in ([7], [7, 0]))

    assert plain == padded
    assert stream(7, "start").integers(2**62) != plain
