"""How much faster than PIU's loop, word for word, is ours, and is it the same edit?

Run: ``python -m tests.bench edit``, or ``python -m tests.bench edit --model DIR --steps 20``.
Without a model, an untrained one of the reference world's size is edited. Printed: seconds per
step, their ratio, and how far the weights of both lie apart after the same rows, against how far
either moved.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from govsdk.models.generator import Generator
from govsdk.models.networks import Network
from govsdk.unlearn.layers import edited
from govsdk.unlearn.people import People, Rows
from govsdk.unlearn.presets import PiuSettings, settings
from govsdk.unlearn.training import Training
from tests.untrained import Size, write_untrained

REFERENCE = Size(channels=(32, 64, 96, 160), latent=16, latent_channels=8, hidden=192)
DIMENSION = 128
PEOPLE = 20

Step = Callable[[Rows], None]
Weights = dict[str, Tensor]


def literal(generator: Generator, chosen: PiuSettings) -> tuple[Step, Weights]:
    """Return PIU's step with a whole second network as teacher: five passes for each part."""
    teacher, student = generator.unet, copy.deepcopy(generator.unet)
    weights = dict(edited(student, chosen.blocks))
    for weight in weights.values():
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(weights.values(), lr=chosen.lr, weight_decay=chosen.weight_decay)

    def noise(unet: Network, latents: Tensor, timesteps: Tensor, who: np.ndarray) -> Tensor:
        condition = generator.condition(who)
        predicted: Tensor = unet(latents, timesteps, encoder_hidden_states=condition).sample
        return predicted

    def step(rows: Rows) -> None:
        optimiser.zero_grad()
        for part in rows.parts(chosen.micro_batch):
            z, kept_z = map(torch.from_numpy, part.latents)
            t, kept_t = map(torch.from_numpy, part.timesteps)
            with torch.no_grad():
                anchor = noise(teacher, z, t, part.anchor)
                target = anchor - chosen.eta * (noise(teacher, z, t, part.subject) - anchor)
                kept = noise(teacher, kept_z, kept_t, part.kept)
            forget = functional.mse_loss(noise(student, z, t, part.subject), target)
            preserve = functional.mse_loss(noise(student, kept_z, kept_t, part.kept), kept)
            ((forget + chosen.lambda_ * preserve) * len(part) / len(rows)).backward()
        optimiser.step()

    return step, weights


def ours(generator: Generator, chosen: PiuSettings) -> tuple[Step, Weights]:
    """Return our step: one set of frozen weights, and what lies below the edit computed once."""
    training = Training(generator, chosen)

    def step(rows: Rows) -> None:
        training.step(rows, chosen.micro_batch, 0)

    return step, dict(training.parameters)


def main(model: Path | None = None, steps: int = 10) -> None:
    """Print the comparison on ``model``, or on an untrained one."""
    if model is None:
        with tempfile.TemporaryDirectory() as folder:
            main(write_untrained(Path(folder), size=REFERENCE), steps)
        return
    torch.manual_seed(0)
    chosen = settings("piu")
    rng = np.random.default_rng(0)
    people = People.of(
        *(rng.normal(size=s).astype(np.float32) for s in ((8, DIMENSION), DIMENSION)),
        list(rng.normal(size=(PEOPLE, 1, DIMENSION)).astype(np.float32)),
    )
    seconds, moved = [], []
    for make in (literal, ours):
        generator = Generator.load(model)
        step, weights = make(generator, chosen)
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        rows = [people.rows(chosen, generator.latent_shape, 0, k) for k in range(steps + 1)]
        step(rows[0])
        started = time.perf_counter()
        for batch in rows[1:]:
            step(batch)
        seconds.append((time.perf_counter() - started) / steps)
        moved.append(torch.cat([(w.detach() - before[n]).ravel() for n, w in weights.items()]))
    apart = float((moved[0] - moved[1]).norm() / moved[0].norm())
    print(f"literal  {seconds[0]:.2f} s a step")
    print(f"ours     {seconds[1]:.2f} s a step, {seconds[0] / seconds[1]:.2f} times as fast")
    print(f"weights apart by {apart:.1e} of the way they moved")
