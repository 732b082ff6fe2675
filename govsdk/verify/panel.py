"""The retained panel: other people's pictures, from the same condition and seed before and after.

- Only photos that the editor did not see are asked for.
- The panel goes through all people before it takes a second photo of anyone.
- Which photos are judged follows from the note. The seed of a photo's picture follows from the
  unedited model and the photo alone, so each such picture is drawn once per model version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from govsdk.ports import CONDITIONING, Float32, Role, SubjectId, Templates
from govsdk.records import Sha256
from govsdk.verify.seeds import picture_seed


@dataclass(frozen=True, eq=False)
class Panel:
    """``n`` (condition, seed) pairs and the people they belong to."""

    people: Sequence[Templates]
    person: npt.NDArray[np.intp]
    """``[n]``, index into ``people``."""
    conditions: Float32
    """``[n, d]``, unit rows: one of the person's own photos each."""
    seeds: Sequence[int]

    def centroids(self, recogniser: Role) -> Float32:
        """Return the centroid ``[n, d]`` of the person of each pair."""
        stack = np.stack([person.centroid(recogniser) for person in self.people])
        return np.asarray(stack[self.person], dtype=np.float32)


def choose_panel(
    people: Sequence[Templates],
    sealed: Mapping[SubjectId, Sequence[int]],
    pairs: int,
    *,
    model: Sha256,
    rng: np.random.Generator,
) -> Panel:
    """Return ``pairs`` pairs spread evenly over ``people`` (at least one).

    Args:
        sealed: Which photos of each of them may be asked for, at least one.
        model: Digest of the unedited model.
        rng: Decides the order of people and of each one's photos.
    """
    photos = [person.by_recogniser[CONDITIONING][list(sealed[person.subject])] for person in people]
    orders = [rng.permutation(len(rows)) for rows in photos]
    rounds = ceil(pairs / len(people))
    turns = np.concatenate([rng.permutation(len(people)) for _ in range(rounds)])[:pairs]
    conditions, seeds = [], []
    for turn, person in enumerate(turns):
        repetition, place = divmod(turn // len(people), len(photos[person]))
        condition = photos[person][orders[person][place]]
        origin = bytes.fromhex(model) + condition.astype("<f4").tobytes()
        conditions.append(condition)
        seeds.append(picture_seed(origin, f"panel/{repetition}"))
    return Panel(people, turns, np.stack(conditions), seeds)


def nearest_people(subject: Templates, people: Sequence[Templates], most: int) -> list[Templates]:
    """Return up to ``most`` of ``people`` whose centroids under A lie nearest to the subject's."""
    centre = subject.centroid(CONDITIONING)
    cosines = [float(person.centroid(CONDITIONING) @ centre) for person in people]
    order = sorted(range(len(people)), key=lambda i: -cosines[i])
    return [people[i] for i in order[:most]]
