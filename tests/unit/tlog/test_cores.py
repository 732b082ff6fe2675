"""Work on all cores."""

from __future__ import annotations

import pytest

from govsdk.tlog.cores import on_all_cores


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_in_order(size: int) -> None:
    """Results come in the order of the items, however many there are."""
    assert on_all_cores(str, range(size)) == [str(each) for each in range(size)]


def test_a_failure_is_not_lost() -> None:
    """What one item raises is raised."""
    with pytest.raises(ZeroDivisionError):
        on_all_cores(lambda each: 1 // (each - 90), range(100))
