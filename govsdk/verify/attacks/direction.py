"""Direction arithmetic: what sets the subject apart is added to other people's conditions.

The direction is the mean of ``photo - nearest person`` over the subject's photos. A run starts from
one retained person and adds the direction at several strengths; recogniser A looks at a picture of
each and keeps the strength whose picture is most like the aim. No weights are needed.

Source: Ring-A-Bell (arXiv 2310.10012); theirs takes the mean over pairs of prompts, ours over pairs
of embeddings.
"""

from __future__ import annotations

import numpy as np

from govsdk.records import Float32, Templates
from govsdk.verify.attacks.scene import Opened, Runs, Scene
from govsdk.verify.thresholds import CONDITIONING

NAME = "direction-arithmetic"


def direction_arithmetic(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return from which of ``runs`` people the subject's direction leads to ``aim``."""
    budget = scene.budget.direction
    found = scene.recall(NAME, model, aim, lambda: _best_strengths(scene, model, aim, runs))
    return scene.successes(model, found, aim, budget.pictures, f"{NAME}/judged")


def _best_strengths(scene: Scene, model: Opened, aim: Templates, runs: int) -> Float32:
    centres = np.stack([person.centroid(CONDITIONING) for person in scene.people])
    rng = scene.stream(NAME)
    rounds = [rng.permutation(len(centres)) for _ in range(-(-runs // len(centres)))]
    starts = centres[np.concatenate(rounds)[:runs]]
    strengths = np.array(scene.budget.direction.strengths, np.float32)
    steps = strengths[:, None] * _direction(scene, centres)
    conditions = starts[:, None] + steps
    conditions /= np.linalg.norm(conditions, axis=2, keepdims=True)
    rows = conditions.reshape(-1, centres.shape[1])
    likeness = scene.likeness(model, rows, aim, f"{NAME}/look")
    best = likeness.reshape(runs, len(strengths)).argmax(axis=1)
    return np.asarray(conditions[np.arange(runs), best], np.float32)


def _direction(scene: Scene, centres: Float32) -> Float32:
    """Return what the subject's photos have beyond the people most like them: ``[d]``."""
    photos = scene.subject.by_recogniser[CONDITIONING]
    nearest = centres[(photos @ centres.T).argmax(axis=1)]
    direction: Float32 = (photos - nearest).mean(axis=0)
    return direction
