"""The governed generator: identity embeddings and seeds in, pictures out.

- One load path: weights are copied out of the file's memory map, so that the same file gives the
  same bits every time (mapped and ordinary memory differ in alignment, and so in rounding).
- A file whose tensors differ in name or shape from what its configuration asks for never loads.
- Same embedding and seed, same picture, up to one grey level whatever else is in the batch.

Source: Arc2Face (arXiv 2403.11641); guidance: Ho and Salimans 2022 (arXiv 2207.12598), with the
encoder's output for the empty prompt as the empty condition, as the stock pipeline has it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from govsdk.errors import EmbeddingError, ModelCorruptError, NonFiniteError, RequestError
from govsdk.models import layout
from govsdk.models.conditioning import encode_empty, encode_identity
from govsdk.models.memory import in_batches, is_out_of_memory, keep_freed, whole
from govsdk.models.networks import Network, Tokenizer
from govsdk.models.passed import Passed, Passing
from govsdk.models.quiet import quiet
from govsdk.ports import Float32, Picture

BATCH = 32
"""Pictures drawn at a time, where they fit into memory."""

SCHEDULERS: Mapping[str, tuple[str, Mapping[str, bool]]] = {
    "dpm-solver": ("DPMSolverMultistepScheduler", {}),
    # Its default would clip latents as if they were pixels.
    "ddim": ("DDIMScheduler", {"clip_sample": False}),
    "euler": ("EulerDiscreteScheduler", {}),
}
"""Class in diffusers and options of each sampler; the first is the model's own."""

Randomness = Sequence[torch.Generator]
"""One source of noise for each picture: on the CPU, so that every device draws alike."""


@dataclass(frozen=True, eq=False)
class _Start:
    """Pictures to begin from, one a row."""

    latents: Tensor
    strength: float


class Generator:
    """An identity-conditioned latent diffusion model (a ``ports.Sampler``)."""

    def __init__(
        self,
        unet: Network,
        text_encoder: Network,
        vae: Network,
        tokenizer: Tokenizer,
        scheduler: dict[str, Any],
        *,
        device: torch.device,
        steps: int,
        guidance: float,
    ) -> None:
        self.unet = unet
        self.text_encoder = text_encoder
        self.vae = vae
        self.tokenizer = tokenizer
        self.scheduler = scheduler
        """The scheduler's configuration; every batch gets a fresh one, since they hold state."""
        self.device = device
        self.steps = steps
        """Denoising steps for one picture."""
        self.guidance = guidance
        """Scale of classifier-free guidance; 1 means none."""
        self.sampler = next(iter(SCHEDULERS))
        """Name of the scheduler's algorithm."""

    @classmethod
    @whole("the generator itself")
    def load(
        cls,
        folder: Path,
        *,
        device: str = "auto",
        steps: int = 15,
        guidance: float = 3.0,
    ) -> Self:
        """Return the generator in ``folder``, frozen and in evaluation mode.

        Raises:
            MissingModelError: a component is not there.
            ModelCorruptError: a file is damaged, or its tensors do not fit its configuration.
            OutOfMemoryError: the networks do not fit into memory.
        """
        from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer

        layout.check(folder)
        if steps < 1 or guidance < 0:
            raise RequestError(f"steps {steps} must be at least 1, guidance {guidance} at least 0")
        place = pick_device(device)
        keep_freed()

        def network(kind: type[Network], part: layout.Component, **options: bool) -> Network:
            loaded = _load(kind, part, folder, options)
            # Single precision, whatever the file has: gradients are taken in it.
            return loaded.to(device=place, dtype=torch.float32).requires_grad_(False).eval()

        with quiet():
            unet = network(UNet2DConditionModel, layout.UNET, use_safetensors=True)
            text_encoder = network(CLIPTextModel, layout.ENCODER, weights_only=True)
            vae = network(AutoencoderKL, layout.VAE, use_safetensors=True)
            with _reading(layout.TOKENIZER):
                tokenizer = CLIPTokenizer.from_pretrained(str(folder / layout.TOKENIZER.name))
            with _reading(layout.SCHEDULER):
                scheduler = DPMSolverMultistepScheduler.load_config(
                    str(folder / layout.SCHEDULER.name)
                )
        return cls(
            unet,
            text_encoder,
            vae,
            tokenizer,
            scheduler,
            device=place,
            steps=steps,
            guidance=guidance,
        )

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the latents."""
        side = int(self.unet.config.sample_size)
        return int(self.unet.config.in_channels), side, side

    @torch.no_grad()
    def condition(self, embeddings: Float32) -> Tensor:
        """Return what cross-attention reads for each row of ``[n, d]``: ``[n, tokens, hidden]``.

        Equal rows are encoded once.

        Raises:
            EmbeddingError: not two axes, or a value that is not finite.
        """
        if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
            raise EmbeddingError("conditions must be finite rows [n, d]")
        rows, places = np.unique(embeddings, axis=0, return_inverse=True)
        unique = torch.from_numpy(rows).to(self.device)
        encoded = encode_identity(self.text_encoder, self.tokenizer, unique)
        return encoded[torch.from_numpy(places.ravel()).to(self.device)]

    @torch.no_grad()
    def draw(self, embeddings: Float32, seeds: Sequence[int]) -> list[Picture]:
        """Return one RGB picture per row of ``embeddings`` ``[n, d]``, each from its own seed.

        Raises:
            RequestError: not one seed per row.
            EmbeddingError: an embedding that names no direction.
            NonFiniteError: the networks produced a NaN or an infinity.
            OutOfMemoryError: not even one picture fits into memory.
        """
        if len(seeds) != len(embeddings):
            raise RequestError(f"{len(seeds)} seeds for {len(embeddings)} embeddings")
        if not len(seeds):
            return []
        conditions = self.condition(embeddings)

        def drawn(batch: slice) -> list[Picture]:
            return self._decode(self.latents(conditions[batch], seeds[batch]))

        return list(chain.from_iterable(in_batches(drawn, len(seeds), BATCH)))

    @torch.no_grad()
    def redraw(
        self,
        pictures: Sequence[Picture],
        embeddings: Float32,
        seeds: Sequence[int],
        *,
        strength: float,
    ) -> list[Picture]:
        """Return one picture per row, begun from ``pictures[row]`` (any size) under noise.

        Args:
            strength: In (0, 1], the share of the denoising steps that are run; at least one is.

        Raises:
            RequestError: not one picture and seed per row, or a strength outside (0, 1].
            EmbeddingError, NonFiniteError, OutOfMemoryError: as :meth:`draw`.

        Source: SDEdit (arXiv 2108.01073), as diffusers' image-to-image pipeline has it.
        """
        if not len(pictures) == len(seeds) == len(embeddings) or not 0 < strength <= 1:
            raise RequestError("one picture and seed per embedding, a strength in (0, 1]")
        conditions = self.condition(embeddings)

        def drawn(batch: slice) -> list[Picture]:
            begun = _Start(self._encode(pictures[batch]), strength)
            latents = self._denoise(conditions[batch], _randomness(seeds[batch]), begun)
            return self._decode(latents)

        return list(chain.from_iterable(in_batches(drawn, len(seeds), BATCH)))

    def resampled(
        self,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        scheduler: str | None = None,
    ) -> Self:
        """Return the same weights under another sampler; None leaves a setting as it is.

        Raises:
            RequestError: no such scheduler.
        """
        if scheduler is not None and scheduler not in SCHEDULERS:
            raise RequestError(f"scheduler {scheduler!r}; there are {', '.join(SCHEDULERS)}")
        other = copy.copy(self)
        other.steps = self.steps if steps is None else steps
        other.guidance = self.guidance if guidance is None else guidance
        other.sampler = self.sampler if scheduler is None else scheduler
        return other

    def latents(self, conditions: Tensor, seeds: Sequence[int]) -> Tensor:
        """Return the clean latents ``[n, channels, h, w]`` that the pictures are decoded from.

        Args:
            conditions: As :meth:`condition` gives them, one row per seed.
        """
        return self._denoise(conditions, _randomness(seeds))

    @torch.no_grad()
    def passed(self, embeddings: Float32, seeds: Sequence[int]) -> Passed:
        """Return the states that drawing passes through; no picture is decoded.

        Args:
            embeddings: ``[n, d]``.
            seeds: One for each picture.

        Raises:
            EmbeddingError: an embedding that names no direction.
            OutOfMemoryError: not even one picture's states fit into memory.
        """
        conditions = self.condition(embeddings)

        def passed(batch: slice) -> Passed:
            passing = Passing()
            self._denoise(conditions[batch], _randomness(seeds[batch]), passing=passing)
            return passing.states()

        return Passed.joined(in_batches(passed, len(seeds), BATCH))

    def _noise(self, randomness: Randomness) -> Tensor:
        """Return one latent of pure noise per picture."""
        drawn = [torch.randn(self.latent_shape, generator=each) for each in randomness]
        return torch.stack(drawn).to(self.device, self.unet.dtype)

    def _denoise(
        self,
        conditions: Tensor,
        randomness: Randomness,
        begun: _Start | None = None,
        passing: Passing | None = None,
    ) -> Tensor:
        import diffusers

        name, options = SCHEDULERS[self.sampler]
        with quiet():
            scheduler = getattr(diffusers, name).from_config(self.scheduler, **options)
        scheduler.set_timesteps(self.steps, device=self.device)
        timesteps = scheduler.timesteps
        noise = self._noise(randomness)
        if begun is None:
            latents: Tensor = noise * scheduler.init_noise_sigma
        else:
            timesteps = timesteps[-max(1, round(self.steps * begun.strength)) :]
            if hasattr(scheduler, "set_begin_index"):
                scheduler.set_begin_index(len(scheduler.timesteps) - len(timesteps))
            latents = scheduler.add_noise(begun.latents, noise, timesteps[:1].repeat(len(noise)))
        # States have what is seen under the empty condition, whatever guidance makes of it.
        guided = self.guidance != 1.0 or passing is not None
        if guided:
            empty = encode_empty(self.text_encoder, self.tokenizer, len(latents))
            conditions = torch.cat([empty, conditions])
        for t in timesteps:
            sample = scheduler.scale_model_input(latents, t)
            sample = torch.cat([sample, sample]) if guided else sample
            seen = self.unet(sample, t, encoder_hidden_states=conditions).sample
            if guided:
                without, given = seen.chunk(2)
                if passing is not None:
                    passing.add(sample[: len(given)], t, given, without)
                seen = without + self.guidance * (given - without)
            # A stochastic sampler adds noise at every step: each picture's from its own seed.
            latents = scheduler.step(seen, t, latents, generator=list(randomness)).prev_sample
        return latents

    def _encode(self, pictures: Sequence[Picture]) -> Tensor:
        """Return the latents of pictures, scaled to the size that the model draws."""
        config = self.vae.config
        side = self.latent_shape[1] * 2 ** (len(config.block_out_channels) - 1)
        sized = [
            functional.interpolate(
                torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1,
                size=(side, side),
                mode="bilinear",
                antialias=True,
            )
            for picture in pictures
        ]
        colours = torch.cat(sized).to(self.device, self.vae.dtype)
        clean = self.vae.encode(colours).latent_dist.mode()
        shift = getattr(config, "shift_factor", None) or 0.0
        latents: Tensor = ((clean - shift) * config.scaling_factor).to(self.unet.dtype)
        return latents

    def _decode(self, latents: Tensor) -> list[Picture]:
        config = self.vae.config
        shifted = latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
        colours = self.vae.decode(shifted.to(self.vae.dtype)).sample.float()
        if not bool(torch.isfinite(colours).all()):
            raise NonFiniteError("a picture", what="picture")
        levels = ((colours / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return list(levels.permute(0, 2, 3, 1).cpu().numpy())


def _randomness(seeds: Sequence[int]) -> Randomness:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def pick_device(device: str) -> torch.device:
    """Return the named device; ``auto`` is the GPU where there is one.

    Raises:
        RequestError: this machine has no such device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as cause:
        raise RequestError(f"this machine has no device {device!r}", device=device) from cause


def _load(
    kind: type[Network], part: layout.Component, folder: Path, options: dict[str, bool]
) -> Network:
    """Return the network of ``part``, its weights in memory of their own."""
    with _reading(part):
        network, found = kind.from_pretrained(
            str(folder / part.name), local_files_only=True, output_loading_info=True, **options
        )
    wrong = {name: len(found[f"{name}_keys"]) for name in ("missing", "unexpected", "mismatched")}
    if any(wrong.values()):
        counts = ", ".join(f"{count} {name}" for name, count in wrong.items())
        raise ModelCorruptError(f"{part.name}: tensors {counts}", component=part.name)
    return copy.deepcopy(network)


@contextmanager
def _reading(part: layout.Component) -> Iterator[None]:
    """Turn whatever a library raises while it reads a component into ``ModelCorruptError``."""
    try:
        yield
    except Exception as cause:
        if is_out_of_memory(cause):
            raise
        detail = f"{part.name} cannot be read ({type(cause).__name__})"
        raise ModelCorruptError(detail, component=part.name) from cause
