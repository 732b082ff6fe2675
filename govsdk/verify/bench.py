"""Which trials are run: around the subject, from their sealed photos, and over the retained panel.

- Every draw follows from the note; nothing here knows how a model was edited.
- Trials that belong together run as one stage, so that batches stay full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from govsdk.models.distribution import Conditions, draw_conditions
from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Embedder, Float32, Progress, Role, SubjectId, Templates
from govsdk.records import Sha256
from govsdk.verify.panel import Panel, choose_panel, nearest_people
from govsdk.verify.seeds import picture_seeds, stream
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Model, Scores, Store, run_trials


def baseline_counts(policy: Policy) -> tuple[int, int]:
    """Return how many of the subject's trials before an edit are from D, and from sealed photos."""
    trials = policy.controls.baseline_trials
    return trials - trials // 2, trials // 2


def forget_counts(policy: Policy) -> tuple[int, int]:
    """Return the same of those after it."""
    return policy.claims.forget.trials, policy.claims.forget.trials


@dataclass(frozen=True, eq=False)
class SubjectTrials:
    """The subject's trials under one model."""

    distribution: Scores
    """From conditions drawn from D."""
    photos: Scores
    """From the sealed photos' own conditions."""
    excluded: int
    """Directions of D that belong to somebody else."""
    alone: npt.NDArray[np.intp]
    """Which trials from D owe nothing to other people: note and subject alone give them again."""


@dataclass(frozen=True, eq=False)
class Panels:
    """The retained people's trials, in this order."""

    random: Panel
    """Everybody in turn."""
    hard: Panel | None
    """The subject's nearest people, if the policy judges them apart."""

    def parts(self, scores: Scores) -> dict[str, tuple[Panel, Scores]]:
        """Return each panel with its own share of ``scores``."""
        size = len(self.random.seeds)
        parts = {"random": (self.random, scores.part(0, size))}
        if self.hard is not None:
            parts["hard-neighbours"] = (self.hard, scores.part(size, len(scores)))
        return parts


@dataclass(frozen=True, eq=False)
class Bench:
    """One sitting of the judge: the people, the recognisers and the note that fixes all draws."""

    policy: Policy
    subject: Templates
    people: Sequence[Templates]
    """Retained people whom every recogniser knows, never the subject; none for a reproduction."""
    embedders: Mapping[Role, Embedder]
    thresholds: Thresholds
    note: bytes
    progress: Progress
    features: Mapping[str, Embedder] = field(default_factory=dict)
    """Networks that retained people's pictures are shown to besides; they judge nothing."""

    def subject_trials(
        self,
        model: Model,
        sealed: Sequence[int],
        counts: tuple[int, int],
        store: Store,
        *,
        stage: str,
    ) -> SubjectTrials:
        """Return the subject's trials: ``counts`` from D and from the ``sealed`` photos."""
        around, photos = counts
        drawn = self.around(self.subject, around, stage)
        fold = self.subject.by_recogniser[CONDITIONING][list(sealed)]
        conditions = np.concatenate([drawn.embeddings, fold[np.arange(photos) % len(fold)]])
        seeds = picture_seeds(self.note, stage, around + photos)
        scores = self._run(model, conditions, seeds, store, stage)
        return SubjectTrials(
            scores.part(0, around),
            scores.part(around, around + photos),
            drawn.excluded,
            self._alone(drawn, stage),
        )

    def panels(self, predecessor: Sha256, sealed: Mapping[SubjectId, Sequence[int]]) -> Panels:
        """Return the retained panel and, if the policy asks, the subject's nearest people.

        Args:
            sealed: Of each retained person the photos that the editor did not see, maybe none.
        """
        claim = self.policy.claims.retention
        rng = stream(self.note, "panel")
        people = [person for person in self.people if sealed[person.subject]]
        random = choose_panel(people, sealed, claim.pairs, model=predecessor, rng=rng)
        if claim.hard_neighbours is None:
            return Panels(random, None)
        nearest = nearest_people(self.subject, people, claim.hard_neighbours.people)
        pairs = claim.hard_neighbours.pairs
        return Panels(random, choose_panel(nearest, sealed, pairs, model=predecessor, rng=rng))

    def panel_trials(self, model: Model, panels: Panels, store: Store, *, stage: str) -> Scores:
        """Return the trials of all panels under ``model``."""
        every = [panel for panel in (panels.random, panels.hard) if panel is not None]
        conditions = np.concatenate([panel.conditions for panel in every])
        seeds = [seed for panel in every for seed in panel.seeds]
        return self._run(model, conditions, seeds, store, stage, self.features)

    def probe(self, model: Model, person: Templates, n: int, label: str, store: Store) -> Scores:
        """Return ``n`` trials from D around somebody forgotten earlier."""
        drawn = self.around(person, n, label)
        seeds = picture_seeds(self.note, label, n)
        return self._run(model, drawn.embeddings, seeds, store, "screen")

    def around(self, person: Templates, n: int, label: str) -> Conditions:
        """Return ``n`` conditions from D around ``person``, by the random numbers of ``label``."""
        centres = [other.centroid(CONDITIONING) for other in self.people]
        others = np.stack(centres) if centres else np.empty((0, 0), dtype=np.float32)
        rng = stream(self.note, f"{label}/conditions")
        radius = self.thresholds.radius
        return draw_conditions(person.centroid(CONDITIONING), others, n, radius=radius, rng=rng)

    def _alone(self, drawn: Conditions, stage: str) -> npt.NDArray[np.intp]:
        """Return the places of the draws around the subject that need nobody else's centroid."""
        bench = replace(self, people=())
        again = bench.around(self.subject, len(drawn.embeddings), stage).embeddings
        return np.flatnonzero((drawn.embeddings == again).all(axis=1))

    def _run(
        self,
        model: Model,
        conditions: Float32,
        seeds: Sequence[int],
        store: Store,
        stage: str,
        features: Mapping[str, Embedder] | None = None,
    ) -> Scores:
        return run_trials(
            model,
            conditions,
            seeds,
            {**self.embedders, **(features or {})},
            store=store,
            stage=stage,
            progress=self.progress,
        )
