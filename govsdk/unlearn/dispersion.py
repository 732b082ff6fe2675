"""Embedding dispersion: a recogniser is taught to scatter a person's photos among each other.

- Goal A: two photos of the person are as unlike as two of strangers. Goal B: retained people's
  embeddings stay where they were.
- The photos are varied anew at each step, or only these very photos would scatter.
- Running statistics of batch norms stay as they are: a batch of one person has none that hold.
- Deterministic: same network, people, settings, seed and machine, same bits.

Source: Zakharov (arXiv 2512.13317), uniform and hard dispersion; the term that leaves the person's
old template, the one that keeps lengths, and all numbers are ours (docs/adr/0015).
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
    keep: float = 5.0
    """Weight of retained embeddings' distance from where they were."""
    margin: float = 0.0
    """Cosine that two photos of the subject may have without being pushed apart."""
    template: float = 0.5
    """Weight of the push away from the subject's template under the unedited recogniser."""
    lengths: float = 0.1
    """Weight of the embeddings' lengths, from which quality is read."""

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


def disperse(
    network: nn.Module,
    *,
    subject: Sequence[Picture],
    retained: Sequence[Picture],
    blob: Blob,
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

    Raises:
        RequestError: There are fewer than two photos of the subject, or none to preserve.
        NonFiniteError: The loss is a NaN or an infinity.
    """
    if len(subject) < 2 or not len(retained):
        raise RequestError("dispersion needs two photos of the person and one of somebody else")
    teacher = network.eval()
    student = copy.deepcopy(teacher)
    device = next(student.parameters()).device
    own, others = (torch.from_numpy(blob(each)).to(device) for each in (subject, retained))
    with torch.no_grad():
        were, template = _embed(teacher, others), _embed(teacher, own).mean(dim=0)
        usual = float(were.norm(dim=1).mean())
    were, template = functional.normalize(were, dim=1), functional.normalize(template, dim=0)
    optimiser = torch.optim.Adam(student.parameters(), lr=settings.lr)
    rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    first: float | None = None
    last: float | None = None
    started = clock()
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * _share(step, settings.steps)
        shown = torch.from_numpy(rng.integers(len(own), size=settings.views))
        kept = torch.from_numpy(rng.integers(len(others), size=settings.kept))
        raw = student(torch.cat([varied(own[shown], random), others[kept]]))
        unit = functional.normalize(raw, dim=1)
        loss = (
            _alike(unit[: settings.views], settings.margin)
            + settings.template
            * functional.relu(unit[: settings.views] @ template - settings.margin).mean()
            + settings.keep * (1 - (unit[settings.views :] * were[kept]).sum(dim=1)).mean()
            + settings.lengths * (raw.norm(dim=1) / usual - 1).square().mean()
        )
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


def _alike(unit: Tensor, margin: float) -> Tensor:
    """Return how alike unit rows are beyond ``margin``: on average, and each to its nearest."""
    apart = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    cosines = functional.relu(unit @ unit.T - margin)
    nearest = cosines.masked_fill(apart, 0.0).amax(dim=1)
    return cosines[~apart].mean() + nearest.mean()


def varied(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Return ``pictures`` ``[n, 3, h, w]`` in [-1, 1], each turned, moved and lit anew."""
    n = len(pictures)

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
    lit = moved * (1 + within(0.2, 1, 1, 1)) + within(0.1, 1, 1, 1) + within(0.05, 3, 1, 1)
    return lit.clamp(-1, 1)


def _embed(network: nn.Module, blob: Tensor) -> Tensor:
    return torch.cat([network(part) for part in torch.split(blob, 64)])


def _share(step: int, steps: int) -> float:
    """Return the share of the peak rate at ``step``."""
    return min(1.0, (step + 1) / 10) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
