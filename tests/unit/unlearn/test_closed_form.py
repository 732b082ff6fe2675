"""The start in closed form: what it leads where, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from govsdk.models.conditioning import encode_empty
from govsdk.models.generator import Generator
from govsdk.unlearn.closed_form import EMPTY, LINEAR, RIDGE, redirection, sparing
from govsdk.unlearn.people import People
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.training import Training

from .conftest import Crowd


def tokens(generator: Generator, conditions: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return generator.condition(conditions).flatten(0, 1).double()


def test_it_is_the_minimum_of_what_it_says(world: Path, crowd: Crowd) -> None:
    """The objective's gradient, by automatic differentiation, is zero at the matrix alone."""
    generator = Generator.load(world, device="cpu")
    photos, kept = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (crowd.subject, np.concatenate(crowd.retained))
    )
    own, others = tokens(generator, photos), tokens(generator, kept)
    wanted = tokens(generator, np.repeat(crowd.anchor[None], len(photos), axis=0))
    ridge = RIDGE * (own.T @ own).diagonal().mean()

    def slope(matrix: torch.Tensor) -> float:
        matrix = matrix.clone().requires_grad_(True)
        moved = own + own @ matrix.T - wanted
        harm = (others @ matrix.T).square().sum() * len(photos) / len(kept)
        (moved.square().sum() + 2.0 * harm + ridge * matrix.square().sum()).backward()
        assert matrix.grad is not None
        return float(matrix.grad.norm())

    found = redirection(generator, photos, crowd.anchor, kept, keep=2.0)

    assert slope(found) < 1e-8 < 1e-2 < slope(torch.zeros_like(found))


def test_keys_and_values_lead_to_the_anchor(world: Path, crowd: Crowd) -> None:
    """After it the subject's keys and values are nearer to the anchor's than to what they were."""
    generator = Generator.load(world, device="cpu")
    people = People.of(crowd.subject, crowd.anchor, crowd.retained)
    training = Training(generator, PiuSettings())
    own, wanted = tokens(generator, people.subject.photos), tokens(generator, crowd.anchor[None])
    wanted = wanted.repeat(len(people.subject.photos), 1)
    before = {n: p.detach().clone().double() for n, p in training.parameters.items()}

    conditions, kept = people.start(PiuSettings(), seed=1)
    training.start(redirection(generator, conditions, crowd.anchor, kept, keep=0.01))

    for name, weight in training.parameters.items():
        if name.endswith(LINEAR):
            goal = wanted @ before[name].T
            was, now = own @ before[name].T - goal, own @ weight.double().T - goal
            assert now.norm() < 0.5 * was.norm()
        else:
            assert torch.equal(weight.double(), before[name])


def test_steps_that_spare_go_where_others_have_little(world: Path, crowd: Crowd) -> None:
    """The matrix evens out the second moment of others' tokens, and is as long as no matrix."""
    generator, kept = Generator.load(world, device="cpu"), np.concatenate(crowd.retained)
    others = tokens(generator, kept)
    empty = encode_empty(generator.text_encoder, generator.tokenizer, 1)[0].double()
    moment = others.T @ others + EMPTY * len(kept) * (empty.T @ empty)

    matrix = sparing(generator, kept, floor=0.01)

    def spread(moment: torch.Tensor) -> float:
        values = torch.linalg.eigvalsh(moment)
        return float(values.max() / values.mean())

    assert spread(matrix @ moment @ matrix) < 0.3 * spread(moment)
    assert float(torch.linalg.eigvalsh(matrix).square().mean()) == pytest.approx(1)
    even = sparing(generator, kept, floor=1e6)
    torch.testing.assert_close(even, torch.eye(len(even), dtype=even.dtype), atol=1e-4, rtol=0)
