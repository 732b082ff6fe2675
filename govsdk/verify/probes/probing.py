"""What the probes of one verification share: the models, the draws, and a line for each recogniser.

- A condition and its seed are drawn under both models, so that lines differ by the edit alone.
- A changed sampler or a photo to begin from makes another model, with a name of its own: a store
  never answers for it with pictures of the plain one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from govsdk.canonical import digest
from govsdk.models.distribution import Conditions, draw_conditions
from govsdk.ports import CONDITIONING, Drawer, Float32, Picture, Templates
from govsdk.records import Reported, Resource
from govsdk.verify.bench import Bench
from govsdk.verify.lines import MATCH_RATE, Side, rate_line
from govsdk.verify.seeds import picture_seeds, stream
from govsdk.verify.trials import Model, Scores, Store, run_trials

Who = Literal["subject", "stranger"]

SIDES: tuple[Side, ...] = ("before", "after")


@dataclass(frozen=True, eq=False)
class Portraits:
    """Somebody's photos, and the embeddings to draw from: row ``i`` belongs to photo ``i``."""

    templates: Templates
    """All of the person's embeddings; their centroid is what pictures are compared with."""
    photos: Sequence[Picture]
    conditions: Float32
    """``[photos, d]``, unit rows."""


@dataclass(frozen=True, eq=False)
class Probing:
    """One verification, as its probes see it."""

    bench: Bench
    before: Model
    after: Model
    journal: Store
    anchor: Float32 | None = None
    """The anchor's centroid under A, ``[d]``."""
    subject: Portraits | None = None
    """The subject's sealed photos, where they are kept."""
    stranger: Portraits | None = None
    """A person never forgotten, who is not the anchor."""

    @property
    def centre(self) -> Float32:
        """The subject's centroid under the conditioning recogniser, ``[d]``."""
        return self.bench.subject.centroid(CONDITIONING)

    @property
    def others(self) -> Float32:
        """Other people's centroids, ``[people, d]``."""
        return np.stack([person.centroid(CONDITIONING) for person in self.bench.people])

    def around(self, n: int, label: str) -> Conditions:
        """Return ``n`` conditions from D around the subject."""
        return self.bench.around(self.bench.subject, n, label)

    def at_angle(self, angle: float, n: int, label: str) -> Conditions:
        """Return ``n`` conditions at ``angle`` (radians) from the subject, isotropic.

        Raises:
            RequestError: nearly every direction belongs to somebody else.
        """
        return draw_conditions(
            self.centre,
            self.others,
            n,
            radius=angle,
            rng=stream(self.bench.note, f"{label}/conditions"),
            least=angle,
            directions="isotropic",
        )

    def model(self, side: Side) -> Model:
        """Return the unedited or the edited model."""
        return self.before if side == "before" else self.after

    def varied(self, side: Side, drawer: Drawer, **how: object) -> Model:
        """Return ``drawer`` as a model of its own, named by the plain one and ``how`` it draws."""
        plain = self.model(side).resource
        return Model(Resource(name=plain.name, sha256=digest({"of": plain.sha256, **how})), drawer)

    def seeds(self, name: str, part: str, n: int) -> list[int]:
        """Return the generation seeds of one part of a probe."""
        return picture_seeds(self.bench.note, f"{name}/{part}", n)

    def draw(self, model: Model, conditions: Float32, name: str, part: str) -> Scores:
        """Return the scores of one picture for each condition."""
        seeds = self.seeds(name, part, len(conditions))
        return run_trials(
            model,
            conditions,
            seeds,
            self.bench.embedders,
            store=self.journal,
            stage=f"probe {name}",
            progress=self.bench.progress,
        )

    def both(
        self, conditions: Float32, name: str, part: str, *, excluded: int | None = None
    ) -> Iterator[Reported]:
        """Yield how often either model draws the subject for these conditions."""
        for side in SIDES:
            scores = self.draw(self.model(side), conditions, name, part)
            yield from self.lines(scores, name, part, side, excluded=excluded)

    def lines(
        self,
        scores: Scores | None,
        name: str,
        part: str,
        side: Side,
        *,
        of: Who = "subject",
        person: Templates | None = None,
        excluded: int | None = None,
    ) -> Iterator[Reported]:
        """Yield one line for each recogniser: how often the pictures show the person.

        Args:
            scores: None: it could not be evaluated.
            person: Whom the pictures are compared with; default: the subject.
        """
        whom = person or self.bench.subject
        for recogniser, threshold in self.bench.thresholds.forget.items():
            line = Reported(
                name=name,
                part=part,
                model=side,
                of=of,
                recogniser=recogniser,
                metric=MATCH_RATE,
                excluded=excluded,
            )
            if scores is None:
                yield line
            else:
                hits = scores.matches(recogniser, whom.centroid(recogniser), threshold)
                yield rate_line(line, int(hits.sum()), len(scores))
