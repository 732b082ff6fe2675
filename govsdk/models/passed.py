"""Where sampling passed: the states that a network saw on its way to a picture, and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from govsdk.ports import Float32, Int64


@dataclass(frozen=True, eq=False)
class Passed:
    """States that sampling passed through, and the noise that the network saw in each.

    ``n`` pictures of ``k`` steps each, a picture's states one after another.
    """

    latents: Float32
    """As the network was given them, ``[n * k, channels, h, w]``."""
    timesteps: Int64
    """``[n * k]``."""
    given: Float32
    """The noise seen under each picture's own condition, ``[n * k, channels, h, w]``."""
    empty: Float32
    """The noise seen under guidance's empty condition, likewise."""

    @classmethod
    def joined(cls, parts: Sequence[Passed]) -> Passed:
        """Return the states of ``parts``, one after another."""
        return cls(
            np.concatenate([part.latents for part in parts]),
            np.concatenate([part.timesteps for part in parts]),
            np.concatenate([part.given for part in parts]),
            np.concatenate([part.empty for part in parts]),
        )

    def rows(self, which: slice) -> Passed:
        """Return some of the states."""
        return Passed(
            self.latents[which], self.timesteps[which], self.given[which], self.empty[which]
        )


class Passing:
    """Takes down one batch of pictures while it is sampled, step by step."""

    def __init__(self) -> None:
        self._steps: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def add(self, latents: Tensor, timestep: Tensor, given: Tensor, empty: Tensor) -> None:
        """Take down one step of every picture: ``[n, channels, h, w]``, one timestep for all."""
        self._steps.append((latents, timestep.expand(len(latents)), given, empty))

    def states(self) -> Passed:
        """Return what was taken down, picture by picture."""
        latents, timesteps, given, empty = (
            torch.stack(each, 1).flatten(0, 1).cpu() for each in zip(*self._steps, strict=True)
        )
        return Passed(
            latents.float().numpy(),
            timesteps.long().numpy(),
            given.float().numpy(),
            empty.float().numpy(),
        )
