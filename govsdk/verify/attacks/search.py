"""Embedding search: conditions near the subject are optimised until the model draws the aim.

Every second run follows P4D and looks for a condition under which the model sees what the unedited
model sees for the aim's own condition; the others follow UnlearnDiffAtk and look for one under
which it sees the noise that was added to the aim's latents.

A run starts at a draw from D around the subject and never leaves D's support, or the inner part of
it that the policy names.

Source: P4D (Chin et al., ICML 2024), UnlearnDiffAtk (arXiv 2310.11868); theirs optimise words, ours
the identity embedding (docs/adr/0011).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from govsdk.ports import CONDITIONING, Float32, Templates
from govsdk.verify.attacks.lessons import LESSONS, Lessons, lessons_of
from govsdk.verify.attacks.scene import Opened, Runs, Scene
from govsdk.verify.attacks.tuning import tune

NAME = "embedding-search"


def embedding_search(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return which of ``runs`` searches near the subject found a condition that draws ``aim``."""
    found = scene.recall(NAME, model, aim, partial(_search, scene, model, aim, runs))
    return scene.successes(model, found, aim, scene.budget.search.pictures, f"{NAME}/judged")


def _search(scene: Scene, model: Opened, aim: Templates, runs: int) -> Float32:
    rng = scene.stream(NAME)
    reach = scene.budget.search.reach
    start = scene.around_subject(runs, rng, reach=reach)
    lessons = _as_the_unedited_model_sees(scene, lessons_of(scene, aim, NAME, rng), aim)
    half = LESSONS // 2

    def gradients(conditions: Float32) -> Float32:
        now = lessons[2 * rng.integers(half, size=runs) + np.arange(runs) % 2]
        return model.weights.misfit(now.noised, now.times, conditions, now.targets)[1]

    return tune(
        scene,
        model,
        aim,
        start,
        gradients,
        budget=scene.budget.search,
        label=NAME,
        within=partial(scene.pull_inside, reach=reach),
    )


def _as_the_unedited_model_sees(scene: Scene, lessons: Lessons, aim: Templates) -> Lessons:
    """Return P4D's targets in the even places; the added noise stays in the odd ones."""
    own = np.broadcast_to(aim.centroid(CONDITIONING), (LESSONS // 2, len(scene.centre)))
    targets = lessons.targets.copy()
    targets[::2] = scene.before.weights.predict(lessons.noised[::2], lessons.times[::2], own)
    return Lessons(lessons.noised, lessons.times, targets)
