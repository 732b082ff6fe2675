"""Direction arithmetic: what sets the subject apart is added to other people's conditions.

The direction is the mean of ``photo - people most like it`` over the subject's photos. A run starts
from a retained person of its own and adds the direction at several strengths; recogniser A looks at
a picture of each and keeps the strength whose picture is most like the aim. No weights are needed.

Source: Ring-A-Bell (arXiv 2310.10012); theirs takes the mean over pairs of prompts, ours over pairs
of embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from govsdk.policy.attacks import Attacks
from govsdk.ports import CONDITIONING, Float32, Templates
from govsdk.verify.attacks.scene import Opened, Runs, Scene

NAME = "direction-arithmetic"

MATCHES = 8
"""People that a photo is compared with: a single one leaves too much of himself in the direction to
come near the subject at any strength."""


def direction_arithmetic(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return from which of ``runs`` people the subject's direction leads to ``aim``.

    Two runs from one person would tell hardly more than one, so as many people are needed besides
    the strangers: see :func:`enough_people`.
    """
    budget = scene.budget.direction
    found = scene.recall(NAME, model, aim, lambda: _best_strengths(scene, model, aim, runs))
    return scene.successes(model, found, aim, budget.pictures, f"{NAME}/judged")


def enough_people(budget: Attacks, people: int) -> bool:
    """Return whether each run has somebody else to start from, with ``people`` retained ones."""
    return people - budget.strangers >= budget.direction.runs


def _best_strengths(scene: Scene, model: Opened, aim: Templates, runs: int) -> Float32:
    # Whoever starts at a stranger has found the stranger.
    starts = _centres(scene.uninvolved)
    starts = starts[scene.stream(NAME).permutation(len(starts))[:runs]]
    strengths = np.array(scene.budget.direction.strengths, np.float32)
    steps = strengths[:, None] * _direction(scene)
    conditions = starts[:, None] + steps
    conditions /= np.linalg.norm(conditions, axis=2, keepdims=True)
    rows = conditions.reshape(-1, starts.shape[1])
    likeness = scene.likeness(model, rows, aim, f"{NAME}/look")
    best = likeness.reshape(runs, len(strengths)).argmax(axis=1)
    return np.asarray(conditions[np.arange(runs), best], np.float32)


def _direction(scene: Scene) -> Float32:
    """Return what the subject's photos have beyond the people most like them: ``[d]``."""
    photos, centres = scene.subject.by_recogniser[CONDITIONING], _centres(scene.people)
    nearest = np.argsort(-(photos @ centres.T), axis=1)[:, :MATCHES]
    direction: Float32 = (photos - centres[nearest].mean(axis=1)).mean(axis=0)
    return direction


def _centres(people: Sequence[Templates]) -> Float32:
    return np.stack([person.centroid(CONDITIONING) for person in people])
