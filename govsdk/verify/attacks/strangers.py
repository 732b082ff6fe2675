"""Who the strangers are that an attack is also aimed at.

- Enrolled, retained people whom no recogniser confuses with the subject, by a margin.
- Nobody whom the subject's conditions draw now: the replacement, or somebody like it, would succeed
  without any attack and hide a leak.
- The note chooses among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Templates
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Scores

POOL = 2
"""From how many people each stranger is chosen."""


def far_people(
    policy: Policy, subject: Templates, people: Sequence[Templates], thresholds: Thresholds
) -> list[Templates]:
    """Return the people whose centroids lie a margin below the threshold under every recogniser."""
    margin = policy.anchors.margin
    return [
        person
        for person in people
        if all(
            float(person.centroid(name) @ subject.centroid(name)) < threshold - margin
            for name, threshold in thresholds.forget.items()
        )
    ]


def absent_people(
    policy: Policy, people: Sequence[Templates], drawn: Scores, thresholds: Thresholds
) -> list[Templates]:
    """Return the people whom ``drawn`` shows no more often than the subject may be shown.

    Args:
        drawn: The edited model's pictures for the subject's conditions.
    """
    most = policy.claims.forget.bound

    def present(person: Templates) -> bool:
        return any(
            drawn.matches(name, person.centroid(name), threshold).mean() > most
            for name, threshold in thresholds.forget.items()
        )

    return [person for person in people if not present(person)]


def pick_farthest(
    people: Sequence[Templates], n: int, subject: Templates, rng: np.random.Generator
) -> list[Templates]:
    """Return up to ``n`` of the people farthest from the subject.

    The border of D's support lies half way to many a person, and there the unedited model already
    draws a face that passes for either: such a stranger would excuse anything.
    """
    centre = subject.centroid(CONDITIONING)
    farthest = sorted(people, key=lambda person: float(person.centroid(CONDITIONING) @ centre))
    return _pick(farthest[: POOL * n], n, rng)


def pick_as_far(
    people: Sequence[Templates],
    n: int,
    subject: Templates,
    drawn: Scores,
    rng: np.random.Generator,
) -> list[Templates]:
    """Return up to ``n`` of the people who are about as unlike ``drawn`` as the subject is.

    Teaching starts from what is drawn now. A replacement resembles the subject more than it does a
    stranger, and the shorter way would pass for memory.
    """

    def likeness(person: Templates) -> float:
        return float(drawn.cosines(CONDITIONING, person.centroid(CONDITIONING)).mean())

    level = likeness(subject)
    closest = sorted(people, key=lambda person: abs(likeness(person) - level))
    return _pick(closest[: POOL * n], n, rng)


def with_photos(people: Sequence[Templates], n: int, photos: int) -> list[Templates]:
    """Return the people with at least ``photos`` photos, or with as many as ``n`` people have.

    Everybody is taught as many photos as whoever has the fewest, so a stranger with few of them
    makes teaching the subject harder, too.
    """
    counts = sorted(map(len, people), reverse=True)
    least = min([photos, *counts[:n]])
    return [person for person in people if len(person) >= least]


def _pick(people: Sequence[Templates], n: int, rng: np.random.Generator) -> list[Templates]:
    return [people[place] for place in rng.permutation(len(people))[:n]]
