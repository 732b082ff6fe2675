"""The attacks of a policy in turn: at the subject, at strangers, and on the unedited model.

- An attacker has all photos of the subject: what is sealed is sealed from the editor.
- Resumable: what a run found and what was drawn lie in the store, so a killed sitting goes on.
- Without enough strangers nothing is run, and every line stays open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from govsdk.errors import RequestError
from govsdk.policy import Policy
from govsdk.policy.attacks import Direction, Relearning, Search, Teaching, Tuning
from govsdk.ports import Progress, Recogniser, Templates
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
from govsdk.verify.attacks.strangers import absent_people, far_people, pick_as_far, pick_farthest
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
    if len(absent) < budget.strangers or len(bench.people) == budget.strangers:
        return tuple(
            untried_line(each, name, bound=settings.bound, alpha=alpha)
            for each, settings in budget.gated.items()
            for name in sorted(bench.embedders)
        )
    lines: list[Attack] = []
    for each, settings in (budget.gated | budget.reported).items():
        strangers = _strangers(bench, each, absent, drawn, budget.strangers)
        runs, control_runs, work = _size(settings)
        # A taught stranger says nothing about the unedited model: there nothing is taught.
        controls = [] if isinstance(settings, Teaching) else strangers
        total = work * (runs * (1 + len(strangers)) + control_runs * (1 + len(controls)))
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
        control = tactic(scene, unedited, bench.subject, control_runs)
        beside = [tactic(scene, unedited, stranger, control_runs) for stranger in controls]
        for name in sorted(bench.embedders):
            group = Group(subject[name], _pool(others, name), control[name], _pool(beside, name))
            lines.append(_line(bench.policy, settings, each, name, group, alpha))
    return tuple(lines)


def _pool(runs: Sequence[Runs], name: Recogniser) -> Steps:
    return [step for found in runs for step in found[name]]


def _strangers(
    bench: Bench, attack: str, absent: Sequence[Templates], drawn: Scores, n: int
) -> list[Templates]:
    rng = stream(bench.note, f"attack/{attack}/strangers")
    if attack == relearning.NAME:
        return pick_as_far(absent, n, bench.subject, drawn, rng)
    return pick_farthest(absent, n, bench.subject, rng)


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
    policy: Policy, settings: Settings, attack: str, name: Recogniser, group: Group, alpha: float
) -> Attack:
    if isinstance(settings, Relearning):
        budget = max(settings.checks)
        return speed_line(attack, name, group, bound=settings.bound, alpha=alpha, budget=budget)
    bound = settings.bound if isinstance(settings, Search | Direction) else None
    least = policy.controls.baseline_rate
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
