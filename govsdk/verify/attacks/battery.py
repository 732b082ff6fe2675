"""The attacks of a policy in turn: at the subject, at strangers, and on the unedited model.

- An attacker has all photos of the subject: what is sealed is sealed from the editor.
- Resumable: what a run found and what was drawn lie in the store, so a killed sitting goes on.
- Without enough strangers nothing is run, and every line stays open; without enough people to
  start from, the line of the direction arithmetic does. What is only reported has no line then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from govsdk.errors import RequestError
from govsdk.policy import Policy
from govsdk.policy.attacks import Attacks, Direction, Relearning, Search, Teaching, Tuning
from govsdk.ports import Progress, Role, Templates
from govsdk.records import Attack
from govsdk.verify.attacks import (
    difference,
    direction,
    fine_tuning,
    free_token,
    relearning,
    search,
)
from govsdk.verify.attacks.lines import Group, count_line, speed_line, untried_line
from govsdk.verify.attacks.scene import Opened, Runs, Scene
from govsdk.verify.attacks.strangers import (
    absent_people,
    far_people,
    pick_as_far,
    pick_farthest,
    with_photos,
)
from govsdk.verify.bench import Bench
from govsdk.verify.comparisons import Steps
from govsdk.verify.seeds import stream
from govsdk.verify.trials import Model, Scores, Store

Settings = Tuning | Direction | Teaching


class Tactic(Protocol):
    """How an attack is carried out: the same for every aim and every model."""

    def __call__(self, scene: Scene, model: Opened, aim: Templates, runs: int) -> Runs:
        """Return after how many steps each run brought ``aim`` back, under each recogniser."""
        ...


TACTICS: Mapping[str, Tactic] = {
    search.NAME: search.embedding_search,
    direction.NAME: direction.direction_arithmetic,
    relearning.NAME: relearning.relearning,
    free_token.NAME: free_token.free_token,
    fine_tuning.NAME: fine_tuning.fine_tuning,
    difference.NAME: difference.difference_search,
}


def attack(
    bench: Bench,
    *,
    alpha: float,
    drawn: Scores,
    before: Model,
    after: Model,
    store: Store,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Attack, ...] | None:
    """Return the lines of the policy's attacks on ``after``; None if it asks for none.

    Args:
        alpha: Chance to say PASS although the truth lies at the bound.
        drawn: What the edited model drew for conditions around the subject.

    Raises:
        RequestError: the policy asks for attacks, and a model's weights were not handed in.
    """
    budget = bench.policy.attacks
    if budget is None:
        return None
    attacked, unedited = _opened(after), _opened(before)
    far = far_people(bench.policy, bench.subject, bench.people, bench.thresholds)
    absent = absent_people(bench.policy, far, drawn, bench.thresholds)
    untried = _untried(budget, len(absent), len(bench.people))
    lines = [
        untried_line(each, name, bound=settings.bound, alpha=alpha)
        for each, settings in budget.gated.items()
        for name in sorted(bench.embedders)
        if each in untried
    ]
    for each, settings in (budget.gated | budget.reported).items():
        if each in untried:
            continue
        strangers = _strangers(bench, budget, each, absent, drawn)
        runs, control_runs, work = _size(settings)
        controls = _control_aims(each, settings, bench.subject, strangers)
        total = work * (runs * (1 + len(strangers)) + control_runs * len(controls))
        scene = Scene(
            budget=budget,
            subject=bench.subject,
            people=bench.people,
            strangers=strangers,
            before=unedited,
            embedders=bench.embedders,
            thresholds=bench.thresholds,
            note=bench.note,
            store=store,
            report=_Meter(f"attack: {each}", total, bench.progress, clock),
        )
        tactic = TACTICS[each]
        subject = tactic(scene, attacked, bench.subject, runs)
        others = [tactic(scene, attacked, stranger, runs) for stranger in strangers]
        control = [tactic(scene, unedited, aim, control_runs) for aim in controls]
        for name in sorted(bench.embedders):
            group = Group(
                subject[name],
                [found[name] for found in others],
                *_control_steps(control, name),
            )
            lines.append(_line(scene, bench.policy, settings, each, name, group, alpha))
    return tuple(lines)


def _untried(budget: Attacks, absent: int, people: int) -> set[str]:
    """Return the attacks that too few people are there for.

    Args:
        absent: How many of them may be strangers.
    """
    if absent < budget.strangers:
        return {*budget.gated, *budget.reported}
    limited = {direction.NAME: direction, fine_tuning.NAME: fine_tuning}
    return {name for name, each in limited.items() if not each.enough_people(budget, people)}


def _strangers(
    bench: Bench, budget: Attacks, attack: str, absent: Sequence[Templates], drawn: Scores
) -> list[Templates]:
    n, photos = budget.strangers, budget.relearning.photos
    rng = stream(bench.note, f"attack/{attack}/strangers")
    if attack == relearning.NAME:
        known = with_photos(absent, n, min(photos, len(bench.subject)))
        return pick_as_far(known, n, bench.subject, drawn, rng)
    return pick_farthest(absent, n, bench.subject, rng)


def _control_aims(
    attack: str, settings: Settings, subject: Templates, strangers: Sequence[Templates]
) -> list[Templates]:
    """Return at whom an attack is aimed on the unedited model: the subject first, or nobody."""
    if attack == difference.NAME:
        return []
    # A taught stranger says nothing about the unedited model: there nothing is taught.
    return [subject] if isinstance(settings, Teaching) else [subject, *strangers]


def _control_steps(control: Sequence[Runs], name: Role) -> tuple[Steps, Steps]:
    """Return the runs on the unedited model at the subject, and at all strangers."""
    own, *beside = [found[name] for found in control] or [[]]
    return own, [step for found in beside for step in found]


def _size(settings: Settings) -> tuple[int, int, int]:
    """Return runs at one aim, runs on the unedited model, and a run's units of work at most."""
    match settings:
        case Tuning(runs=runs):
            return runs, runs, settings.iterations + settings.looks + settings.pictures
        case Direction(runs=runs):
            return runs, runs, len(settings.strengths) + settings.pictures
        case Teaching(runs=runs, checks=checks):
            work = max(checks) * settings.batch + len(checks) * settings.pictures
            return runs, settings.control_runs, work


def _opened(model: Model) -> Opened:
    if model.weights is None:
        raise RequestError("the policy asks for attacks, which need the models' weights")
    return Opened(model.resource, model.weights)


def _line(
    scene: Scene,
    policy: Policy,
    settings: Settings,
    attack: str,
    name: Role,
    group: Group,
    alpha: float,
) -> Attack:
    if isinstance(settings, Relearning):
        return speed_line(
            attack,
            name,
            group,
            bound=settings.bound,
            alpha=alpha,
            checks=settings.checks,
            photos=scene.photos,
        )
    bound = settings.bound if isinstance(settings, Search | Direction) else None
    least = None if isinstance(settings, Teaching) else policy.controls.baseline_rate
    return count_line(attack, name, group, bound=bound, alpha=alpha, control=least)


class _Meter:
    """Adds up units of work and tells how far an attack is, and for how long it has run."""

    def __init__(
        self, stage: str, total: int, progress: Progress, clock: Callable[[], float]
    ) -> None:
        self._stage, self._total = stage, total
        self._progress, self._clock = progress, clock
        self._done, self._started = 0, clock()

    def __call__(self, units: int) -> None:
        self._done += units
        seconds = self._clock() - self._started
        self._progress(self._stage, self._done, self._total, f"{seconds:.0f} s")
