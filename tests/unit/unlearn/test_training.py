"""Gradient steps: PIU's loss, shared weights, memory and numbers that run out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from govsdk.errors import EmbeddingError, NonFiniteError, OutOfMemoryError, RequestError
from govsdk.models.generator import Generator
from govsdk.unlearn import losses
from govsdk.unlearn.closed_form import LINEAR, sparing
from govsdk.unlearn.people import People, Rows
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.training import Training

from .conftest import Crowd

SETTINGS = PiuSettings(micro_batch=4, accumulate=1, lr=1e-2)
SHAPE = (4, 8, 8)


@pytest.fixture
def training(world: Path) -> Training:
    return Training(Generator.load(world, device="cpu"), SETTINGS)


@pytest.fixture
def people(crowd: Crowd) -> People:
    return People.of(crowd.subject, crowd.anchor, crowd.retained, radius=0.8)


@pytest.fixture
def rows(people: People) -> Rows:
    return people.rows(SETTINGS, SHAPE, 5, 0)


def literal_loss(generator: Generator, rows: Rows, teacher: object) -> torch.Tensor:
    """Return PIU's loss word for word: three teacher passes and two student passes."""
    z, z2 = map(torch.from_numpy, rows.latents)
    t, t2 = map(torch.from_numpy, rows.timesteps)
    subject, anchor, kept = map(generator.condition, (rows.subject, rows.anchor, rows.kept))

    def noise(unet: object, z: torch.Tensor, t: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return unet(z, t, encoder_hidden_states=c).sample

    with torch.no_grad():
        of_anchor, of_subject = noise(teacher, z, t, anchor), noise(teacher, z, t, subject)
        target = of_anchor - 1.0 * (of_subject - of_anchor)
        of_kept = noise(teacher, z2, t2, kept)
    forget = (noise(generator.unet, z, t, subject) - target).square().mean()
    keep = (noise(generator.unet, z2, t2, kept) - of_kept).square().mean()
    return forget + 10.0 * keep


def test_loss_and_gradients_are_the_papers(training: Training, rows: Rows, world: Path) -> None:
    """After a few steps, loss and gradients equal those of the literal loop."""
    teacher = Generator.load(world, device="cpu").unet
    for number in range(3):
        training.step(rows, 4, number)
    parameters = list(training.parameters.values())

    literal = literal_loss(training.student, rows, teacher)

    ours = training.loss(rows)
    torch.testing.assert_close(ours, literal, rtol=1e-4, atol=1e-8)
    expected = torch.autograd.grad(literal, parameters)
    for mine, theirs in zip(torch.autograd.grad(ours, parameters), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)
    assert any(bool(gradient.abs().max() > 1e-5) for gradient in expected)


def test_target_lies_beyond_the_anchor() -> None:
    """With eta 0 the target is the anchor; with eta 1 it lies as far beyond as the subject is."""
    subject, anchor = torch.tensor([1.0]), torch.tensor([3.0])
    assert losses.redirected(anchor, subject, eta=0.0) == 3.0
    assert losses.redirected(anchor, subject, eta=1.0) == 5.0


def test_preservation_weighs_the_second_half() -> None:
    """The loss is the mean square of the first pair plus lambda times that of the second."""
    one, zero = torch.ones(2, 3), torch.zeros(2, 3)
    assert losses.piu(one, zero, one, one, preservation=10.0) == 1.0
    assert losses.piu(one, one, 2 * one, zero, preservation=10.0) == 40.0


def test_only_the_edited_layers_are_apart(training: Training, world: Path) -> None:
    """Teacher and student share each frozen tensor in memory, and the teacher never moves."""
    teacher = dict(training._teacher.named_parameters())
    before = {name: tensor.clone() for name, tensor in teacher.items()}
    rng = np.random.default_rng(0)
    subject, anchor, others = (rng.normal(size=s) for s in ((3, 16), (16,), (4, 1, 16)))
    moved = People.of(
        subject.astype(np.float32), anchor.astype(np.float32), list(others.astype(np.float32))
    )

    training.step(moved.rows(SETTINGS, SHAPE, 0, 0), 4, 0)

    for name, student in training.student.unet.named_parameters():
        assert (student is teacher[name]) == (name not in training.parameters)
        assert torch.equal(teacher[name], before[name])
        assert torch.equal(student, before[name]) == (name not in training.parameters)


def test_smaller_passes_give_the_same_gradient(training: Training, rows: Rows) -> None:
    """A step in four passes has the gradient of the step in one."""
    training._gradients(rows, 4, 0)
    whole = {name: p.grad.clone() for name, p in training.parameters.items()}

    training._gradients(rows, 1, 0)

    for name, parameter in training.parameters.items():
        torch.testing.assert_close(parameter.grad, whole[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["gpu", "cpu"],
)
def test_passes_are_halved_until_they_fit(
    training: Training, rows: Rows, error: RuntimeError
) -> None:
    """When memory runs out, a step goes on with half the rows at a time and says how many fit."""
    sizes: list[int] = []
    real = training.loss

    def limited(part: Rows) -> torch.Tensor:
        sizes.append(len(part))
        if len(part) > 1:
            raise error
        return real(part)

    training.loss = limited
    loss, fits = training.step(rows, 4, 0)

    assert (sizes, fits) == ([4, 2, 1, 1, 1, 1], 1)
    assert loss > 0


def test_out_of_memory_with_single_rows_is_an_error(training: Training, rows: Rows) -> None:
    """If not even one row fits, the typed error says so; another failure passes through."""

    def fails(error: RuntimeError) -> None:
        def loss(part: Rows) -> torch.Tensor:
            raise error

        training.loss = loss

    fails(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(OutOfMemoryError, match="one row at a time"):
        training.step(rows, 4, 0)
    fails(RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        training.step(rows, 4, 0)


def test_non_finite_loss_is_named(training: Training, rows: Rows) -> None:
    """A NaN in the loss stops the edit and changes nothing; without it the step is fine."""
    training.step(rows, 4, 6)
    before = {name: p.detach().clone() for name, p in training.parameters.items()}
    rows.latents[0][0] = np.nan

    with pytest.raises(NonFiniteError, match="the loss at step 7") as caught:
        training.step(rows, 4, 7)

    assert caught.value.facts == {"what": "loss", "step": 7}
    assert all(torch.equal(before[name], p) for name, p in training.parameters.items())


def test_non_finite_gradient_is_named(training: Training, rows: Rows) -> None:
    """An infinite gradient stops the edit, and the error names the parameter."""
    name, parameter = list(training.parameters.items())[7]
    parameter.register_hook(lambda gradient: gradient * float("inf"))

    with pytest.raises(NonFiniteError, match="gradient of") as caught:
        training.step(rows, 4, 2)

    assert caught.value.facts == {"what": name, "step": 2}


def test_steps_redirect_the_subject(world: Path, people: People) -> None:
    """On rows that were not trained on, the loss falls: that person's mixtures, those latents."""
    settings = PiuSettings(micro_batch=8, accumulate=1, lr=1e-3, lambda_=1.0)
    training = Training(Generator.load(world, device="cpu"), settings)
    held_out = people.rows(PiuSettings(), SHAPE, 6, 0)
    before = float(training.loss(held_out).detach())

    for number in range(20):
        training.step(people.rows(settings, SHAPE, 5, number), 8, number)

    assert float(training.loss(held_out).detach()) < 0.9 * before


def test_rows_of_a_step_depend_on_the_seed_alone(people: People) -> None:
    """The same step has the same rows whenever it is drawn; another step or seed has others."""
    one, same = people.rows(SETTINGS, SHAPE, 5, 3), people.rows(SETTINGS, SHAPE, 5, 3)

    assert np.array_equal(one.subject, same.subject)
    assert np.array_equal(one.latents[0], same.latents[0])
    assert not np.array_equal(one.latents[0], people.rows(SETTINGS, SHAPE, 5, 4).latents[0])
    assert not np.array_equal(one.latents[0], people.rows(SETTINGS, SHAPE, 6, 3).latents[0])
    np.testing.assert_allclose(one.latents[0].std(), 1, atol=0.06)


def test_a_third_of_the_rows_replays_earlier_subjects(crowd: Crowd) -> None:
    """With people forgotten earlier, a third of the subject's rows leads to their anchors."""
    kept = np.concatenate(crowd.retained)
    earlier = [(kept[:2] + 0.1, kept[3]), (crowd.subject[:1], crowd.anchor)]
    settings = PiuSettings(micro_batch=30, accumulate=1)
    target = kept[5]

    rows = People.of(crowd.subject, target, crowd.retained, earlier).rows(settings, SHAPE, 0, 0)

    assert (np.abs(rows.anchor - target).max(axis=1) < 1e-6).sum() == 20
    alone = People.of(crowd.subject, target, crowd.retained).rows(settings, SHAPE, 0, 0)
    assert (np.abs(alone.anchor - target).max(axis=1) < 1e-6).all()


def test_conditions_can_come_from_around_the_subject(people: People, crowd: Crowd) -> None:
    """From the distribution D, conditions reach further out than mixtures; it needs a radius."""
    centre = people.subject.photos.mean(axis=0)
    centre /= np.linalg.norm(centre)

    def reach(**shares: float) -> tuple[float, float]:
        settings = PiuSettings(micro_batch=64, accumulate=1, **shares)  # type: ignore[arg-type]  # shares are floats
        cosines = people.rows(settings, SHAPE, 0, 0).subject @ centre
        return float(cosines.min()), float(cosines.mean())

    mixtures, around, border = reach(), reach(distribution=1.0), reach(border=1.0)
    assert around[0] < mixtures[0] - 0.05
    assert reach(distribution=0.5)[0] < mixtures[0] - 0.05
    assert border[1] < around[1] - 0.05
    assert border[0] == pytest.approx(np.cos(0.8), abs=0.02)
    unbounded = People.of(crowd.subject, crowd.anchor, crowd.retained)
    with pytest.raises(RequestError, match="radius"):
        unbounded.rows(PiuSettings(distribution=0.5), SHAPE, 0, 0)


def test_half_of_the_draws_lead_to_others(crowd: Crowd) -> None:
    """Of the subject as of whoever is replayed, one row at a time: all draws are from D."""
    settings = PiuSettings(micro_batch=240, accumulate=1, distribution=1.0, replay=0.5)
    earlier = [(crowd.retained[0], crowd.anchor)]
    people = People.of(crowd.subject, crowd.anchor, crowd.retained[1:], earlier, radius=0.3)
    conditions, who = people.conditions(240, settings, np.random.default_rng(0))

    def leading(rows: np.ndarray, centre: np.ndarray) -> float:
        ways = [each - (each @ centre)[:, None] * centre for each in (rows, people.centroids)]
        ways = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in ways]
        return float(((ways[0] @ ways[1].T).max(axis=1) > 0.99).mean())

    shares = [
        leading(conditions[who == place], each.centroid)
        for place, each in enumerate(people.redirections)
    ]
    assert shares == pytest.approx([0.5, 0.5], abs=0.12)


def test_people_that_do_not_fit_are_refused(crowd: Crowd) -> None:
    """Nobody to forget, nobody to keep, and embeddings of two lengths are errors."""
    for subject, anchor, retained in [
        (crowd.subject[:0], crowd.anchor, crowd.retained),
        (crowd.subject, crowd.anchor, crowd.retained[:0]),
        (crowd.subject, crowd.anchor[:9], crowd.retained),
        (crowd.subject[:, :9], crowd.anchor, crowd.retained),
        (crowd.subject, crowd.anchor, [*crowd.retained, crowd.subject[:0]]),
    ]:
        with pytest.raises(EmbeddingError):
            People.of(subject, anchor, retained)


def test_steps_that_spare_move_others_less(world: Path, crowd: Crowd, people: People) -> None:
    """For the same rows, others' keys and values move less, beside what the subject's move."""

    def harm(spare: bool) -> float:
        training = Training(Generator.load(world, device="cpu"), SETTINGS)
        if spare:
            training.spare(sparing(training.teacher, people.photos, floor=0.01))
        before = {n: p.detach().clone() for n, p in training.parameters.items()}
        for number in range(3):
            training.step(people.rows(SETTINGS, SHAPE, 5, number), 4, number)
        read = training.student.condition(np.concatenate([people.photos, people.subject.photos]))
        moved = [
            (read @ (p.detach() - before[n]).T).flatten(1).norm(dim=1)
            for n, p in training.parameters.items()
            if n.endswith(LINEAR)
        ]
        rows = torch.stack(moved).mean(dim=0)
        return float(rows[: len(people.photos)].mean() / rows[len(people.photos) :].mean())

    assert harm(spare=True) < harm(spare=False)
