"""A run folder: checkpoints, finished stages and metrics of one training run.

- Everything is written under another name and renamed, so that ``kill -9`` leaves the previous
  checkpoint whole.
- Randomness of step ``k`` of a stage is a function of (seed, stage, k) alone: a resumed run draws
  what an uninterrupted one would have drawn, and no generator state needs saving.
- Checkpoints are read with ``weights_only=True``: nothing in a run folder is ever unpickled.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from govsdk.reference.plan import Plan


@dataclass(frozen=True)
class Run:
    """Where a run lives, what it is made of and what it runs on."""

    folder: Path
    plan: Plan
    seed: int = 7
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: bool = False
    """Whether a progress bar may be drawn (only on a terminal)."""

    @property
    def photos(self) -> Path:
        """Return the folder of photobooks."""
        return self.folder / "photos"

    def random(self, stage: str, step: int) -> np.random.Generator:
        """Return the randomness of one step of one stage."""
        return np.random.default_rng([self.seed, zlib.crc32(stage.encode()), step + 1])

    def seed_torch(self, stage: str, step: int) -> None:
        """Seed torch's global generator for one step of one stage."""
        torch.manual_seed(int(self.random(stage + "/torch", step).integers(2**62)))

    def mixed(self) -> torch.autocast:
        """Compute in bfloat16 on a CPU, where that is faster.

        A GPU waits for the launches of networks this small, and every cast is one more.
        """
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cpu")

    def log(self, stage: str, **values: object) -> None:
        """Append one line of metrics."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = {"time": round(time.time(), 1), "stage": stage, **values}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Replace the checkpoint ``name``."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the checkpoint ``name``, or None when there is none yet."""
        path = self._path(name)
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        return state

    def steps(self, stage: str, start: int, total: int) -> Iterator[int]:
        """Yield the steps that are left, with a progress bar where one may be drawn."""
        if not self.progress:
            yield from range(start, total)
            return
        from rich.progress import track

        yield from track(range(start, total), description=stage)

    def _path(self, name: str) -> Path:
        return self.folder / "checkpoints" / f"{name}.pt"
