"""Three ways to find a scattered person all the same, and whether they find that person.

- Prototype enrolment: a few photos are enrolled anew; are fresh pictures accepted?
- Held-out retrieval: a few photos lie among everybody's; is one of them the nearest to fresh
  pictures?
- k-shot: a linear classifier is taught a few photos against everybody's; does it accept fresh
  pictures?

A run is a success if half of its fresh pictures are found: single ones are, of anybody, by chance.

A recogniser tells people apart whom it never saw, so that an ordinary person is found by each of
them, always: no yardstick for somebody who should not be. The strangers here are *pretended* ones,
each photo of whom is of somebody else: found as often as chance has it, like a person of whom
nothing is left that one picture shares with the next.

Source: prototypical relearning (arXiv 2506.01318) for the first; docs/adr/0015 for the yardstick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govsdk.errors import TooFewPeopleError
from govsdk.ports import Float32
from govsdk.records import Attack
from govsdk.verify.attacks.lines import Group, count_line
from govsdk.verify.comparisons import Steps
from govsdk.verify.recognition.sight import Sight, template_of
from govsdk.verify.seeds import stream

_RIDGE = 1e-3


@dataclass(frozen=True)
class Budget:
    """How hard is tried."""

    runs: int = 24
    """Runs of each attack, at the subject and at each stranger."""
    strangers: int = 3
    """Pretended people."""
    enrolled: int = 5
    """Photos that are enrolled, or lie in the gallery."""
    shots: int = 10
    """Photos that the classifier is taught."""
    fresh: int = 4
    """Fresh pictures in a run; half of them found is a success."""
    false_accepts: float = 0.01
    """Share of other people's photos that the classifier may accept."""
    bound: float = 0.25
    """The subject may be found in so many more of the runs than a stranger, as a fraction."""


@dataclass(frozen=True, eq=False)
class _Person:
    """Somebody to be found, and among whom."""

    photos: Float32
    fresh: Float32
    others: Float32
    """Photos of people who are neither in the photos nor in the fresh pictures."""


Found = npt.NDArray[np.bool_]
"""Which of a run's fresh pictures were found to be the person's."""

Tactic = Callable[[_Person, Budget, float, np.random.Generator], Found]
"""One run, at a recogniser's threshold."""


def attack(
    before: Sight,
    after: Sight,
    *,
    recogniser: str,
    threshold: float,
    alpha: float,
    control: float,
    budget: Budget,
    gated: bool,
    seed: bytes,
) -> list[Attack]:
    """Return the line of each attack on the edited recogniser.

    Args:
        threshold: Cosine from which the recogniser accepts.
        control: Rate at which the unedited recogniser must be shown to find the subject.
        gated: Whether the lines are judged; otherwise they are only reported.
        seed: From it follows who is pretended, and every choice of photos; the same choices for
            the unedited recogniser and the edited one.

    Raises:
        TooFewPeopleError: Too few people have photos to make the pretended ones of.
    """
    lines = []
    for name, tactic in TACTICS.items():

        def runs(who: _Person, label: str, name: str = name, tactic: Tactic = tactic) -> Steps:
            rng = stream(seed, f"recognition/{name}/{label}")
            shares = [tactic(who, budget, threshold, rng).mean() for _ in range(budget.runs)]
            return [0 if share >= 0.5 else None for share in shares]

        (own, strangers), (was, beside) = (_people(each, budget, seed) for each in (after, before))
        group = Group(
            runs(own, "subject"),
            [runs(who, f"stranger/{i}") for i, who in enumerate(strangers)],
            runs(was, "subject"),
            [step for i, who in enumerate(beside) for step in runs(who, f"stranger/{i}")],
        )
        bound = budget.bound if gated else None
        lines.append(count_line(name, recogniser, group, bound=bound, alpha=alpha, control=control))
    return lines


def prototype_enrolment(
    who: _Person, budget: Budget, threshold: float, rng: np.random.Generator
) -> Found:
    """Return which fresh pictures a template of a few photos accepts."""
    template = template_of(_some(who.photos, budget.enrolled, rng))
    return np.asarray(_some(who.fresh, budget.fresh, rng) @ template >= threshold)


def held_out_retrieval(
    who: _Person, budget: Budget, threshold: float, rng: np.random.Generator
) -> Found:
    """Return to which fresh pictures the nearest of everybody's photos is the person's own."""
    own = _some(who.photos, budget.enrolled, rng)
    queries = _some(who.fresh, budget.fresh, rng)
    nearest_own, nearest = (queries @ own.T).max(axis=1), (queries @ who.others.T).max(axis=1)
    return np.asarray(nearest_own > nearest)


def k_shot(who: _Person, budget: Budget, threshold: float, rng: np.random.Generator) -> Found:
    """Return which fresh pictures a linear classifier of a few photos accepts.

    Ridge regression; half of the others teach it, the other half set its threshold.
    """
    own = _some(who.photos, budget.shots, rng)
    others = rng.permutation(who.others)
    half = len(others) // 2
    plane = _ridge(own, others[:half])
    accepts = np.quantile(others[half:] @ plane, 1 - budget.false_accepts)
    return np.asarray(_some(who.fresh, budget.fresh, rng) @ plane > accepts)


TACTICS: Mapping[str, Tactic] = {
    "prototype-enrolment": prototype_enrolment,
    "held-out-retrieval": held_out_retrieval,
    "k-shot": k_shot,
}


def _people(sight: Sight, budget: Budget, seed: bytes) -> tuple[_Person, Sequence[_Person]]:
    """Return the subject and the pretended people, as a recogniser sees them.

    A pretended person has one photo of each of as many people as the subject has photos, and fresh
    pictures of as many others; the same people under every recogniser.
    """
    photos, everybody = sight.photos, np.concatenate(sight.people)
    size = max(_least(budget), min(len(photos), len(sight.people) // 4))
    strangers = []
    for number in range(budget.strangers):
        rng = stream(seed, f"recognition/pretended/{number}")
        order = rng.permutation(len(sight.people))
        shown = [sight.people[i][rng.integers(len(sight.people[i]))] for i in order[: 2 * size]]
        strangers.append(
            _Person(
                np.stack(shown[:size]),
                np.stack(shown[size:]),
                np.concatenate([sight.people[i] for i in order[2 * size :]]),
            )
        )
    return _Person(photos, sight.drawn, everybody), strangers


def require_people(people: int, budget: Budget) -> None:
    """Accept so many retained people, if strangers can be made of them and others are left.

    Raises:
        TooFewPeopleError: They cannot.
    """
    needed = 2 * _least(budget) + budget.fresh
    if people < needed:
        raise TooFewPeopleError(
            f"{people} people besides the subject, {needed} needed", needed=needed
        )


def _least(budget: Budget) -> int:
    """Return how many photos a pretended person needs."""
    return max(budget.enrolled, budget.shots)


def _some(rows: Float32, n: int, rng: np.random.Generator) -> Float32:
    return rows[rng.choice(len(rows), min(n, len(rows)), replace=False)]


def _ridge(own: Float32, others: Float32) -> Float32:
    """Return the plane that tells ``own`` rows from ``others``, both sides weighing the same."""
    rows = np.concatenate([own, others]).astype(np.float64)
    sides = np.r_[np.ones(len(own)), -np.ones(len(others))]
    weights = np.r_[np.full(len(own), 0.5 / len(own)), np.full(len(others), 0.5 / len(others))]
    centred = rows - weights @ rows
    square = (centred * weights[:, None]).T @ centred + _RIDGE * np.eye(rows.shape[1])
    return np.linalg.solve(square, (centred * weights[:, None]).T @ sides).astype(np.float32)
