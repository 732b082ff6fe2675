"""Which parameters are edited, and the U-Net in two halves."""

from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

from govsdk.errors import ModelCorruptError, PolicyError
from govsdk.models.generator import Generator
from govsdk.unlearn.layers import edited, first_down_block, modules
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.split import lower, require_equal, upper

BLOCKS = PiuSettings().blocks


@pytest.fixture(scope="module")
def sd15() -> UNet2DConditionModel:
    """Stable Diffusion 1.5's U-Net without its numbers."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=64,
            cross_attention_dim=768,
            attention_head_dim=8,
            block_out_channels=(320, 640, 1280, 1280),
        )


def test_counts_are_the_papers(sd15: UNet2DConditionModel) -> None:
    """On SD-1.5 the four groups hold 36.87 M of 859.5 M parameters, in 9 modules."""
    chosen = edited(sd15, BLOCKS)

    assert sum(p.numel() for p in sd15.parameters()) == 859_520_964
    assert sum(p.numel() for p in chosen.values()) == 36_873_600
    assert len(chosen) == 45
    assert len(modules(chosen)) == 9
    everywhere = [*(f"down_blocks.{i}" for i in range(3)), "mid_block"]
    everywhere += [f"up_blocks.{i}" for i in range(1, 4)]
    assert sum(p.numel() for p in edited(sd15, everywhere).values()) == 43_962_560


def test_block_without_cross_attention_is_an_error(sd15: UNet2DConditionModel) -> None:
    """A group that holds nothing to edit is named, also if its name begins another's; and so are
    those that hold something."""
    for block in ("up_blocks.0", "up_block", "down_blocks", "elsewhere"):
        with pytest.raises(PolicyError, match=f"in {block}; it has in down_blocks.0, .*mid_block"):
            edited(sd15, [*BLOCKS, block])


@pytest.mark.parametrize("cut", range(5))
def test_halves_make_the_whole(world: Path, cut: int) -> None:
    """Wherever the network is cut, both halves compute the stock forward pass to the bit."""
    unet = Generator.load(world, device="cpu").unet
    latents, condition = torch.randn(3, 4, 8, 8), torch.randn(3, 8, 32)
    times = torch.tensor([3, 500, 999])

    half = lower(unet, cut, latents, times, condition)

    stock = unet(latents, times, encoder_hidden_states=condition).sample
    assert torch.equal(upper(unet, cut, half), stock)
    some = upper(unet, cut, half.rows(torch.tensor([2, 0])))
    torch.testing.assert_close(some, stock[[2, 0]])
    assert not half.sample.requires_grad


def test_unknown_architecture_is_refused(world: Path) -> None:
    """A network with a part that the halves do not know is not edited."""
    unet = Generator.load(world, device="cpu").unet
    latents, condition = torch.randn(1, 4, 8, 8), torch.randn(1, 8, 32)
    require_equal(unet, 2, latents, condition)

    unet.register_to_config(center_input_sample=True)

    with pytest.raises(ModelCorruptError, match="not built as"):
        require_equal(unet, 2, latents, condition)


def test_sizes_that_do_not_halve_are_refused(world: Path) -> None:
    """The stock network upsamples to given sizes there, and the halves do not: no shape error of
    torch's comes out. A network without a middle is refused likewise."""
    unet, condition = Generator.load(world, device="cpu").unet, torch.randn(1, 8, 32)
    odd, even = torch.randn(1, 4, 10, 10), torch.randn(1, 4, 8, 8)
    assert unet(odd, 500, encoder_hidden_states=condition).sample.shape == odd.shape
    with pytest.raises(ModelCorruptError, match="not built as"):
        require_equal(unet, 2, odd, condition)
    require_equal(unet, 2, even, condition)

    unet.mid_block = None
    with pytest.raises(ModelCorruptError, match="not built as"):
        require_equal(unet, 2, even, condition)


def test_cut_lies_below_the_first_edited_block(sd15: UNet2DConditionModel) -> None:
    """PIU's groups start at the third down block; without down blocks the cut is at the middle."""
    assert first_down_block(sd15, edited(sd15, BLOCKS)) == 2
    assert first_down_block(sd15, edited(sd15, ["mid_block", "up_blocks.1"])) == 4
    assert first_down_block(sd15, edited(sd15, ["down_blocks.0", "down_blocks.1"])) == 0
