"""Looks at an edit under way: the same pictures each time, counted by their likeness alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from govsdk.models.generator import Generator
from govsdk.ports import Embedded, Float32, Picture
from govsdk.unlearn.looking import PICTURES, Looks
from govsdk.unlearn.mixtures import unit
from tests.unit.unlearn.conftest import Crowd


class Seer:
    """Sees ``shown`` in every second picture and its opposite in the others; keeps them all."""

    name, sha256 = "A", "0" * 64

    def __init__(self, shown: Float32) -> None:
        self.shown = shown
        self.pictures: list[list[Picture]] = []

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        self.pictures.append(list(pictures))
        signs = np.where(np.arange(len(pictures)) % 2, -1, 1).astype(np.float32)
        return Embedded(signs[:, None] * self.shown, np.ones(len(pictures), np.float32))


def test_a_look_counts_what_shows_the_subject(world: Path, crowd: Crowd) -> None:
    """Half of it here, nothing above what can be reached; drawn as in use, and always alike."""
    centroid = unit(crowd.subject.mean(axis=0, keepdims=True))[0]
    seer = Seer(centroid)
    looks = Looks(
        subject=crowd.subject,
        others=np.concatenate(crowd.retained),
        radius=0.5,
        embedder=seer,
        threshold=0.5,
        steps=1,
        guidance=1.0,
        seed=7,
    )
    student = Generator.load(world, device="cpu", steps=2)

    assert looks(student) == pytest.approx(0.5)
    assert replace(looks, threshold=1.5)(student) == 0
    first, again = seer.pictures
    assert len(first) == PICTURES
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert student.steps == 2
    replace(looks, seed=8)(student)
    assert not np.array_equal(first[0], seer.pictures[2][0])
