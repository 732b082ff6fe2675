"""The folder of five components."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from govsdk.errors import MissingModelError, ModelCorruptError
from govsdk.models import layout
from govsdk.models.generator import Generator


@pytest.mark.parametrize("component", [part.name for part in layout.COMPONENTS])
def test_missing_component_is_named(world: Path, tmp_path: Path, component: str) -> None:
    """A folder without one of the components is refused, and the error says which."""
    shutil.copytree(world, tmp_path / "model")
    assert layout.resolve(tmp_path / "model") == tmp_path / "model"

    shutil.rmtree(tmp_path / "model" / component)

    with pytest.raises(MissingModelError, match=component) as caught:
        layout.resolve(tmp_path / "model")
    assert caught.value.facts["component"] == component


def test_hub_name_outside_the_cache_fails_at_once(tmp_path: Path) -> None:
    """A hub name that is not cached is an error, not a download."""
    with pytest.raises(MissingModelError, match="not in the local cache"):
        layout.resolve("FoivosPar/Arc2Face", cache_dir=tmp_path)


def test_hub_name_resolves_from_the_cache(world: Path, tmp_path: Path) -> None:
    """A hub name leads to the snapshot that the cache holds."""
    snapshot = tmp_path / "models--someone--faces" / "snapshots" / ("0" * 40)
    shutil.copytree(world, snapshot)
    (tmp_path / "models--someone--faces" / "refs").mkdir()
    (tmp_path / "models--someone--faces" / "refs" / "main").write_text("0" * 40)

    assert layout.resolve("someone/faces", cache_dir=tmp_path) == snapshot


def test_missing_folder_is_an_error() -> None:
    """A path that does not exist is not taken for a hub name."""
    with pytest.raises(MissingModelError, match="no such model folder"):
        layout.resolve("/nowhere/to/be/found")


def test_copy_leaves_second_copies_of_the_weights_behind(world: Path, tmp_path: Path) -> None:
    """Files that are no part of the model in use do not travel."""
    shutil.copytree(world, tmp_path / "model")
    (tmp_path / "model" / "arc2face" / "diffusion_pytorch_model.bin").write_bytes(b"old weights")
    (tmp_path / "model" / "notes.txt").write_text("old weights")

    layout.copy(tmp_path / "model", tmp_path / "copy")

    copied = {p.relative_to(tmp_path / "copy") for p in (tmp_path / "copy").rglob("*.*")}
    assert copied == set(layout.files(world))
    for path in copied:
        assert (tmp_path / "copy" / path).read_bytes() == (world / path).read_bytes()


def test_pickled_encoder_becomes_safetensors(world: Path, tmp_path: Path) -> None:
    """Upstream's ``pytorch_model.bin`` is read as plain tensors and written as safetensors."""
    shutil.copytree(world, tmp_path / "model")
    tensors = load_file(tmp_path / "model" / "encoder" / "model.safetensors")
    (tmp_path / "model" / "encoder" / "model.safetensors").unlink()
    torch.save(tensors, tmp_path / "model" / "encoder" / "pytorch_model.bin")

    layout.copy(tmp_path / "model", tmp_path / "copy")

    assert not (tmp_path / "copy" / "encoder" / "pytorch_model.bin").exists()
    copied = load_file(tmp_path / "copy" / "encoder" / "model.safetensors")
    assert all(torch.equal(copied[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("content", ["bomb", {"x": 1}, [1]])
def test_pickle_of_anything_else_is_refused(world: Path, tmp_path: Path, content: object) -> None:
    """A pickle with anything but named tensors in it is neither executed nor copied."""
    shutil.copytree(world, tmp_path / "model")
    (tmp_path / "model" / "encoder" / "model.safetensors").unlink()
    content = {"x": _Bomb()} if content == "bomb" else content
    torch.save(content, tmp_path / "model" / "encoder" / "pytorch_model.bin")

    with pytest.raises(ModelCorruptError, match="encoder"):
        layout.copy(tmp_path / "model", tmp_path / "copy")
    with pytest.raises(ModelCorruptError, match="encoder"):
        Generator.load(tmp_path / "model", device="cpu")


class _Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("the pickle ran",)
