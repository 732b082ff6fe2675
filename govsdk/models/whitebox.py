"""A generator as somebody sees it who holds its weights: latents, predicted noise, gradients.

- Arrays in and out: whoever attacks through this needs no torch.
- The generator given is never changed; a :class:`Student` learns beside it.
- Rows do not influence each other: each row's loss and gradient are its own. So those that do not
  fit into memory together go through the networks by fewer at a time.

Source: forward process and predicted noise as in Ho et al. 2020 (arXiv 2006.11239); the student's
adapters as in Hu et al. 2021 (arXiv 2106.09685).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from govsdk.errors import ModelCorruptError, NonFiniteError
from govsdk.models.conditioning import encode_identity
from govsdk.models.generator import BATCH, Generator
from govsdk.models.memory import in_batches
from govsdk.models.quiet import quiet
from govsdk.ports import Float32, Int64, Picture

ADAPTED = ("to_q", "to_k", "to_v", "to_out.0")
"""diffusers' names for the projections of attention."""


class WhiteBox:
    """The weights of a generator, opened."""

    def __init__(self, generator: Generator) -> None:
        from diffusers import DPMSolverMultistepScheduler

        self._generator = generator
        with quiet():
            scheduler = DPMSolverMultistepScheduler.from_config(generator.scheduler)
        self._kept: Tensor = scheduler.alphas_cumprod
        """Share of the latents' variance that is left at each timestep."""

    @property
    def timesteps(self) -> int:
        """How many timesteps the noise is counted in."""
        return len(self._kept)

    @property
    def width(self) -> int:
        """Length of the identity's token: the longest condition that can be given."""
        layer = self._generator.text_encoder.get_input_embeddings()
        return int(layer.weight.shape[1])

    def draw(self, conditions: Float32, seeds: Sequence[int]) -> list[Picture]:
        """Return one picture per row of ``conditions`` ``[n, d]``, each from its own seed."""
        return self._generator.draw(conditions, seeds)

    def latents(self, conditions: Float32, seeds: Sequence[int]) -> Float32:
        """Return the clean latents of :meth:`draw`'s pictures: ``[n, channels, h, w]``."""
        encoded = self._generator.condition(conditions)

        def drawn(part: slice) -> Float32:
            return _array(self._generator.latents(encoded[part], seeds[part]))

        return np.concatenate(in_batches(drawn, len(seeds), BATCH))

    def noised(self, latents: Float32, noise: Float32, times: Int64) -> Float32:
        """Return ``latents`` with as much of ``noise`` as there is at ``times`` ``[n]``."""
        kept = self._kept.numpy()[times][:, None, None, None]
        return np.asarray(np.sqrt(kept) * latents + np.sqrt(1 - kept) * noise, np.float32)

    @torch.no_grad()
    def predict(self, noised: Float32, times: Int64, conditions: Float32) -> Float32:
        """Return the noise that the network sees in ``noised`` under ``conditions`` ``[n, d]``."""
        encoded = self._generator.condition(conditions)

        def seen(part: slice) -> Float32:
            return _array(self._noise(noised[part], times[part], encoded[part]))

        return np.concatenate(in_batches(seen, len(times), BATCH))

    def misfit(
        self, noised: Float32, times: Int64, conditions: Float32, targets: Float32
    ) -> tuple[Float32, Float32]:
        """Return how far the predicted noise is from ``targets``, and where that falls.

        Returns:
            The mean squared difference ``[n]`` and its gradient by the conditions ``[n, d]``.
        """

        def off(part: slice) -> tuple[Float32, Float32]:
            rows = self._tensor(conditions[part]).requires_grad_(True)
            encoded = encode_identity(self._generator.text_encoder, self._generator.tokenizer, rows)
            seen = self._noise(noised[part], times[part], encoded)
            loss = (seen - self._tensor(targets[part])).square().mean(dim=(1, 2, 3))
            (gradient,) = torch.autograd.grad(loss.sum(), rows)
            return _array(loss), _array(gradient)

        losses, gradients = zip(*in_batches(off, len(times), BATCH), strict=True)
        return np.concatenate(losses), np.concatenate(gradients)

    def student(self, *, rank: int, learning_rate: float, seed: int) -> Student:
        """Return a copy that can be taught: low-rank adapters on every attention projection."""
        return Student(self, rank=rank, learning_rate=learning_rate, seed=seed)

    def _noise(self, noised: Float32, times: Int64, encoded: Tensor) -> Tensor:
        seen: Tensor = self._generator.unet(
            self._tensor(noised),
            torch.from_numpy(times).to(self._generator.device),
            encoder_hidden_states=encoded,
        ).sample
        return seen

    def _tensor(self, rows: Float32) -> Tensor:
        unet = self._generator.unet
        return torch.from_numpy(rows).to(self._generator.device, unet.dtype)


class Student:
    """A generator that learns pictures through low-rank adapters on its attention.

    A projection W becomes ``W + up @ down`` with ``up`` zero at first: untaught, the student draws
    what the generator draws.
    """

    def __init__(self, taught: WhiteBox, *, rank: int, learning_rate: float, seed: int) -> None:
        """Prepare the adapters.

        Raises:
            ModelCorruptError: the U-Net has no attention projections to adapt.
        """
        generator = taught._generator
        self._source = taught
        self._first = {
            name: weight
            for name, weight in generator.unet.named_parameters()
            if name.removesuffix(".weight").endswith(ADAPTED)
        }
        if not self._first:
            raise ModelCorruptError("the U-Net has no attention to adapt")
        shared = {id(p): p for p in generator.unet.parameters()}
        own = {id(weight) for weight in self._first.values()}
        self._generator = copy.copy(generator)
        self._generator.unet = copy.deepcopy(
            generator.unet, {key: p for key, p in shared.items() if key not in own}
        )
        random = torch.Generator().manual_seed(seed)
        self._down: dict[str, Tensor] = {}
        self._up: dict[str, Tensor] = {}
        for name, weight in self._first.items():
            down = torch.randn(rank, weight.shape[1], generator=random) / rank
            self._down[name] = down.to(weight).requires_grad_(True)
            self._up[name] = weight.new_zeros(weight.shape[0], rank).requires_grad_(True)
        self._optimiser = torch.optim.AdamW(
            [*self._down.values(), *self._up.values()], lr=learning_rate
        )

    def learn(self, noised: Float32, times: Int64, conditions: Float32, noise: Float32) -> float:
        """Take one step towards seeing ``noise`` in ``noised``, and return the loss before it.

        All rows are learned together, where they fit into memory, else by parts: the gradient is
        the same up to rounding.

        Raises:
            NonFiniteError: the loss is a NaN or an infinity.
            OutOfMemoryError: not even one row fits into memory.
        """
        adapters = [*self._down.values(), *self._up.values()]

        def slope(part: slice) -> tuple[float, tuple[Tensor, ...]]:
            seen = self._seen(noised[part], times[part], conditions[part])
            missed = (seen - self._source._tensor(noise[part])).square().mean()
            loss = missed * (len(seen) / len(times))
            if not bool(torch.isfinite(loss)):
                raise NonFiniteError("the loss of a relearning step", what="loss")
            # Not backward(): where memory runs out, it leaves half a gradient behind.
            return float(loss.detach()), torch.autograd.grad(loss, adapters)

        losses, slopes = zip(*in_batches(slope, len(times), len(times)), strict=True)
        for adapter, *parts in zip(adapters, *slopes, strict=True):
            adapter.grad = sum(parts[1:], start=parts[0])
        self._optimiser.step()
        return float(sum(losses))

    def _seen(self, noised: Float32, times: Int64, conditions: Float32) -> Tensor:
        generator = self._generator
        inputs = {"encoder_hidden_states": generator.condition(conditions)}
        place = torch.from_numpy(times).to(generator.device)
        seen: Tensor = functional_call(
            generator.unet, self._weights(), (self._source._tensor(noised), place), inputs
        ).sample
        return seen

    @torch.no_grad()
    def draw(self, conditions: Float32, seeds: Sequence[int]) -> list[Picture]:
        """Return one picture per row of ``conditions`` ``[n, d]``, each from its own seed."""
        own = dict(self._generator.unet.named_parameters())
        for name, weight in self._weights().items():
            own[name].copy_(weight)
        return self._generator.draw(conditions, seeds)

    def _weights(self) -> dict[str, Tensor]:
        return {
            name: weight + self._up[name] @ self._down[name] for name, weight in self._first.items()
        }


def _array(tensor: Tensor) -> Float32:
    array: Float32 = tensor.detach().float().cpu().numpy()
    return array
