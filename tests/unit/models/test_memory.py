"""Pictures that do not fit into memory together are drawn by fewer at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from govsdk.errors import OutOfMemoryError
from govsdk.models.memory import in_batches
from govsdk.ports import Picture

ALLOCATORS = [
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
]


class Card:
    """Draws numbered pictures, no more than ``room`` at a time."""

    def __init__(self, room: int, full: RuntimeError) -> None:
        self.room, self.full = room, full
        self.asked: list[int] = []

    def __call__(self, batch: slice) -> list[Picture]:
        numbers = range(batch.start, batch.stop)
        self.asked.append(len(numbers))
        if len(numbers) > self.room:
            raise self.full
        return [np.full((1, 1, 3), number, np.uint8) for number in numbers]


@pytest.mark.parametrize("full", ALLOCATORS)
@pytest.mark.parametrize(("room", "asked"), [(8, [8, 5]), (3, [8, 4, 2, 2, 2, 2, 2, 2, 1])])
def test_batches_are_halved_until_they_fit(full: RuntimeError, room: int, asked: list[int]) -> None:
    """Every picture comes once and in order, whatever the batches."""
    card = Card(room, full)

    drawn = in_batches(card, 13, 8)

    assert [int(picture[0, 0, 0]) for picture in drawn] == list(range(13))
    assert card.asked == asked


@pytest.mark.parametrize("full", ALLOCATORS)
def test_one_picture_that_does_not_fit_is_an_error_of_ours(full: RuntimeError) -> None:
    """And whatever else goes wrong is not taken for a lack of memory."""
    with pytest.raises(OutOfMemoryError, match="one picture at a time"):
        in_batches(Card(0, full), 5, 4)
    with pytest.raises(RuntimeError, match="something else"):
        in_batches(Card(0, RuntimeError("something else")), 5, 4)
