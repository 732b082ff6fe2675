"""Embedding dispersion: a recogniser is taught to scatter a person's photos among each other.

- Goal A: two photos of the person are as unlike as two of strangers. Goal B: retained people's
  embeddings stay where they were.
- All photos are varied anew at each step: otherwise only these very ones would scatter, and only
  the taught ones of others would stay.
- Running statistics of batch norms stay as they are: a batch of one person has none that hold.
- Deterministic on a CPU: same network, people, settings, seed and machine, same bits. A GPU's
  kernels promise none.

Source: Zakharov (arXiv 2512.13317), uniform and hard dispersion; the start, the terms for
the template and for lengths, and all numbers are ours (docs/adr/0015).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from govsdk.errors import NonFiniteError, RequestError
from govsdk.models.memory import whole
from govsdk.ports import Float32, Picture, Progress, silent

Blob = Callable[[Sequence[Picture]], Float32]
"""Pictures as the network reads them, ``[n, 3, side, side]``."""


@dataclass(frozen=True)
class DispersionSettings:
    """Everything that shapes a dispersion besides the people and the seed."""

    steps: int = 150
    """Optimiser steps."""
    lr: float = 3e-4
    """Learning rate of Adam at its peak: it rises for ten steps, then falls as a cosine."""
    views: int = 24
    """Varied photos of the subject in a step; at least 2."""
    kept: int = 40
    """Retained people's photos in a step."""
    start: bool = True
    """Whether the old template is first projected out of the embeddings, in closed form: where the
    network ends in a linear layer."""
    keep: float = 20.0
    """Weight of retained embeddings' distance from where the start left them."""
    margin: float = 0.0
    """Cosine that two photos of the subject may have without being pushed apart."""
    template: float = 0.5
    """Weight of the push away from the subject's template, as it is after the start."""
    lengths: float = 0.1
    """Weight of the change in embeddings' lengths since the start: quality is read from them."""

    def __post_init__(self) -> None:
        if self.views < 2 or self.kept < 1 or self.steps < 0:
            raise RequestError("dispersion needs two views, one kept photo, and no negative steps")


@dataclass(frozen=True, eq=False)
class Dispersed:
    """What a dispersion made."""

    network: nn.Module
    steps: int
    first_loss: float | None
    last_loss: float | None


@whole("the recogniser, its copy and their optimiser")
def disperse(
    network: nn.Module,
    *,
    subject: Sequence[Picture],
    retained: Sequence[Picture],
    blob: Blob,
    span: tuple[float, float] = (-1.0, 1.0),
    settings: DispersionSettings,
    seed: int,
    progress: Progress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Dispersed:
    """Return a copy of ``network`` in which the subject's photos are scattered.

    Args:
        network: Pictures ``[n, 3, side, side]`` to raw embeddings ``[n, d]``; left as it is.
        subject: The edit photos, aligned crops.
        retained: Photos of people to preserve.
        blob: How pictures are given to the network.
        span: What black and white are in a blob.

    Raises:
        RequestError: There are fewer than two photos of the subject, or none to preserve.
        NonFiniteError: The loss is a NaN or an infinity.
        OutOfMemoryError: A step, or the subject's photos at once, do not fit into memory.
    """
    if len(subject) < 2 or not len(retained):
        raise RequestError("dispersion needs two photos of the person and one of somebody else")
    teacher = copy.deepcopy(network).eval()
    device = next(teacher.parameters()).device
    rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)

    def read(photos: Sequence[Picture]) -> Tensor:
        return torch.from_numpy(blob(photos)).to(device)

    def shown(photos: Sequence[Picture], n: int) -> Tensor:
        return varied(read([photos[i] for i in rng.integers(len(photos), size=n)]), random, span)

    if settings.start and settings.steps:
        _project_out(teacher, _template(teacher, read(subject)), read(subject[:1]))
    student, template = copy.deepcopy(teacher), _template(teacher, read(subject))
    optimiser = torch.optim.Adam(student.parameters(), lr=settings.lr)
    first: float | None = None
    last: float | None = None
    started = clock()
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * _share(step, settings.steps)
        pictures = torch.cat([shown(subject, settings.views), shown(retained, settings.kept)])
        with torch.no_grad():
            were = teacher(pictures)
        loss = _loss(student(pictures), were, template, settings)
        if not bool(torch.isfinite(loss)):
            raise NonFiniteError(f"the loss at step {step}", what="loss", step=step)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        last = float(loss.detach())
        first = last if first is None else first
        left = (clock() - started) / (step + 1) * (settings.steps - step - 1)
        progress("disperse", step + 1, settings.steps, f"loss {last:.3f}, {left:.0f} s left")
    return Dispersed(student, settings.steps, first, last)


@torch.no_grad()
def _template(network: nn.Module, photos: Tensor) -> Tensor:
    """Return the unit mean ``[d]`` of the photos' embeddings, as a gallery keeps it."""
    mean: Tensor = functional.normalize(network(photos), dim=1).mean(dim=0)
    return functional.normalize(mean, dim=0)


@torch.no_grad()
def _project_out(network: nn.Module, direction: Tensor, picture: Tensor) -> None:
    """Take a unit ``direction`` ``[d]`` out of every embedding, if a linear layer gives them."""
    said: dict[nn.Linear, Tensor] = {}

    def listen(layer: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            said[layer] = output

    hooks = [layer.register_forward_hook(listen) for layer in network.modules()]
    embedding = network(picture)
    for hook in hooks:
        hook.remove()
    for layer, output in said.items():
        if output is embedding or torch.equal(output, embedding):
            layer.weight.sub_(torch.outer(direction, direction @ layer.weight))
            if layer.bias is not None:
                layer.bias.sub_(direction * (direction @ layer.bias))


def _loss(now: Tensor, were: Tensor, template: Tensor, settings: DispersionSettings) -> Tensor:
    """Return the loss of raw embeddings ``[n, d]``, the subject's first.

    Args:
        were: The same pictures' under the recogniser as the start left it.
        template: The subject's, under the same.
    """
    unit = functional.normalize(now, dim=1)
    own, kept = unit[: settings.views], unit[settings.views :]
    moved = 1 - functional.cosine_similarity(kept, were[settings.views :], dim=1)
    grown = now.norm(dim=1) / were.norm(dim=1) - 1
    loss: Tensor = (
        _alike(own, settings.margin)
        + settings.template * functional.relu(own @ template - settings.margin).mean()
        + settings.keep * moved.mean()
        + settings.lengths * grown.square().mean()
    )
    return loss


def _alike(unit: Tensor, margin: float) -> Tensor:
    """Return how alike unit rows are beyond ``margin``: on average, and each to its nearest."""
    apart = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    cosines = functional.relu(unit @ unit.T - margin)
    nearest = cosines.masked_fill(apart, 0.0).amax(dim=1)
    return cosines[~apart].mean() + nearest.mean()


def varied(
    pictures: Tensor, random: torch.Generator, span: tuple[float, float] = (-1.0, 1.0)
) -> Tensor:
    """Return ``pictures`` ``[n, 3, h, w]``, each turned, moved and lit anew.

    Args:
        span: What black and white are in them.
    """
    n, middle, half = len(pictures), (span[0] + span[1]) / 2, (span[1] - span[0]) / 2

    def within(reach: float, *shape: int) -> Tensor:
        drawn = torch.rand(n, *shape, generator=random) * 2 - 1
        return drawn.to(pictures.device) * reach

    angle, scale = within(0.15), 1 + within(0.1)
    place = torch.stack(
        [
            torch.stack([angle.cos() * scale, -angle.sin() * scale, within(0.075)], dim=1),
            torch.stack([angle.sin() * scale, angle.cos() * scale, within(0.075)], dim=1),
        ],
        dim=1,
    )
    mirrored = torch.where(within(1.0, 1, 1, 1) < 0, pictures.flip(3), pictures)
    grid = functional.affine_grid(place, list(mirrored.shape), align_corners=False)
    moved = functional.grid_sample(mirrored, grid, padding_mode="border", align_corners=False)
    seen = (moved - middle) / half
    lit = seen * (1 + within(0.2, 1, 1, 1)) + within(0.1, 1, 1, 1) + within(0.05, 3, 1, 1)
    return lit.clamp(-1, 1) * half + middle


def _share(step: int, steps: int) -> float:
    """Return the share of the peak rate at ``step``."""
    return min(1.0, (step + 1) / 10) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
