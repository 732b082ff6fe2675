"""Names that come twice are found, however many there are."""

from __future__ import annotations

import pytest

from govsdk.ledger.names import Names

MANY = 270_000
"""Enough for about half of the 256 buckets to be written out."""


@pytest.mark.parametrize("again", [0, MANY // 2, MANY - 1])
def test_one_name_twice_among_many(again: int) -> None:
    """The first, the last and any other name is found again; without it nothing is."""
    with Names() as names:
        for number in range(MANY):
            names.add(f"e{number}")
        assert not names.twice()

        names.add(f"e{again}")

        assert names.twice()


def test_no_names() -> None:
    """None is not twice, and one is not either."""
    with Names() as names:
        assert not names.twice()
        names.add("e")
        assert not names.twice()
