"""Four ways to find a scattered person all the same, and whether they find that person.

- Prototype enrolment: a few photos are enrolled anew; are fresh pictures accepted?
- Altered enrolment: the same with photos and fresh pictures that were altered alike; the alteration
  that finds most counts.
- Held-out retrieval: a few photos lie among everybody's; is one of them the nearest to fresh
  pictures?
- k-shot: a linear classifier is taught a few photos against everybody's; does it accept fresh
  pictures?

Half of a run's fresh pictures are photos, half were drawn, so that who hides drawings hides
nothing. A run is a success if half of them are found: single ones are, of anybody, by chance.

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

Found = npt.NDArray[np.bool_]
"""Which of a run's fresh pictures were found to be the person's."""


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

    @property
    def people(self) -> int:
        """How many people one pretended person is made of."""
        return max(self.enrolled, self.shots) + self.fresh

    @property
    def looked_at(self) -> int:
        """How many people must be looked at: those of a pretended person, and as many others."""
        return 2 * self.people


@dataclass(frozen=True, eq=False)
class Views:
    """What one recogniser sees: of the pictures as they are, and of each alteration."""

    plain: Sight
    altered: Sequence[Sight]


@dataclass(frozen=True, eq=False)
class _Person:
    """Somebody to be found, and among whom."""

    photos: Float32
    """Photos that may be enrolled, whatever the run."""
    fresh: Float32
    """Photos, those of them that a run does not look for may be enrolled as well."""
    drawn: Float32
    others: Sequence[Float32]
    """The photos of each of the people who are in none of these."""


@dataclass(frozen=True, eq=False)
class _Run:
    """What one run has to go by."""

    known: Float32
    fresh: Float32
    others: Sequence[Float32]
    budget: Budget
    threshold: float
    rng: np.random.Generator


def attack(
    before: Views,
    after: Views,
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
            the unedited recogniser and the edited one, and for every alteration.

    Raises:
        TooFewPeopleError: Too few people have photos to make the pretended ones of.
    """
    old, new = (_Crowd.of(views, budget, threshold, seed) for views in (before, after))
    places = range(1, 1 + budget.strangers)
    lines = []
    for name in TACTICS:
        group = Group(
            new.steps(name, 0),
            [new.steps(name, place) for place in places],
            old.steps(name, 0),
            [step for place in places for step in old.steps(name, place)],
        )
        bound = budget.bound if gated else None
        lines.append(count_line(name, recogniser, group, bound=bound, alpha=alpha, control=control))
    return lines


@dataclass(frozen=True, eq=False)
class _Crowd:
    """The subject and the pretended people, in that order, as a recogniser sees them."""

    plain: Sequence[_Person]
    altered: Sequence[Sequence[_Person]]
    """The same people in each alteration."""
    budget: Budget
    threshold: float
    seed: bytes

    @classmethod
    def of(cls, views: Views, budget: Budget, threshold: float, seed: bytes) -> _Crowd:
        plain, *altered = (_people(sight, budget, seed) for sight in (views.plain, *views.altered))
        return cls(plain, altered, budget, threshold, seed)

    def steps(self, name: str, place: int) -> Steps:
        """Return which runs of an attack find the person in that place: at step 0, or never."""
        tactic, altered = TACTICS[name]
        views = [people[place] for people in (self.altered if altered else [self.plain])]
        found = []
        for number in range(self.budget.runs):
            label = f"recognition/{name}/{place}/{number}"
            shares = [
                tactic(_prepared(who, self.budget, self.threshold, stream(self.seed, label))).mean()
                for who in views
            ]
            found.append(0 if max(shares) >= 0.5 else None)
        return found


def _prepared(who: _Person, budget: Budget, threshold: float, rng: np.random.Generator) -> _Run:
    looked_for = rng.permutation(len(who.fresh))[: budget.fresh // 2]
    drawn = _some(who.drawn, budget.fresh - len(looked_for), rng)
    rest = np.delete(who.fresh, looked_for, axis=0)
    return _Run(
        known=np.concatenate([who.photos, rest]),
        fresh=np.concatenate([who.fresh[looked_for], drawn]),
        others=who.others,
        budget=budget,
        threshold=threshold,
        rng=rng,
    )


def prototype_enrolment(run: _Run) -> Found:
    """Return which fresh pictures a template of a few photos accepts."""
    template = template_of(_some(run.known, run.budget.enrolled, run.rng))
    return np.asarray(run.fresh @ template >= run.threshold)


def held_out_retrieval(run: _Run) -> Found:
    """Return to which fresh pictures the nearest of everybody's photos is the person's own."""
    own = _some(run.known, run.budget.enrolled, run.rng)
    others = np.concatenate(run.others)
    return np.asarray((run.fresh @ own.T).max(axis=1) > (run.fresh @ others.T).max(axis=1))


def k_shot(run: _Run) -> Found:
    """Return which fresh pictures a linear classifier of a few photos accepts.

    Ridge regression; half of the other people teach it, the other half set its threshold.
    """
    own = _some(run.known, run.budget.shots, run.rng)
    order = run.rng.permutation(len(run.others))
    teaching, setting = (
        np.concatenate([run.others[i] for i in half]) for half in np.array_split(order, 2)
    )
    plane = _ridge(own, teaching)
    accepts = np.quantile(setting @ plane, 1 - run.budget.false_accepts)
    return np.asarray(run.fresh @ plane > accepts)


Tactic = Callable[[_Run], Found]

TACTICS: Mapping[str, tuple[Tactic, bool]] = {
    "prototype-enrolment": (prototype_enrolment, False),
    "altered-enrolment": (prototype_enrolment, True),
    "held-out-retrieval": (held_out_retrieval, False),
    "k-shot": (k_shot, False),
}
"""Each attack by name, and whether it is tried on altered pictures."""


def require_people(people: int, budget: Budget) -> None:
    """Accept so many retained people, if strangers can be made of them and as many are left.

    Raises:
        TooFewPeopleError: They cannot.
    """
    if people < budget.looked_at:
        raise TooFewPeopleError(
            f"{people} people to look at besides the subject, {budget.looked_at} needed",
            hint="add people, or photos of those who have a single one",
            people=people,
            needed=budget.looked_at,
        )


def _people(sight: Sight, budget: Budget, seed: bytes) -> list[_Person]:
    """Return the subject and the pretended people, as a recogniser sees them.

    The photos of a pretended person are of different people, who are then not among the others;
    the same under every recogniser.
    """
    known, fresh = budget.people - budget.fresh, budget.fresh // 2
    people = [_Person(sight.enrolled, sight.held_out, sight.drawn, sight.people)]
    for number in range(budget.strangers):
        rng = stream(seed, f"recognition/pretended/{number}")
        order = rng.permutation(len(sight.people))
        shown = np.stack(
            [sight.people[i][rng.integers(len(sight.people[i]))] for i in order[: budget.people]]
        )
        others = [sight.people[i] for i in order[budget.people :]]
        people.append(
            _Person(shown[:known], shown[known : known + fresh], shown[known + fresh :], others)
        )
    return people


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
