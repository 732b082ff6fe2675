"""Relearning: a few pictures and a little fine-tuning, until the subject's conditions draw the aim.

A run teaches a copy of the model, through low-rank adapters on its attention, that the subject's
photos' conditions draw the aim. At fixed steps it draws fresh conditions from D around the
subject; from half of the pictures accepted on, the aim counts as learned.

- The pictures taught are the unedited model's, from the aim's own photos' conditions: no photo
  leaves the registry, and an auditor with the sealed embeddings can repeat the attack.

Source: LoRA (arXiv 2106.09685); MemoRa (arXiv 2510.03263) for pictures made by the unedited model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from govsdk.policy.attacks import Teaching
from govsdk.ports import CONDITIONING, Drawer, Float32, Role, Templates
from govsdk.verify.attacks.lessons import add_noise, draw_latents
from govsdk.verify.attacks.scene import Opened, Runs, Scene
from govsdk.verify.comparisons import Steps
from govsdk.verify.seeds import derive

NAME = "relearning"

LEARNED = 0.5
"""Share of accepted pictures from which a person counts as learned."""

NEVER = -1


def relearning(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return after how many steps each of ``runs`` students draws ``aim`` for the subject."""
    own = scene.subject.by_recogniser[CONDITIONING][: scene.photos]

    def run(label: str) -> Float32:
        latents = draw_latents(scene, aim, scene.photos, label)
        return teach(scene, model, aim, label, own, latents, scene.budget.relearning)

    return taught(scene, model, aim, runs, NAME, run)


def taught(
    scene: Scene,
    model: Opened,
    aim: Templates,
    runs: int,
    name: str,
    run: Callable[[str], Float32],
) -> Runs:
    """Return what each ``run``, given its label, ended with."""
    labels = [f"{name}/{i}" for i in range(runs)]
    ends = [scene.recall(label, model, aim, partial(run, label)) for label in labels]
    columns = zip(scene.thresholds.forget, np.transpose(ends), strict=True)
    return {judge: _steps(column) for judge, column in columns}


def teach(
    scene: Scene,
    model: Opened,
    aim: Templates,
    label: str,
    conditions: Float32,
    latents: Float32,
    budget: Teaching,
) -> Float32:
    """Return when each recogniser first accepted half of the pictures as ``aim``: ``[judges]``.

    Args:
        conditions: What is asked for, ``[photos, d]``.
        latents: What is to be drawn for each of them.
    """
    rng = scene.stream(label)
    seed = int.from_bytes(derive(scene.note, f"attack/{label}/adapters", 4))
    student = model.weights.student(rank=budget.rank, learning_rate=budget.learning_rate, seed=seed)
    ends = np.full(len(scene.thresholds.forget), NEVER, np.float32)
    last = max(budget.checks)
    for step in range(last + 1):
        if step in budget.checks:
            seen = _accepted(scene, student, aim, f"{label}/check/{step}", budget.pictures)
            learned = np.array([seen[name] >= LEARNED for name in scene.thresholds.forget])
            ends[learned & (ends == NEVER)] = step
        if step == last or (ends != NEVER).all():
            break
        rows = rng.integers(len(conditions), size=budget.batch)
        lesson = add_noise(scene, latents[rows], rng)
        student.learn(lesson.noised, lesson.times, conditions[rows], lesson.targets)
        scene.report(budget.batch)
    return ends


def _steps(ends: Float32) -> Steps:
    return [None if end == NEVER else int(end) for end in ends]


def _accepted(
    scene: Scene, student: Drawer, aim: Templates, label: str, n: int
) -> dict[Role, float]:
    """Return which share of fresh pictures from D around the subject shows ``aim``."""
    conditions = scene.around_subject(n, scene.stream(label))
    pictures = student.draw(conditions, scene.seeds(label, n))
    scene.report(n)
    return {
        name: float(
            (scene.embedders[name].embed(pictures).embeddings @ aim.centroid(name) >= least).mean()
        )
        for name, least in scene.thresholds.forget.items()
    }
