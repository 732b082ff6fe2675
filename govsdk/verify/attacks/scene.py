"""Where an attack takes place: the people, the weights, and what an attacker may use.

- All randomness follows from the note and a label that does not name the aim: subject, strangers
  and unedited model are attacked from the same starts, with the same noise.
- What a run found is personal data: it goes into the request's store and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from govsdk.models.distribution import draw_conditions, pull_inside
from govsdk.policy.attacks import Attacks
from govsdk.ports import CONDITIONING, Embedder, Float32, Role, Templates
from govsdk.records import Resource
from govsdk.verify.comparisons import Steps
from govsdk.verify.seeds import picture_seeds, stream
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Model, Store, run_trials
from govsdk.verify.weights import Weights

Runs = Mapping[Role, Steps]
"""After how many steps each run of an attack succeeded, under each recogniser."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A model whose weights the attacker holds."""

    resource: Resource
    weights: Weights


@dataclass(frozen=True, eq=False)
class Scene:
    """What every attack of one sitting shares."""

    budget: Attacks
    subject: Templates
    people: Sequence[Templates]
    """Retained people."""
    strangers: Sequence[Templates]
    """Those of them whom the attack is also aimed at."""
    before: Opened
    """The unedited model: the attacker's teacher."""
    embedders: Mapping[Role, Embedder]
    thresholds: Thresholds
    note: bytes
    store: Store
    report: Callable[[int], None]
    """Told how much of the work a step was: one unit for each picture or gradient."""

    @property
    def uninvolved(self) -> list[Templates]:
        """The retained people whom the attack is not aimed at."""
        aimed = {person.subject for person in self.strangers}
        return [person for person in self.people if person.subject not in aimed]

    def stream(self, label: str) -> np.random.Generator:
        """Return the random numbers of ``label``."""
        return stream(self.note, f"attack/{label}")

    def seeds(self, label: str, n: int) -> list[int]:
        """Return ``n`` generation seeds of ``label``."""
        return picture_seeds(self.note, f"attack/{label}", n)

    def around_subject(self, n: int, rng: np.random.Generator, *, reach: float = 1.0) -> Float32:
        """Return ``n`` draws ``[n, d]`` from D around the subject, its radius times ``reach``."""
        radius = reach * self.thresholds.radius
        return draw_conditions(self.centre, self._others(), n, radius=radius, rng=rng).embeddings

    def pull_inside(self, conditions: Float32, *, reach: float) -> Float32:
        """Return ``conditions`` pulled back to where such draws can lie."""
        radius = reach * self.thresholds.radius
        return pull_inside(conditions, self.centre, self._others(), radius=radius)

    @property
    def photos(self) -> int:
        """How many photos of a person are taught: as many as everybody has who is aimed at."""
        return min(self.budget.relearning.photos, *map(len, (self.subject, *self.strangers)))

    @property
    def centre(self) -> Float32:
        """The subject's centroid ``[d]`` under recogniser A."""
        return self.subject.centroid(CONDITIONING)

    def recall(
        self, name: str, model: Opened, aim: Templates, compute: Callable[[], Float32]
    ) -> Float32:
        """Return what ``compute`` found, from the store if it was found before."""
        said = (name, model.resource.sha256, self.before.resource.sha256, self.budget.digest)
        secret = self.note + aim.centroid(CONDITIONING).astype("<f4").tobytes()
        key = hashlib.sha256("\n".join(said).encode() + secret).hexdigest()
        known = self.store.get([key])
        if key not in known:
            found = compute().astype("<f4")
            shape = np.array([found.ndim, *found.shape], "<i4")
            self.store.put({key: shape.tobytes() + found.tobytes()})
            return found
        axes = int(np.frombuffer(known[key], "<i4", 1)[0])
        lengths = np.frombuffer(known[key], "<i4", axes, 4)
        return np.frombuffer(known[key], "<f4", offset=4 + 4 * axes).reshape(lengths)

    def likeness(self, model: Opened, conditions: Float32, aim: Templates, label: str) -> Float32:
        """Return how much one picture of each condition looks like ``aim`` to recogniser A."""
        scores = run_trials(
            Model(model.resource, model.weights),
            conditions,
            self.seeds(label, len(conditions)),
            {CONDITIONING: self.embedders[CONDITIONING]},
            store=self.store,
            stage=label,
        )
        self.report(len(conditions))
        return scores.cosines(CONDITIONING, aim.centroid(CONDITIONING)).astype(np.float32)

    def successes(
        self, model: Opened, conditions: Float32, aim: Templates, pictures: int, label: str
    ) -> Runs:
        """Return which runs' conditions ``[runs, d]`` draw ``aim``: at step 0, or never.

        Each condition draws ``pictures`` fresh pictures; one that is accepted is a success.
        """
        scores = run_trials(
            Model(model.resource, model.weights),
            np.repeat(conditions, pictures, axis=0),
            self.seeds(label, len(conditions) * pictures),
            self.embedders,
            store=self.store,
            stage=label,
        )
        self.report(len(conditions) * pictures)
        found: dict[Role, Steps] = {}
        for name, threshold in self.thresholds.forget.items():
            hits = scores.matches(name, aim.centroid(name), threshold).reshape(-1, pictures)
            found[name] = [0 if any(row) else None for row in hits.tolist()]
        return found

    def _others(self) -> Float32:
        return np.stack([person.centroid(CONDITIONING) for person in self.people])
