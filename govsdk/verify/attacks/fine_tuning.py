"""Benign fine-tuning: the model is taught other people only; does the subject come back?

- Nobody is taught who is aimed at: a stranger who was taught would come back more easily than one
  whom the copies never saw, and excuse a subject who comes back.

Reported, not judged: what unlimited fine-tuning brings back is never claimed away.

Source: concept resurgence (arXiv 2410.08074); ours teaches through adapters, as in relearning.
"""

from __future__ import annotations

import numpy as np

from govsdk.policy.attacks import Attacks
from govsdk.ports import CONDITIONING, Float32, Templates
from govsdk.verify.attacks.relearning import taught, teach
from govsdk.verify.attacks.scene import Opened, Runs, Scene

NAME = "benign-fine-tuning"


def enough_people(budget: Attacks, people: int) -> bool:
    """Return whether anybody is left to teach, with ``people`` retained ones."""
    return people > budget.strangers


def fine_tuning(scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
    """Return after how many steps on retained people the subject's conditions draw ``aim``."""
    budget = scene.budget.fine_tuning
    assert budget is not None, "only run where the policy asks for it"
    photos = np.concatenate([person.by_recogniser[CONDITIONING] for person in scene.uninvolved])

    def run(label: str) -> Float32:
        chosen = scene.stream(f"{label}/photos").choice(len(photos), budget.photos)
        seeds = scene.seeds(f"{label}/latents", budget.photos)
        latents = scene.before.weights.latents(photos[chosen], seeds)
        return teach(scene, model, aim, label, photos[chosen], latents, budget)

    return taught(scene, model, aim, runs, NAME, run)
