"""A small untrained generator and people to forget and to keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from govsdk.ports import Float32
from tests.untrained import write_untrained

DIMENSION = 16


@dataclass(frozen=True)
class Crowd:
    subject: Float32
    anchor: Float32
    retained: list[Float32]
    """Of each person one photo."""


def directions(rng: np.random.Generator, *shape: int) -> Float32:
    rows = rng.normal(size=(*shape, DIMENSION)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator that nobody changes."""
    return write_untrained(tmp_path_factory.mktemp("world"))


@pytest.fixture
def crowd() -> Crowd:
    rng = np.random.default_rng(1)
    photos = directions(rng) + 0.3 * directions(rng, 6)
    return Crowd(photos, directions(rng), list(directions(rng, 12, 1)))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
