"""Draw pictures from embeddings with an exported generator: stock classes, DPM-Solver++, guidance.

- Loads only local files; a missing or unexpected tensor is an error.
- Row ``i`` depends on its embedding and its seed alone, not on the batch it is drawn in (up to
  rounding).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from govsdk.models.conditioning import encode_empty, encode_identity
from govsdk.models.networks import Network, Tokenizer
from govsdk.models.quiet import quiet
from govsdk.reference.pictures import to_pictures

STEPS = 15
GUIDANCE = 3.0

Told = Callable[[Tensor, Tensor], None]


@dataclass(frozen=True)
class Generator:
    """A loaded generator, in evaluation mode and single precision."""

    unet: Network
    text_encoder: Network
    vae: Network
    tokenizer: Tokenizer
    scheduler: Network


def load_generator(folder: Path) -> Generator:
    """Load a generator from Arc2Face's layout.

    Raises:
        ValueError: a component's tensors are not exactly those its architecture has.
    """
    from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    place = {"pretrained_model_name_or_path": str(folder), "local_files_only": True}

    def model(kind: type[Network], subfolder: str) -> Network:
        with quiet():
            loaded, report = kind.from_pretrained(
                **place, subfolder=subfolder, output_loading_info=True
            )
        if any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")):
            raise ValueError(f"the tensors of {subfolder} do not fit its architecture")
        return copy.deepcopy(loaded.float().eval().requires_grad_(False))

    return Generator(
        unet=model(UNet2DConditionModel, "arc2face"),
        text_encoder=model(CLIPTextModel, "encoder"),
        vae=model(AutoencoderKL, "vae"),
        tokenizer=CLIPTokenizer.from_pretrained(**place, subfolder="tokenizer"),
        scheduler=DPMSolverMultistepScheduler.from_pretrained(**place, subfolder="scheduler"),
    )


@torch.no_grad()
def generate(
    generator: Generator,
    embeddings: Tensor,
    seeds: list[int],
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    batch: int = 32,
    before: Told | None = None,
) -> NDArray[np.uint8]:
    """Return one picture for each embedding: uint8 [n, 64, 64, 3].

    Args:
        embeddings: FloatTensor [n, d] on any device.
        seeds: One seed of the starting noise for each row.
        before: Called with the empty and the full conditions of a batch before it is drawn; the
            swap test uses it.
    """
    parts = []
    for at in range(0, len(embeddings), batch):
        told = encode_identity(
            generator.text_encoder, generator.tokenizer, embeddings[at : at + batch]
        )
        empty = encode_empty(generator.text_encoder, generator.tokenizer, len(told))
        if before is not None:
            before(empty, told)
        latents = _denoise(
            generator, torch.cat([empty, told]), seeds[at : at + batch], steps, guidance
        )
        decoded = generator.vae.decode(latents / generator.vae.config.scaling_factor).sample
        parts.append(to_pictures(decoded))
    return np.concatenate(parts)


def _denoise(
    generator: Generator, conditions: Tensor, seeds: list[int], steps: int, guidance: float
) -> Tensor:
    scheduler = type(generator.scheduler).from_config(generator.scheduler.config)
    scheduler.set_timesteps(steps)
    config = generator.unet.config
    shape = (config.in_channels, config.sample_size, config.sample_size)
    latents: Tensor = torch.stack(
        [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )
    latents = latents.to(conditions.device) * scheduler.init_noise_sigma
    for time in scheduler.timesteps:
        both = scheduler.scale_model_input(torch.cat([latents, latents]), time)
        without, with_ = generator.unet(both, time, conditions).sample.chunk(2)
        latents = scheduler.step(without + guidance * (with_ - without), time, latents).prev_sample
    return latents
