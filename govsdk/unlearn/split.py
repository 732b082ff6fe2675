"""Run a U-Net in two halves, so that what no edit can change is computed once.

- ``upper(lower(x))`` is the stock forward pass; :func:`require_equal` checks it on the model at
  hand, so that a network with parts unknown here is refused rather than edited wrongly.
- The lower half depends on frozen weights alone: teacher and student share it, without gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from govsdk.errors import ModelCorruptError
from govsdk.models.memory import is_out_of_memory
from govsdk.models.networks import Network


@dataclass(frozen=True, eq=False)
class Halfway:
    """What the upper half needs; rows along the first axis of every tensor."""

    sample: Tensor
    residuals: tuple[Tensor, ...]
    time: Tensor
    """Time embedding ``[n, width]``."""
    condition: Tensor
    """``[n, tokens, hidden]``."""

    def rows(self, places: Tensor) -> Halfway:
        """Return the state of the rows at ``places``."""
        return Halfway(
            self.sample[places],
            tuple(residual[places] for residual in self.residuals),
            self.time[places],
            self.condition[places],
        )


@torch.no_grad()
def lower(
    unet: Network, cut: int, latents: Tensor, timesteps: Tensor, condition: Tensor
) -> Halfway:
    """Return the state below down block ``cut``."""
    time = unet.time_embedding(unet.get_time_embed(sample=latents, timestep=timesteps))
    sample = unet.conv_in(latents)
    residuals: tuple[Tensor, ...] = (sample,)
    for block in unet.down_blocks[:cut]:
        sample, more = block(sample, time, **_conditioned(block, condition))
        residuals += tuple(more)
    return Halfway(sample, residuals, time, condition)


def upper(unet: Network, cut: int, half: Halfway) -> Tensor:
    """Return the predicted noise ``[n, channels, h, w]``, with gradients where they are on."""
    sample, residuals = half.sample, half.residuals
    for block in unet.down_blocks[cut:]:
        sample, more = block(sample, half.time, **_conditioned(block, half.condition))
        residuals += tuple(more)
    middle = unet.mid_block
    sample = middle(sample, half.time, **_conditioned(middle, half.condition))
    for block in unet.up_blocks:
        own = len(block.resnets)
        residuals, skips = residuals[:-own], residuals[-own:]
        sample = block(sample, skips, half.time, **_conditioned(block, half.condition))
    noise: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(sample)))
    return noise


@torch.no_grad()
def require_equal(unet: Network, cut: int, latents: Tensor, condition: Tensor) -> None:
    """Require that both halves together compute the network's own forward pass.

    Raises:
        ModelCorruptError: the network has parts that this module does not know, or upsamples to
            sizes that are given to it.
    """
    timesteps = torch.full((len(latents),), 500, device=latents.device)
    unlike = "this U-Net is not built as Stable Diffusion 1.5's"
    stock = unet(latents, timesteps, encoder_hidden_states=condition).sample
    try:
        ours = upper(unet, cut, lower(unet, cut, latents, timesteps, condition))
    except Exception as cause:  # of shapes that do not fit, or whatever parts are missing here
        if is_out_of_memory(cause):
            raise
        raise ModelCorruptError(unlike) from cause
    if not torch.allclose(ours, stock, rtol=1e-3, atol=1e-4):
        raise ModelCorruptError(unlike)


def _conditioned(block: Network, condition: Tensor) -> dict[str, Tensor]:
    reads = getattr(block, "has_cross_attention", False)
    return {"encoder_hidden_states": condition} if reads else {}
