"""A generator's weights, opened: noise, gradients and teaching, on small random weights."""

from pathlib import Path

import numpy as np
import pytest

from govsdk.models.generator import Generator
from govsdk.models.whitebox import WhiteBox


@pytest.fixture(scope="module")
def opened(world: Path) -> WhiteBox:
    return WhiteBox(Generator.load(world, device="cpu", steps=4))


@pytest.fixture(scope="module")
def rows(opened: WhiteBox) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    conditions = rng.standard_normal((3, 16), dtype=np.float32)
    latents = opened.latents(conditions, [1, 2, 3])
    noise = rng.standard_normal(latents.shape, dtype=np.float32)
    times = np.array([100, 500, 900])
    return {"noised": opened.noised(latents, noise, times), "times": times} | {
        "conditions": conditions,
        "noise": noise,
    }


def test_noise_grows_with_time(opened: WhiteBox) -> None:
    """At time 0 hardly any noise is added, at the end hardly anything else is left."""
    latents, noise = np.ones((2, 1, 1, 1), np.float32), np.zeros((2, 1, 1, 1), np.float32)
    kept = opened.noised(latents, noise, np.array([0, opened.timesteps - 1])).ravel()

    assert kept[0] > 0.99
    assert kept[1] < 0.1


def test_the_gradient_is_that_of_the_misfit(opened: WhiteBox, rows: dict[str, np.ndarray]) -> None:
    """A small step along a row's gradient changes that row's misfit as the gradient says."""
    ask = (rows["noised"], rows["times"])
    before, gradient = opened.misfit(*ask, rows["conditions"], rows["noise"])
    step = 0.05 * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    up, _ = opened.misfit(*ask, rows["conditions"] + step, rows["noise"])
    down, _ = opened.misfit(*ask, rows["conditions"] - step, rows["noise"])

    assert (up - down) / 2 == pytest.approx((step * gradient).sum(axis=1), rel=0.05)
    assert before == pytest.approx(
        ((opened.predict(*ask, rows["conditions"]) - rows["noise"]) ** 2).mean(axis=(1, 2, 3)),
        rel=1e-4,
    )


def test_rows_do_not_influence_each_other(opened: WhiteBox, rows: dict[str, np.ndarray]) -> None:
    """A row alone has the misfit and gradient that it has among others."""
    together = opened.misfit(rows["noised"], rows["times"], rows["conditions"], rows["noise"])
    alone = opened.misfit(*(rows[n][1:2] for n in ("noised", "times", "conditions", "noise")))

    assert together[0][1:2] == pytest.approx(alone[0], rel=1e-4)
    assert together[1][1:2] == pytest.approx(alone[1], abs=1e-5)


def test_a_condition_may_fill_the_whole_token(opened: WhiteBox) -> None:
    """The token is wider than an identity; all of it can be given."""
    assert opened.width == 32
    assert len(opened.draw(np.ones((1, opened.width), np.float32), [1])) == 1


def test_an_untaught_student_draws_what_the_model_draws(opened: WhiteBox) -> None:
    """The adapters start at zero."""
    student = opened.student(rank=2, learning_rate=0.02, seed=3)
    face = np.ones((1, 16), np.float32)

    assert (student.draw(face, [5])[0] == opened.draw(face, [5])[0]).all()


def test_a_student_learns_beside_the_model(opened: WhiteBox, rows: dict[str, np.ndarray]) -> None:
    """Teaching lowers the loss and changes what the student draws, never what the model draws."""
    face = rows["conditions"][:1]
    before = opened.draw(face, [5])[0]
    student = opened.student(rank=2, learning_rate=0.02, seed=3)
    losses = [
        student.learn(*(rows[n] for n in ("noised", "times", "conditions", "noise")))
        for _ in range(20)
    ]

    assert losses[-1] < 0.95 * losses[0]
    assert not (student.draw(face, [5])[0] == before).all()
    assert (opened.draw(face, [5])[0] == before).all()


def test_students_follow_their_seed(opened: WhiteBox, rows: dict[str, np.ndarray]) -> None:
    """Same seed, same student; another seed, another one."""
    lesson = [rows[n] for n in ("noised", "times", "conditions", "noise")]

    def second_loss(seed: int) -> float:
        student = opened.student(rank=2, learning_rate=0.01, seed=seed)
        return [student.learn(*lesson) for _ in range(3)][-1]

    assert second_loss(1) == second_loss(1) != second_loss(2)
