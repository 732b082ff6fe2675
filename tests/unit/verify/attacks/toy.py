"""The linear world's weights, opened: gradients by finite differences, and a copy that learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from govsdk.policy import Policy
from govsdk.policy.attacks import Attacks, Direction, Relearning, Search
from govsdk.ports import Float32, Int64, silent
from govsdk.verify import Memory, Model
from govsdk.verify.attacks import attack
from govsdk.verify.bench import Bench
from govsdk.verify.thresholds import thresholds_for

from ..toy import (
    EMBEDDERS,
    GALLERY,
    NOTE,
    NUMBERS,
    SEALED,
    SUBJECT,
    Edit,
    ToyDrawer,
    calibrations,
    model,
    unit,
    untouched,
)

BUDGET = Attacks(
    search=Search(runs=24, iterations=40, rate=0.02, looks=2, pictures=2, bound=0.25),
    direction=Direction(runs=24, strengths=(1.0, 3.0), pictures=2, bound=0.25),
    relearning=Relearning(
        runs=16,  # copies here differ much in how soon they learn
        control_runs=2,
        photos=10,
        rank=4,
        learning_rate=0.03,
        batch=4,
        checks=(0, 5, 10, 20, 40, 80),
        pictures=8,
        bound=2,
    ),
)
POLICY = Policy.load("quickstart").model_copy(update={"attacks": BUDGET})
QUICK = POLICY.model_copy(
    update={
        "attacks": BUDGET.model_copy(
            update={
                "search": BUDGET.search.model_copy(update={"runs": 6, "iterations": 10}),
                "direction": BUDGET.direction.model_copy(update={"runs": 6}),
                "relearning": BUDGET.relearning.model_copy(update={"runs": 3}),
            }
        )
    }
)
"""Where it does not matter how much is found."""

Speed = Callable[[Float32], float]
"""How readily a copy learns to draw ``[d]``, as a factor."""


@dataclass(frozen=True)
class ToyWeights(ToyDrawer):
    """What the drawer computes, for somebody who holds it; the noise is added to what is drawn."""

    speed: Speed = lambda face: 1.0

    timesteps = 1000
    width = NUMBERS

    def latents(self, conditions: Float32, seeds: Sequence[int]) -> Float32:
        return self.edit(unit(conditions)).astype(np.float32)[:, None, None]

    def noised(self, latents: Float32, noise: Float32, times: Int64) -> Float32:
        return (latents + noise * _scale(times)).astype(np.float32)

    def predict(self, noised: Float32, times: Int64, conditions: Float32) -> Float32:
        return ((noised - self.latents(conditions, ())) / _scale(times)).astype(np.float32)

    def misfit(
        self, noised: Float32, times: Int64, conditions: Float32, targets: Float32
    ) -> tuple[Float32, Float32]:
        def loss(moved: Float32) -> Float32:
            return ((self.predict(noised, times, moved) - targets) ** 2).mean(axis=(1, 2, 3))

        nudges = np.eye(conditions.shape[1], dtype=np.float32) * 1e-2
        rises = [loss(conditions + nudge) - loss(conditions - nudge) for nudge in nudges]
        return loss(conditions), (np.stack(rises, axis=1) / 2e-2).astype(np.float32)

    def student(self, *, rank: int, learning_rate: float, seed: int) -> ToyStudent:
        return ToyStudent(self, learning_rate * np.exp(np.random.default_rng(seed).normal(0, 0.6)))


class ToyStudent:
    """Draws more and more of what it is taught, whatever it is asked for; some copies sooner."""

    def __init__(self, source: ToyWeights, learning_rate: float) -> None:
        self._source, self._rate = source, learning_rate
        self._kept, self._taught = 1.0, np.zeros(NUMBERS)

    def learn(self, noised: Float32, times: Int64, conditions: Float32, noise: Float32) -> float:
        face = (noised - noise * _scale(times)).mean(axis=(0, 1, 2))
        rate = min(1.0, self._rate * self._source.speed(face))
        self._kept *= 1 - rate
        self._taught = (1 - rate) * self._taught + rate * face
        return 0.0

    def draw(self, conditions: Float32, seeds: Sequence[int]) -> list:
        def drawn(rows: Float32) -> Float32:
            return unit(self._kept * self._source.edit(rows) + self._taught)

        return replace(self._source, edit=drawn).draw(conditions, seeds)


def _scale(times: Int64) -> Float32:
    return (0.5 + times / 1000)[:, None, None, None].astype(np.float32)


def opened(edit: Edit = untouched, name: str = "v1", speed: Speed | None = None) -> Model:
    """Return a model whose weights are at hand."""
    weights = ToyWeights(edit, speed=speed) if speed else ToyWeights(edit)
    return replace(model(edit, name), weights=weights)


def bench(policy: Policy = POLICY, **changes: object) -> Bench:
    thresholds = thresholds_for(policy, EMBEDDERS, calibrations())
    asked = Bench(policy, SUBJECT, GALLERY, EMBEDDERS, thresholds, NOTE, silent)
    return replace(asked, **changes)


def run_attacks(after: Model, policy: Policy = POLICY, **changes: object) -> dict:
    """Return the lines by attack and recogniser."""
    sitting = bench(
        policy, **{k: changes.pop(k) for k in ("people", "progress", "embedders") if k in changes}
    )
    drawn = sitting.subject_trials(after, SEALED, (99, 99), Memory(), stage="forget").distribution
    asked = {"alpha": 0.04, "before": opened(name="v0"), "store": Memory()} | changes
    lines = attack(sitting, drawn=drawn, after=after, **asked)
    return {(line.name, line.recogniser): line for line in lines}
