"""What an attack needs of a model's weights, in arrays; ``models.whitebox.WhiteBox`` gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from govsdk.ports import Drawer, Float32, Int64


class Learner(Drawer, Protocol):
    """A copy of a model that can be taught."""

    def learn(self, noised: Float32, times: Int64, conditions: Float32, noise: Float32) -> float:
        """Take one step towards seeing ``noise`` in ``noised``; return the loss before it."""
        ...


class Weights(Drawer, Protocol):
    """A model as somebody sees it who holds its weights (``models.whitebox.WhiteBox``)."""

    @property
    def timesteps(self) -> int:
        """How many timesteps the noise is counted in."""
        ...

    @property
    def width(self) -> int:
        """Length of the longest condition that can be given."""
        ...

    def latents(self, conditions: Float32, seeds: Sequence[int]) -> Float32:
        """Return the clean latents ``[n, channels, h, w]`` of the pictures drawn."""
        ...

    def noised(self, latents: Float32, noise: Float32, times: Int64) -> Float32:
        """Return ``latents`` with as much of ``noise`` as there is at ``times`` ``[n]``."""
        ...

    def predict(self, noised: Float32, times: Int64, conditions: Float32) -> Float32:
        """Return the noise that the model sees in ``noised``."""
        ...

    def misfit(
        self, noised: Float32, times: Int64, conditions: Float32, targets: Float32
    ) -> tuple[Float32, Float32]:
        """Return the mean squared distance ``[n]`` of the noise that it sees from ``targets``,
        and its gradient by the conditions ``[n, d]``."""
        ...

    def student(self, *, rank: int, learning_rate: float, seed: int) -> Learner:
        """Return a copy that can be taught through adapters of ``rank``."""
        ...
