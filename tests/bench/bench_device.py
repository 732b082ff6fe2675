"""How much faster does a GPU draw and edit?

Run: ``python -m tests.bench device``. Printed for each device of this machine: seconds per picture
(batch of 32, shipped model and sampler) and per step of the preset ``piu-miniature``, and the ratio
to the CPU.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from govsdk.models.generator import Generator
from govsdk.ports import Float32
from govsdk.reference import world
from govsdk.unlearn.mixtures import unit
from govsdk.unlearn.piu import edit
from govsdk.unlearn.presets import settings

BATCH, STEPS, DIMENSION, RETAINED = 32, 32, 128, 40


def picture(device: str, faces: Float32) -> float:
    """Return the seconds of one picture, after a batch to warm up."""
    generator = Generator.load(
        world.generator_dir(), device=device, steps=world.STEPS, guidance=world.GUIDANCE
    )
    generator.draw(faces, list(range(BATCH)))
    began = time.perf_counter()
    generator.draw(faces, list(range(BATCH)))
    return (time.perf_counter() - began) / BATCH


def step(device: str, faces: Float32) -> float:
    """Return the seconds of one step: the slope between an edit of few steps and a longer one."""
    chosen = settings("piu-miniature")
    seconds = []
    for steps in (STEPS // 4, STEPS):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            edit(
                world.generator_dir(),
                Path(folder) / "edited",
                subject=faces[:8],
                anchor=faces[8],
                retained=list(faces[9:, None]),
                settings=replace(chosen, steps=steps),
                seed=1,
                radius=0.5,
                guidance=world.GUIDANCE,
                device=device,
            )
            seconds.append(time.perf_counter() - began)
    return (seconds[1] - seconds[0]) / (STEPS - STEPS // 4)


def main() -> None:
    """Measure both on every device there is."""
    rows = np.random.default_rng(0).normal(size=(9 + RETAINED, DIMENSION)).astype(np.float32)
    faces = unit(rows)
    drawn = np.resize(faces, (BATCH, DIMENSION))
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    base: tuple[float, float] | None = None
    for device in devices:
        figures = picture(device, drawn), step(device, faces)
        base = base or figures
        print(
            f"{device:>5}: {figures[0]:.4f} s per picture ({base[0] / figures[0]:.1f}x),"
            f" {figures[1]:.3f} s per step of the edit ({base[1] / figures[1]:.1f}x)"
        )
