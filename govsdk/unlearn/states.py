"""States: where the network is asked when it is asked as it is used.

PIU asks under pure noise, which a noised latent looks like at the largest timesteps alone. Here a
step asks in states that the teacher's own sampling passed through: of the anchor and of the subject
for the subject's conditions, of everybody else for what is to be preserved. What the teacher sees
there is known from the sampling, so a step needs no pass of the teacher for it.

- A fixed pool, drawn once before the first step; the rows of step k depend on the people, the
  settings, the seed and k alone, so that an interrupted edit draws what it would have drawn.
- The people most like the subject are preserved with all their photos: an edit harms them first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from govsdk.errors import RequestError
from govsdk.models.generator import BATCH, Generator
from govsdk.models.passed import Passed
from govsdk.models.whitebox import WhiteBox
from govsdk.ports import Float32, Int64, Progress
from govsdk.unlearn.people import People, Rows
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.searching import hard_conditions
from govsdk.unlearn.streams import stream

MOST_PHOTOS = 24
"""Photos of a neighbour that are preserved at most."""

MOST_OTHERS = 256
"""People besides the neighbours of whom photos are preserved at most."""


@dataclass(frozen=True, eq=False)
class _Pool:
    """States of several pictures."""

    passed: Passed
    owner: Int64
    """Whose each state is, ``[states]``: a redirection's place, or a kept condition's."""


@dataclass(eq=False)
class States:
    """The pools that steps draw from."""

    people: People
    settings: PiuSettings
    seed: int
    redirected: _Pool
    """Of the subject's redirection and of earlier ones; ``given`` is seen under the anchor's."""
    kept: _Pool
    conditions: Float32
    """The kept conditions, ``[pictures, d]``."""
    near: int
    """How many of the kept states are the neighbours': the first ones."""
    wanted: Passed
    """The subject's own states, as the teacher sees them under the subject's conditions."""
    hard: Float32
    """Conditions that were found hard so far, ``[k, d]``."""

    @classmethod
    def draw(
        cls,
        teacher: Generator,
        people: People,
        settings: PiuSettings,
        seed: int,
        progress: Progress,
    ) -> States:
        """Return the states that the ``teacher`` passes through, the same for the same seed."""
        rng = stream(seed, "states")
        sampler = teacher.resampled(steps=settings.states)
        own, leads = _redirections(people, settings, rng)
        kept, near = _kept_photos(people, settings, rng)
        rows, parts = np.concatenate([own, kept]), []
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            parts.append(sampler.passed(part, rng.integers(2**62, size=len(part)).tolist()))
            progress("states", min(start + BATCH, len(rows)), len(rows))
        passed, border = Passed.joined(parts), len(own) * settings.states
        redirected, preserved = passed.rows(slice(0, border)), passed.rows(slice(border, None))
        places = np.repeat(leads, settings.states)
        anchors = np.stack([each.anchor for each in people.redirections])[places]
        given = WhiteBox(teacher).predict(redirected.latents, redirected.timesteps, anchors)
        return cls(
            people,
            settings,
            seed,
            _Pool(replace(redirected, given=given), places),
            _Pool(preserved, np.repeat(np.arange(len(kept)), settings.states)),
            kept,
            near * settings.states,
            redirected.rows(_own_states(settings)),
            np.empty((0, kept.shape[1]), np.float32),
        )

    def search(self, student: Generator, step: int) -> None:
        """Look for conditions that are hard for the student before training step ``step``."""
        settings, people, subject = self.settings, self.people, self.people.subject
        if not settings.searched or step % settings.search_every:
            return
        if people.radius is None:
            raise RequestError("a search for hard conditions needs the radius of D")
        rng = stream(self.seed, "search", step)
        found = hard_conditions(
            student,
            people.around(subject, settings.batch, settings, rng),
            self.wanted,
            centroid=subject.centroid,
            others=people.centroids,
            radius=settings.reach * people.radius,
            rng=rng,
        )
        self.hard = np.concatenate([self.hard, found])

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that changes from step to step, by name."""
        return {"found/hard": torch.from_numpy(self.hard)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` gave."""
        self.hard = tensors["found/hard"].numpy()

    def rows(self, step: int) -> Rows:
        """Return the rows of training step ``step``."""
        settings, rng = self.settings, stream(self.seed, "rows", step)
        n, m = settings.batch, settings.batch * settings.preserved
        subject, who = self.people.conditions(n, settings, rng, self.hard)
        own = np.array([self._state(int(each), rng) for each in who])
        kept = self._preserved(m, rng)
        empty = rng.random(m) < settings.empty
        first, second = self.redirected.passed, self.kept.passed
        preserved = np.where(empty[:, None, None, None], second.empty[kept], second.given[kept])
        return Rows(
            subject,
            np.stack([self.people.redirections[each].anchor for each in who]),
            self.conditions[self.kept.owner[kept]],
            empty,
            (first.latents[own], second.latents[kept]),
            (first.timesteps[own], second.timesteps[kept]),
            (first.given[own], preserved),
        )

    def _preserved(self, m: int, rng: np.random.Generator) -> Int64:
        """Return which kept states are asked, ``[m]``."""
        last = len(self.kept.owner)
        if not 0 < self.near < last:
            return rng.integers(last, size=m)
        near = rng.random(m) < self.settings.nearby
        return np.where(
            near, rng.integers(self.near, size=m), rng.integers(self.near, last, size=m)
        )

    def _state(self, redirection: int, rng: np.random.Generator) -> int:
        return int(rng.choice(np.flatnonzero(self.redirected.owner == redirection)))


def _kept_photos(
    people: People, settings: PiuSettings, rng: np.random.Generator
) -> tuple[Float32, int]:
    """Return whose photos are preserved ``[pictures, d]``, and how many are the nearest people's.

    Theirs come first, all of them; of everybody else there are some. However many people are
    enrolled, and with however many photos, the pool stays of one size.
    """
    nearest = np.argsort(-(people.centroids @ people.subject.centroid))
    near = [people.retained[who][:MOST_PHOTOS] for who in nearest[: settings.neighbours]]
    rest = nearest[settings.neighbours :]
    if len(rest) > MOST_OTHERS:
        rest = rng.choice(rest, MOST_OTHERS, replace=False)
    others = [rng.permutation(people.retained[who])[: settings.photos] for who in rest]
    return np.concatenate([*near, *others]), sum(map(len, near))


def _own_pictures(count: int) -> int:
    """Return how many of a redirection's pictures are the person's own: half; the last ones."""
    return count // 2


def _own_states(settings: PiuSettings) -> slice:
    """Return where the subject's own states lie among all redirections'."""
    last = settings.pictures * settings.states
    return slice(last - _own_pictures(settings.pictures) * settings.states, last)


def _redirections(
    people: People, settings: PiuSettings, rng: np.random.Generator
) -> tuple[Float32, Int64]:
    """Return what is drawn for redirections ``[n, d]``, and which each belongs to ``[n]``.

    Half of a redirection's pictures are the anchor's, half the person's own.
    """
    earlier = min(1.0, settings.replay) if people.earlier else 0.0
    counts = [settings.pictures] + [
        max(2, round(settings.pictures * earlier / len(people.earlier))) for _ in people.earlier
    ]
    rows, leads = [], []
    for place, (who, count) in enumerate(zip(people.redirections, counts, strict=True)):
        own = _own_pictures(count)
        rows += [np.repeat(who.anchor[None], count - own, axis=0)]
        rows += [people.around(who, own, settings, rng)]
        leads += [place] * count
    return np.concatenate(rows), np.array(leads)
