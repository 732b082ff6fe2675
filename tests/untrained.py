"""Write a generator of Arc2Face's layout with random weights, at any size.

- Made through the stock classes' ``save_pretrained``: what loads it, loads the real one.
- For smoke tests where no weights are at hand; it draws noise and knows nobody.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from govsdk.models.conditioning import PROMPT
from govsdk.models.networks import Network, Tokenizer
from govsdk.models.quiet import quiet


@dataclass(frozen=True)
class Size:
    """How large the networks are; the defaults take a fraction of a second to write and run."""

    channels: tuple[int, int, int, int] = (8, 8, 16, 16)
    """U-Net channels of the four levels, multiples of 8."""
    latent: int = 8
    """Side of the latents; the pictures are twice as large."""
    latent_channels: int = 4
    hidden: int = 32
    """Width of the text encoder; at least the embeddings' length."""
    tokens: int = 8


def write_untrained(folder: Path, *, seed: int = 0, size: Size | None = None) -> Path:
    """Write the five components into ``folder`` and return it; same seed, same weights."""
    import torch

    size = size or Size()
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        _unet(size).save_pretrained(folder / "arc2face")
        _vae(size).save_pretrained(folder / "vae")
        _encoder(size).save_pretrained(folder / "encoder")
        _tokenizer(size).save_pretrained(folder / "tokenizer")
        _scheduler().save_pretrained(folder / "scheduler")
    return folder


def _unet(size: Size) -> Network:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=size.latent,
        in_channels=size.latent_channels,
        out_channels=size.latent_channels,
        block_out_channels=size.channels,
        down_block_types=(*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
        up_block_types=("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
        layers_per_block=1,
        attention_head_dim=2,
        norm_num_groups=4,
        cross_attention_dim=size.hidden,
    )


def _vae(size: Size) -> Network:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=size.latent_channels,
        norm_num_groups=4,
        sample_size=2 * size.latent,
    )


def _encoder(size: Size) -> Network:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=size.hidden,
            intermediate_size=2 * size.hidden,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=size.tokens,
            vocab_size=len(_vocabulary()),
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )


def _tokenizer(size: Size) -> Tokenizer:
    from transformers import CLIPTokenizer

    return CLIPTokenizer(
        vocab={token: place for place, token in enumerate(_vocabulary())},
        merges=_merges(),
        model_max_length=size.tokens,
    )


def _scheduler() -> Network:
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1
    )


def _merges() -> list[tuple[str, str]]:
    """Return the byte-pair merges that make each word of the prompt one token."""
    merges: list[tuple[str, str]] = []
    for word in PROMPT.split():
        left = word[0]
        for letter in (*word[1:-1], word[-1] + "</w>")[: len(word) - 1]:
            merges.append((left, letter))
            left += letter
    return list(dict.fromkeys(merges))


def _vocabulary() -> list[str]:
    letters = [*string.ascii_lowercase, *(letter + "</w>" for letter in string.ascii_lowercase)]
    words = [left + right for left, right in _merges()]
    return ["<|startoftext|>", "<|endoftext|>", *letters, *words]
