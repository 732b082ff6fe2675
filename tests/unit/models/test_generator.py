"""Loading the generator and drawing with it."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from govsdk.errors import (
    EmbeddingError,
    MissingModelError,
    ModelCorruptError,
    NonFiniteError,
    OutOfMemoryError,
    RequestError,
)
from govsdk.models.generator import Generator
from tests.unit.models.test_memory import ALLOCATORS

UNET = Path("arc2face", "diffusion_pytorch_model.safetensors")
ENCODER = Path("encoder", "model.safetensors")
VAE = Path("vae", "diffusion_pytorch_model.safetensors")
FILES = pytest.mark.parametrize("file", [UNET, ENCODER, VAE], ids=lambda path: path.parts[0])


@pytest.fixture(scope="module")
def generator(world: Path) -> Generator:
    return Generator.load(world, device="cpu", steps=4)


def embeddings(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)


def test_same_seed_gives_the_same_picture(world: Path, generator: Generator) -> None:
    """Another load of the same files draws the same bits; another seed or person does not."""
    again = Generator.load(world, device="cpu", steps=4)
    faces = embeddings(2)

    first = generator.draw(faces, [7, 7])

    assert np.array_equal(first, again.draw(faces, [7, 7]))
    assert not np.array_equal(first, generator.draw(faces, [7, 8]))
    assert not np.array_equal(first[0], first[1])
    assert first[0].shape == (16, 16, 3)
    assert first[0].dtype == np.uint8


def test_picture_does_not_depend_on_its_neighbours(generator: Generator) -> None:
    """Drawn alone or among 40 others, a picture is the same to one grey level."""
    faces = embeddings(40)

    together = generator.draw(faces, range(40))

    for i in (0, 33):
        alone = generator.draw(faces[i : i + 1], [i])[0]
        assert np.abs(alone.astype(int) - together[i]).max() <= 1


@pytest.mark.parametrize("algorithm", ["dpmsolver++", "sde-dpmsolver++"])
def test_drawing_agrees_with_the_stock_pipeline(world: Path, algorithm: str) -> None:
    """Our loop draws what StableDiffusionPipeline draws from the same conditions and seeds."""
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    generator = Generator.load(world, device="cpu", steps=4)
    generator.scheduler |= {"algorithm_type": algorithm}
    faces = embeddings(2)
    pipeline = StableDiffusionPipeline(
        vae=generator.vae,
        text_encoder=generator.text_encoder,
        tokenizer=generator.tokenizer,
        unet=generator.unet,
        scheduler=DPMSolverMultistepScheduler.from_config(generator.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    empty = generator.tokenizer("", padding="max_length", max_length=8, return_tensors="pt")

    stock = pipeline(
        prompt_embeds=generator.condition(faces),
        negative_prompt_embeds=generator.text_encoder(empty.input_ids)[0].expand(2, -1, -1),
        num_inference_steps=4,
        guidance_scale=3.0,
        generator=[torch.Generator().manual_seed(seed) for seed in (1, 2)],
        output_type="np",
    ).images

    ours = np.stack(generator.draw(faces, [1, 2]))
    assert np.abs(ours - stock * 255).max() <= 1


@pytest.mark.parametrize(
    "place", ["torch.nn.Module.to", "diffusers.UNet2DConditionModel.from_pretrained"]
)
@pytest.mark.parametrize("full", ALLOCATORS)
def test_networks_beyond_the_memory_are_an_error_of_ours(
    world: Path, monkeypatch: pytest.MonkeyPatch, place: str, full: Exception
) -> None:
    """Not a damaged file, nor an error of torch's."""
    monkeypatch.setattr(place, Mock(side_effect=full))
    with pytest.raises(OutOfMemoryError, match="the generator itself"):
        Generator.load(world, device="cpu")


def test_files_in_half_precision_are_computed_in_single(world: Path, tmp_path: Path) -> None:
    """Gradients are taken in what is loaded, and small ones vanish in half precision."""
    model = Path(shutil.copytree(world, tmp_path / "model"))
    tensors = {name: tensor.half() for name, tensor in load_file(world / UNET).items()}
    save_file(tensors, model / UNET, metadata={"format": "pt"})

    unet = Generator.load(model, device="cpu").unet

    assert {parameter.dtype for parameter in unet.parameters()} == {torch.float32}
    assert all(torch.equal(p, tensors[name].float()) for name, p in unet.named_parameters())


def test_upstreams_pickled_encoder_draws_the_same(world: Path, tmp_path: Path) -> None:
    """Arc2Face's ``encoder/pytorch_model.bin`` loads as plain tensors, with the same pictures."""
    model = Path(shutil.copytree(world, tmp_path / "model"))
    torch.save(load_file(model / ENCODER), model / "encoder" / "pytorch_model.bin")
    (model / ENCODER).unlink()
    faces = embeddings(2)

    drawn = Generator.load(model, device="cpu", steps=2).draw(faces, [1, 2])

    assert np.array_equal(drawn, Generator.load(world, device="cpu", steps=2).draw(faces, [1, 2]))


def test_guidance_of_one_skips_the_empty_condition(world: Path, generator: Generator) -> None:
    """At scale 1 the formula has no empty part: half the passes, the same picture to one level."""
    plain = Generator.load(world, device="cpu", steps=4, guidance=1.0)
    near = Generator.load(world, device="cpu", steps=4, guidance=1.0 + 1e-7)
    faces = embeddings(1)
    rows: list[int] = []
    plain.unet.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))

    drawn = plain.draw(faces, [3])[0].astype(int)

    assert set(rows) == {1}
    assert np.abs(drawn - near.draw(faces, [3])[0]).max() <= 1
    assert np.abs(drawn - generator.draw(faces, [3])[0]).max() > 1


@FILES
def test_missing_tensor_is_an_error(world: Path, tmp_path: Path, file: Path) -> None:
    """A file that lacks a tensor never loads with a random one in its place."""
    model = Path(shutil.copytree(world, tmp_path / "model"))
    tensors = load_file(model / file)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, model / file, metadata={"format": "pt"})

    with pytest.raises(ModelCorruptError, match=f"{file.parts[0]}.*1 missing"):
        Generator.load(model, device="cpu")


@FILES
def test_unexpected_tensor_is_an_error(world: Path, tmp_path: Path, file: Path) -> None:
    """A file with a tensor that the network does not know is refused."""
    model = Path(shutil.copytree(world, tmp_path / "model"))
    tensors = load_file(model / file) | {"surprise": torch.zeros(3)}
    save_file(tensors, model / file, metadata={"format": "pt"})

    with pytest.raises(ModelCorruptError, match=f"{file.parts[0]}.*1 unexpected"):
        Generator.load(model, device="cpu")


@FILES
def test_tensor_of_another_shape_is_an_error(world: Path, tmp_path: Path, file: Path) -> None:
    """A tensor whose shape does not fit the configuration is refused."""
    model = Path(shutil.copytree(world, tmp_path / "model"))
    tensors = load_file(model / file)
    name = max(tensors, key=lambda key: tensors[key].numel())
    tensors[name] = torch.zeros(5, 5)
    save_file(tensors, model / file, metadata={"format": "pt"})

    with pytest.raises(ModelCorruptError, match=file.parts[0]):
        Generator.load(model, device="cpu")


@FILES
def test_truncated_file_is_an_error(world: Path, tmp_path: Path, file: Path) -> None:
    """Half a file is refused, and the error names the component."""
    model = Path(shutil.copytree(world, tmp_path / "model"))
    data = (model / file).read_bytes()
    (model / file).write_bytes(data[: len(data) // 2])

    with pytest.raises(ModelCorruptError, match=file.parts[0]) as caught:
        Generator.load(model, device="cpu")
    assert caught.value.facts["component"] == file.parts[0]


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    """No folder, no attempt to find it elsewhere."""
    with pytest.raises(MissingModelError, match="arc2face"):
        Generator.load(tmp_path / "nothing")


def test_wrong_calls_are_refused(generator: Generator, world: Path) -> None:
    """Seeds must match rows, embeddings must be finite directions, devices must exist."""
    with pytest.raises(RequestError, match="1 seeds for 2"):
        generator.draw(embeddings(2), [1])
    with pytest.raises(EmbeddingError):
        generator.draw(np.full((1, 16), np.nan, np.float32), [1])
    with pytest.raises(RequestError, match="no device"):
        Generator.load(world, device="abacus")
    assert generator.draw(embeddings(0), []) == []


def test_non_finite_pictures_are_an_error(world: Path) -> None:
    """Broken weights raise instead of drawing black squares."""
    broken = Generator.load(world, device="cpu", steps=2)
    broken.draw(embeddings(1), [1])
    broken.unet.conv_out.bias.fill_(float("nan"))

    with pytest.raises(NonFiniteError):
        broken.draw(embeddings(1), [1])
