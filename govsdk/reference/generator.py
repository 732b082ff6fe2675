"""The generator's parts, untrained: stock classes of diffusers and transformers, as in SD-1.5.

- U-Net of four levels with SD-1.5's block names, so that PIU's layer list (``attn2`` in
  ``down_blocks.2``, ``mid_block``, ``up_blocks.1``, ``up_blocks.2``) means the same blocks as in
  Arc2Face.
- CLIP text model of hidden size 192 and 8 tokens; a tokenizer whose vocabulary is bytes and the
  words of one prompt.
"""

from __future__ import annotations

import json
from pathlib import Path

from govsdk.models.networks import Network, Tokenizer
from govsdk.reference.autoencoder import LATENT_CHANNELS, LATENT_SIZE

HIDDEN = 192
TOKENS = 8
PIU_BLOCKS = ("down_blocks.2.", "mid_block.", "up_blocks.1.", "up_blocks.2.")
"""Where PIU edits (arXiv 2605.22311)."""
_WORDS = ("photo", "of", "a", "id", "person")
_START, _END = "<|startoftext|>", "<|endoftext|>"


def build_unet(channels: tuple[int, ...]) -> Network:
    """Return an untrained U-Net over latents [n, 8, 16, 16] that predicts the noise."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=channels,
        layers_per_block=1,
        cross_attention_dim=HIDDEN,
        attention_head_dim=2,
        norm_num_groups=16,
    )


def build_text_encoder(vocabulary: int, end: int) -> Network:
    """Return an untrained CLIP text model for a vocabulary of that many tokens."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=HIDDEN,
            intermediate_size=512,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            projection_dim=HIDDEN,
            bos_token_id=end - 1,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def build_scheduler() -> Network:
    """Return SD-1.5's noise schedule behind a stochastic DPM-Solver++ sampler.

    The fresh noise of each step mends what the steps before got wrong: the same weights smear fewer
    eyes than with the deterministic solver, and fewer at first order than at second.
    """
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="epsilon",
        algorithm_type="sde-dpmsolver++",
        solver_order=1,
        steps_offset=1,
    )


def write_tokenizer(folder: Path) -> Tokenizer:
    """Write vocabulary, merges and configuration; return the tokenizer they load as."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    symbols = _byte_alphabet()
    vocabulary = symbols + [s + "</w>" for s in symbols]
    merges: list[str] = []
    for word in _WORDS:
        _merge_word(word, vocabulary, merges)
    vocabulary += [_START, _END]
    table = {token: i for i, token in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TOKENS,
        "bos_token": _START,
        "eos_token": _END,
        "unk_token": _END,
        "pad_token": _END,
    }
    (folder / "tokenizer_config.json").write_text(
        json.dumps(config, indent=2) + "\n", encoding="utf-8"
    )
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _merge_word(word: str, vocabulary: list[str], merges: list[str]) -> None:
    """Add the merges that join ``word`` from the left into one token."""
    pieces = [*word[:-1], word[-1] + "</w>"]
    while len(pieces) > 1:
        merge = f"{pieces[0]} {pieces[1]}"
        pieces = [pieces[0] + pieces[1], *pieces[2:]]
        if merge not in merges:
            merges.append(merge)
        if pieces[0] not in vocabulary:
            vocabulary.append(pieces[0])


def _byte_alphabet() -> list[str]:
    """Return the 256 printable stand-ins for bytes of CLIP's byte-level BPE, in CLIP's order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]
