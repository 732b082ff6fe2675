"""Free token: the identity's whole token is optimised, as no photo could ever give it.

Reported, not judged: a decoder for open sets draws almost anybody from a token that is free enough.

Source: concept inversion (arXiv 2308.01508); theirs learns a new word, ours the direction of the
token that carries the identity.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from govsdk.policy.attacks import Tuning
from govsdk.ports import Float32, Templates
from govsdk.verify.attacks.lessons import LESSONS, lessons_of
from govsdk.verify.attacks.scene import Opened, Runs, Scene
from govsdk.verify.attacks.tuning import on_sphere, tune

NAME = "free-token"


def free_token(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return which of ``runs`` free tokens, tuned from near the subject's, draw ``aim``."""
    budget = scene.budget.free_token
    assert budget is not None, "only run where the policy asks for it"
    found = scene.recall(NAME, model, aim, partial(_tune, scene, model, aim, runs, budget))
    return scene.successes(model, found, aim, budget.pictures, f"{NAME}/judged")


def _tune(scene: Scene, model: Opened, aim: Templates, runs: int, budget: Tuning) -> Float32:
    rng = scene.stream(NAME)
    start = np.zeros((runs, model.weights.width), np.float32)
    start[:, : len(scene.centre)] = scene.around_subject(runs, rng)
    lessons = lessons_of(scene, aim, NAME, rng)

    def gradients(tokens: Float32) -> Float32:
        now = lessons[rng.integers(LESSONS, size=runs)]
        return model.weights.misfit(now.noised, now.times, tokens, now.targets)[1]

    return tune(scene, model, aim, start, gradients, budget=budget, label=NAME, within=on_sphere)
