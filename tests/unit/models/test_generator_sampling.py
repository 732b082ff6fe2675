"""Drawing under another sampler, and from a picture instead of noise."""

from pathlib import Path

import numpy as np
import pytest
import torch

from govsdk.errors import RequestError
from govsdk.models.generator import SCHEDULERS, Generator
from govsdk.models.whitebox import WhiteBox
from govsdk.ports import Sampler
from govsdk.reference import people, renderer, world
from tests.unit.models.test_generator import embeddings
from tests.untrained import write_untrained


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untrained(tmp_path_factory.mktemp("untrained"))


@pytest.fixture(scope="module")
def generator(untrained: Path) -> Generator:
    return Generator.load(untrained, device="cpu", steps=6)


def distance(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    return float(np.abs(np.stack(first).astype(int) - np.stack(second)).mean())


def test_the_generator_is_a_sampler(generator: Generator) -> None:
    """Probes find both capabilities."""
    assert isinstance(generator, Sampler)


@pytest.mark.parametrize("setting", [{"steps": 9}, {"guidance": 7.0}, {"scheduler": "euler"}])
def test_one_setting_changes_the_picture_and_not_the_generator(
    generator: Generator, setting: dict[str, object]
) -> None:
    """The variation draws something else; the plain generator draws as before."""
    faces = embeddings(2)
    plain = generator.draw(faces, [1, 2])
    other = generator.resampled(**setting)

    assert distance(other.draw(faces, [1, 2]), plain) > 0
    assert distance(generator.draw(faces, [1, 2]), plain) == 0


def test_every_scheduler_draws_the_same_person(generator: Generator) -> None:
    """With many steps both samplers of one model come near the same picture."""
    faces = embeddings(3)
    drawn = [
        generator.resampled(steps=40, guidance=1.0, scheduler=name).draw(faces, [1, 2, 3])
        for name in ("dpm-solver", "ddim")
    ]

    assert distance(*drawn) < 0.25 * distance(drawn[0], drawn[0][1:] + drawn[0][:1])


def test_an_unknown_scheduler_is_refused(generator: Generator) -> None:
    """The message lists those there are."""
    with pytest.raises(RequestError, match=", ".join(SCHEDULERS)):
        generator.resampled(scheduler="heun")


def test_a_weak_redraw_keeps_the_picture_and_a_strong_one_does_not() -> None:
    """On the shipped world, one step of twenty leaves a photo, whomever it is asked to draw."""
    fine = Generator.load(world.generator_dir(), device="cpu", steps=20)
    photos = [renderer.photo(renderer.person(seed), 0) for seed in people.DEMO_PEOPLE[:2]]
    other = np.random.default_rng(0).normal(size=(2, 128)).astype(np.float32)
    weak, strong = (fine.redraw(photos, other, [1, 2], strength=s) for s in (0.05, 1.0))

    assert distance(weak, photos) < 0.4 * distance(strong, photos)


def test_a_redraw_reads_pictures_of_any_size(generator: Generator) -> None:
    """A photo twice as large gives nearly the same."""
    faces = embeddings(1)
    (photo,) = generator.draw(faces, [5])
    large = np.kron(photo, np.ones((2, 2, 1), dtype=np.uint8))
    drawn = [generator.redraw([each], faces, [1], strength=0.3) for each in (photo, large)]

    assert drawn[0][0].shape == drawn[1][0].shape
    assert distance(*drawn) < 2


@pytest.mark.parametrize("strength", [0.0, 1.1])
def test_a_strength_outside_its_range_is_refused(generator: Generator, strength: float) -> None:
    """Nothing to run, or more than everything."""
    with pytest.raises(RequestError, match="strength"):
        generator.redraw(generator.draw(embeddings(1), [1]), embeddings(1), [1], strength=strength)


def test_states_are_those_that_drawing_passes(generator: Generator) -> None:
    """The first state is each seed's noise; what is recorded is what the network sees there."""
    faces, opened = embeddings(2), WhiteBox(generator)

    passed = generator.passed(faces, [1, 2])

    assert passed.latents.shape == passed.given.shape == (12, *generator.latent_shape)
    noise = torch.randn(generator.latent_shape, generator=torch.Generator().manual_seed(2))
    np.testing.assert_allclose(passed.latents[6], noise.numpy(), atol=1e-6)
    assert list(np.diff(passed.timesteps[6:]) < 0) == [True] * 5
    seen = opened.predict(passed.latents, passed.timesteps, np.repeat(faces, 6, axis=0))
    np.testing.assert_allclose(passed.given, seen, atol=1e-5)
    assert float(np.abs(passed.given - passed.empty).max()) > 1e-4


def test_states_without_guidance_are_those_that_drawing_passes(generator: Generator) -> None:
    """What the network sees under the empty condition is recorded there, too, and steers nothing:
    each state but the first follows from what was seen under the given condition alone.
    """
    faces, plain = embeddings(1), generator.resampled(guidance=1.0)
    passed, guided = plain.passed(faces, [1]), generator.passed(faces, [1])

    asked: list[torch.Tensor] = []
    hook = plain.unet.register_forward_pre_hook(lambda _, args: asked.append(args[0][0]))
    plain.draw(faces, [1])
    hook.remove()

    np.testing.assert_allclose(passed.latents, torch.stack(asked).numpy(), atol=1e-5)
    assert float(np.abs(passed.latents[1:] - guided.latents[1:]).max()) > 1e-4
    assert float(np.abs(passed.given - passed.empty).max()) > 1e-4
