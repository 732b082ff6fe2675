"""Rows that do not fit into memory together go through the networks by fewer at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from govsdk.errors import OutOfMemoryError
from govsdk.models.generator import Generator
from govsdk.models.memory import in_batches, whole
from govsdk.models.whitebox import WhiteBox
from govsdk.ports import Picture

ALLOCATORS = [
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]


class Card:
    """Draws numbered pictures, no more than ``room`` at a time."""

    def __init__(self, room: int, full: Exception) -> None:
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
def test_batches_are_halved_until_they_fit(full: Exception, room: int, asked: list[int]) -> None:
    """Every picture comes once and in order, whatever the batches."""
    card = Card(room, full)

    parts = in_batches(card, 13, 8)

    assert [int(picture[0, 0, 0]) for part in parts for picture in part] == list(range(13))
    assert card.asked == asked


def test_nothing_is_asked_for_twice() -> None:
    """Where fewer rows are left than are asked for at most, it is they that are halved."""
    card = Card(1, ALLOCATORS[0])
    in_batches(card, 3, 32)

    assert card.asked == [3, 1, 1, 1]


@pytest.mark.parametrize("full", ALLOCATORS)
def test_one_row_that_does_not_fit_is_an_error_of_ours(full: Exception) -> None:
    """And whatever else goes wrong is not taken for a lack of memory."""
    with pytest.raises(OutOfMemoryError, match="one row at a time"):
        in_batches(Card(0, full), 5, 4)
    with pytest.raises(RuntimeError, match="something else"):
        in_batches(Card(0, RuntimeError("something else")), 5, 4)


@pytest.mark.parametrize("full", ALLOCATORS)
def test_what_cannot_be_halved_is_an_error_of_ours(full: Exception) -> None:
    """And whatever else goes wrong is not taken for a lack of memory."""
    with pytest.raises(OutOfMemoryError, match="the whole thing"), whole("the whole thing"):
        raise full
    with pytest.raises(RuntimeError, match="something else"), whole("the whole thing"):
        raise RuntimeError("something else")


Pass = Callable[[WhiteBox], object]

ROWS = 5
CONDITIONS = np.random.default_rng(0).standard_normal((ROWS, 16), dtype=np.float32)
LATENTS = np.random.default_rng(1).standard_normal((ROWS, 4, 8, 8), dtype=np.float32)
TIMES, SEEDS = np.full(ROWS, 500), range(ROWS)
GREY = [np.full((16, 16, 3), 128, np.uint8)] * ROWS


def taught(opened: WhiteBox) -> object:
    """Return what a student says after two steps."""
    student = opened.student(rank=2, learning_rate=1e-3, seed=0)
    return [student.learn(LATENTS, TIMES, CONDITIONS, LATENTS) for _ in range(2)]


PASSES: dict[str, Pass] = {
    "draw": lambda opened: opened.draw(CONDITIONS, SEEDS),
    "redraw": lambda opened: opened._generator.redraw(GREY, CONDITIONS, SEEDS, strength=0.5),
    "passed": lambda opened: opened._generator.passed(CONDITIONS, SEEDS).given,
    "latents": lambda opened: opened.latents(CONDITIONS, SEEDS),
    "predict": lambda opened: opened.predict(LATENTS, TIMES, CONDITIONS),
    "misfit": lambda opened: opened.misfit(LATENTS, TIMES, CONDITIONS, LATENTS)[1],
    "learn": taught,
}


@pytest.mark.parametrize("kind", PASSES)
def test_every_pass_is_halved(world: Path, kind: str) -> None:
    """Fewer rows at a time give what all of them give, up to rounding; of a student, the same
    losses after the same steps. If not even one fits, an error of ours says so."""
    opened = WhiteBox(Generator.load(world, device="cpu", steps=2))
    unhindered = PASSES[kind](opened)
    room, most = 4, 0

    def limited(_: object, given: tuple[torch.Tensor, ...]) -> None:
        nonlocal most
        if len(given[0]) > room:
            raise ALLOCATORS[0]
        most = max(most, len(given[0]))

    # Guidance shows the network every picture twice.
    opened._generator.unet.register_forward_pre_hook(limited)
    by_fewer = PASSES[kind](opened)

    levels = 1 if "draw" in kind else 1e-4
    np.testing.assert_allclose(
        np.array(by_fewer, float), np.array(unhindered, float), atol=levels, rtol=1e-4
    )
    assert 0 < most <= room
    room = 0
    with pytest.raises(OutOfMemoryError, match="one row at a time"):
        PASSES[kind](opened)
