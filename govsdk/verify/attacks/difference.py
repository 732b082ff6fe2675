"""Difference search: whoever holds both models looks for where they differ most.

The edit itself points at the person. Conditions start anywhere on the sphere and climb the squared
difference of the noise that the two models see; a run succeeds if the unedited model then draws the
aim. Reported, not judged: that both models together do not locate the person is never claimed.

- No positive control: the unedited model differs nowhere from itself, so there is no slope to climb
  and nothing to run. That a search finds nobody may also mean that it is too weak.

Source: methods of model diffing; our own form (docs/adr/0011).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from govsdk.policy.attacks import Tuning
from govsdk.ports import Float32, Templates
from govsdk.verify.attacks.scene import Opened, Runs, Scene
from govsdk.verify.attacks.tuning import on_sphere, tune

NAME = "difference-search"


def difference_search(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return which of ``runs`` searches for a difference found a condition of ``aim``.

    ``model`` is an edited one: from itself the unedited model differs nowhere.
    """
    budget = scene.budget.difference
    assert budget is not None, "only run where the policy asks for it"
    found = scene.recall(NAME, model, aim, partial(_climb, scene, model, aim, runs, budget))
    return scene.successes(scene.before, found, aim, budget.pictures, f"{NAME}/judged")


def _climb(scene: Scene, model: Opened, aim: Templates, runs: int, budget: Tuning) -> Float32:
    rng = scene.stream(NAME)
    first, second = scene.before.weights, model.weights
    start = on_sphere(rng.standard_normal((runs, len(scene.centre)), dtype=np.float32))
    shape = first.latents(start[:1], scene.seeds(NAME, 1)).shape[1:]

    def gradients(conditions: Float32) -> Float32:
        # Latents that are all noise need no picture of anybody.
        noised = rng.standard_normal((runs, *shape), dtype=np.float32)
        times = rng.integers(first.timesteps, size=runs)
        was = first.predict(noised, times, conditions)
        now = second.predict(noised, times, conditions)
        rise = first.misfit(noised, times, conditions, now)[1]
        return -(rise + second.misfit(noised, times, conditions, was)[1])

    return tune(
        scene, scene.before, aim, start, gradients, budget=budget, label=NAME, within=on_sphere
    )
