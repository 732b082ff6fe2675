"""A recogniser's torch module, written as a file again."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from govsdk.errors import ModelCorruptError, OutOfMemoryError
from govsdk.models.modules import ONNX, onnx_bytes, require_written, twin_of, write_module
from govsdk.models.recognisers import UNSCALED, Recogniser
from govsdk.ports import Picture
from tests.unit.models.test_memory import ALLOCATORS


class Net(nn.Module):
    """A small recogniser that scales pictures by itself in one of three ways, the last none."""

    def __init__(self, scaling: str) -> None:
        super().__init__()
        self.scaling = scaling
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 8, 5, 4), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(8 * 36, 16)),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if self.scaling == "multiplies":
            pictures = (pictures - 127.5) * 0.0078125
        if self.scaling == "divides":
            pictures = (pictures - 127.5) / 128
        rows: torch.Tensor = self.layers(pictures)
        return rows


def net(scaling: str) -> nn.Module:
    torch.manual_seed(0)
    return Net(scaling).eval()


def exported_before(module: nn.Module, path: Path) -> Recogniser:
    """Return the recogniser as exporters wrote it that named nodes by what they do."""
    network = onnx.load_from_string(onnx_bytes(module, side=112))
    for place, (node, kind) in enumerate(zip(network.graph.node, ("Sub", "Mul"), strict=False)):
        node.name = f"{kind}_{place}"
    onnx.save(network, path)
    return Recogniser.load(path, "R", device="cpu")


def pictures() -> list[Picture]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (112, 112, 3), dtype=np.uint8) for _ in range(3)]


def test_a_network_that_scales_pictures_is_written_as_one(tmp_path: Path) -> None:
    """What is written is given pictures as the original was, and says what the module says."""
    module = net("multiplies")
    before = exported_before(module, tmp_path / "before.onnx")
    twin_of(before, module, pictures())

    write_module(module, tmp_path, before)

    after = Recogniser.load(tmp_path / ONNX, "R", device="cpu")
    require_written(after, module, before, pictures())
    one, other = (each.embed(pictures()).embeddings for each in (before, after))
    assert before.scale == after.scale == UNSCALED
    np.testing.assert_allclose(other, one, atol=1e-5)
    (tmp_path / "plain.onnx").write_bytes(onnx_bytes(module, side=112))
    plain = Recogniser.load(tmp_path / "plain.onnx", "R", device="cpu")
    assert plain.scale != UNSCALED, "as torch names the nodes, it would be scaled twice"


class Pair(Net):
    """Returns its embeddings' lengths, too."""

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = super().forward(pictures)
        return rows, rows.norm(dim=1)


class Asking(Net):
    """Wants to be told something else besides."""

    def forward(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return super().forward(pictures) + labels


@pytest.mark.parametrize("kind", [Pair, Asking])
def test_a_network_that_gives_or_asks_for_more_is_refused(kind: type[Net], tmp_path: Path) -> None:
    """With an error of ours, whatever foreign code raises; its plain form is taken."""
    before, module = exported_before(net("multiplies"), tmp_path / "before.onnx"), net("multiplies")
    twin_of(before, module, pictures())
    other = kind("multiplies").eval()
    other.load_state_dict(module.state_dict())
    with pytest.raises(ModelCorruptError, match="does not read"):
        twin_of(before, other, pictures())


@pytest.mark.parametrize("full", ALLOCATORS)
def test_a_network_beyond_the_memory_is_not_another_one(full: Exception, tmp_path: Path) -> None:
    before, module = exported_before(net("multiplies"), tmp_path / "before.onnx"), net("multiplies")
    module.forward = Mock(side_effect=full)
    with pytest.raises(OutOfMemoryError, match="network"):
        twin_of(before, module, pictures())


def test_a_network_that_does_not_scale_stays_so(tmp_path: Path) -> None:
    module = net("does not")
    (tmp_path / "before.onnx").write_bytes(onnx_bytes(module, side=112))
    before = Recogniser.load(tmp_path / "before.onnx", "R", device="cpu")

    write_module(module, tmp_path, before)

    after = Recogniser.load(tmp_path / ONNX, "R", device="cpu")
    require_written(after, module, before, pictures())
    assert before.span == after.span == (-1, 1)


def test_what_was_written_must_be_the_module(tmp_path: Path) -> None:
    """Scaling that the file does not show, and another network, are refused."""
    module, before = net("divides"), exported_before(net("divides"), tmp_path / "before.onnx")
    twin_of(before, module, pictures())
    write_module(module, tmp_path, before)
    after = Recogniser.load(tmp_path / ONNX, "R", device="cpu")
    with pytest.raises(ModelCorruptError, match="does not show"):
        require_written(after, module, before, pictures())

    other = net("divides")
    with torch.no_grad():
        other.layers[0].weight.neg_()
    with pytest.raises(ModelCorruptError, match="different recognisers"):
        require_written(after, other, after, pictures())
