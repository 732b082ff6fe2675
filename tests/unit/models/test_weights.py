"""Replacing tensors of a model on disk."""

import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from govsdk.errors import BackendError, DiskFullError, ModelCorruptError
from govsdk.models import weights
from govsdk.models.generator import Generator
from govsdk.models.manifest import manifest_of

UNET = Path("arc2face", "diffusion_pytorch_model.safetensors")
NAME = "mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"


def test_only_the_replaced_tensor_changes(world: Path, tmp_path: Path) -> None:
    """Everything else is bit by bit the source's, and the result loads."""
    before = load_file(world / UNET)

    weights.write(world, tmp_path / "edited", {NAME: before[NAME] + 1})

    after = load_file(tmp_path / "edited" / UNET)
    assert torch.equal(after[NAME], before[NAME] + 1)
    assert weights.differing(world, tmp_path / "edited") == {NAME}
    found = manifest_of(tmp_path / "edited")
    assert manifest_of(world).differences(found) == (UNET.as_posix(),)
    assert Generator.load(tmp_path / "edited", device="cpu").latent_shape == (4, 8, 8)


def test_nothing_replaced_is_a_copy(world: Path, tmp_path: Path) -> None:
    """Without an edit the bytes are the source's; an earlier candidate in the way is removed."""
    (tmp_path / "edited").mkdir()
    (tmp_path / "edited" / "leftover").write_text("x")

    weights.write(world, tmp_path / "edited", {})

    assert manifest_of(tmp_path / "edited").digest() == manifest_of(world).digest()


def test_a_written_model_is_on_the_disk(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes before its name: the ledger names it next."""
    done: list[tuple[str, Path, bool]] = []
    target = tmp_path / "edited"
    for name in ("sync_tree", "sync_folder"):
        monkeypatch.setattr(
            weights, name, lambda path, name=name: done.append((name, path, target.exists()))
        )

    weights.write(world, target, {})

    assert done == [
        ("sync_tree", tmp_path / ".edited.partial", False),
        ("sync_folder", tmp_path, True),
    ]


def test_number_format_of_the_file_is_kept(world: Path, tmp_path: Path) -> None:
    """A float32 edit of a float16 model is written as float16."""
    half = Path(shutil.copytree(world, tmp_path / "half"))
    tensors = {name: tensor.half() for name, tensor in load_file(world / UNET).items()}
    save_file(tensors, half / UNET, metadata={"format": "pt"})

    weights.write(half, tmp_path / "edited", {NAME: tensors[NAME].float() + 1})

    assert {t.dtype for t in load_file(tmp_path / "edited" / UNET).values()} == {torch.float16}


def test_unknown_tensor_is_refused(world: Path, tmp_path: Path) -> None:
    """A name or shape that the model does not have is an error, and no model appears."""
    for name, tensor in {"nobody": torch.zeros(1), NAME: torch.zeros(1)}.items():
        with pytest.raises(ModelCorruptError, match=name):
            weights.write(world, tmp_path / "edited", {name: tensor})
    assert not (tmp_path / "edited").exists()


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (SafetensorError("I/O error: No space left on device (os error 28)"), DiskFullError),
        (OSError(28, "No space left on device"), DiskFullError),
        (SafetensorError("I/O error: Permission denied (os error 13)"), BackendError),
        (SafetensorError("something else"), BackendError),
    ],
    ids=["full", "full by another way", "forbidden", "unknown"],
)
def test_failed_write_leaves_nothing(
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    error: type[BackendError],
) -> None:
    """If the file cannot be written, no model appears, and a full disk is told apart."""

    def fails(*_: object) -> None:
        raise failure

    replaced = {NAME: weights.read(world, [NAME])[NAME] + 1}
    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", fails)
        with pytest.raises(error) as caught:
            weights.write(world, tmp_path / "edited", replaced)
    assert type(caught.value) is error
    assert list(tmp_path.iterdir()) == []

    weights.write(world, tmp_path / "edited", replaced)
    assert weights.differing(world, tmp_path / "edited") == {NAME}
