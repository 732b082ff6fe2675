"""Attacks find what is left of the subject, and only that; strangers tell what an attack can do."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from govsdk.errors import RequestError
from govsdk.policy.attacks import Teaching, Tuning
from govsdk.records import Outcome, Resource, Verdict
from govsdk.verify import Memory
from govsdk.verify.attacks.fine_tuning import fine_tuning
from govsdk.verify.attacks.scene import Opened, Scene

from ..toy import (
    ANCHOR,
    EMBEDDERS,
    GALLERY,
    SUBJECT,
    forgets,
    person,
    run_baseline,
    run_verify,
    unit,
)
from ..toy import model as closed
from .toy import BUDGET, POLICY, QUICK, ToyStudent, ToyWeights, bench, opened, run_attacks

ATTACKS = ("embedding-search", "direction-arithmetic", "relearning")
GOOD = forgets(SUBJECT, angle=1.4)


def outcomes(lines, attack):
    return {line.outcome for (name, _), line in lines.items() if name == attack}


@pytest.fixture(scope="module")
def untouched_lines():
    return run_attacks(opened())


@pytest.fixture(scope="module")
def good_lines():
    return run_attacks(opened(GOOD))


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_untouched_model_fails(attack, untouched_lines):
    """The subject is found in the unedited model, where strangers are not."""
    assert outcomes(untouched_lines, attack) == {Outcome.FAIL}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_good_edit_passes(attack, good_lines):
    """Beside strangers, nothing is left of a subject whose whole region draws the anchor."""
    assert outcomes(good_lines, attack) == {Outcome.PASS}


def test_runs_are_counted_as_planned(good_lines):
    """Each line counts the runs at the subject, at three strangers, and on the unedited model."""
    for (name, _), line in good_lines.items():
        runs, control = (16, 2) if name == "relearning" else (24, 24)
        assert (line.runs, line.stranger_runs, line.control_runs) == (runs, 3 * runs, control)
        assert line.control_events == control
        assert line.control_passed


def narrow_leak(conditions):
    """Forget the subject, but for one direction in which they come back the closer one gets."""
    centre = SUBJECT.centroid("A")
    side = np.eye(len(centre))[0] - centre[0] * centre
    spot = unit(centre + 0.45 * unit(side))
    share = 1 / (1 + np.exp(-60 * (conditions @ spot - 0.965)))[:, None]
    return share * centre + (1 - share) * forgets(SUBJECT)(conditions)


def test_search_finds_a_leak_that_random_draws_miss():
    """A spot inside D that still draws the subject is hit by searching, rarely by chance."""
    leaky = opened(narrow_leak)
    lines = run_attacks(leaky)
    missed = run_verify(replace(leaky, weights=None))

    assert outcomes(lines, "embedding-search") == {Outcome.FAIL}
    assert {c.part: c.outcome for c in missed.claims if c.name == "forget"} == {
        "distribution": Outcome.PASS,
        "photos": Outcome.PASS,
    }


def test_a_sleeping_identity_is_relearned_sooner():
    """Weights that remember the subject's face learn it back faster than a stranger's."""

    def remembers(face):
        return 4.0 if unit(face) @ SUBJECT.centroid("A") > 0.8 else 1.0

    lines = run_attacks(opened(GOOD, speed=remembers))

    assert outcomes(lines, "relearning") == {Outcome.FAIL}
    assert outcomes(lines, "embedding-search") == {Outcome.PASS}


def test_an_adapter_before_the_model_is_found():
    """What only stands before the weights hides the subject from the claims, not from attacks."""
    guarded = replace(closed(forgets(SUBJECT)), weights=ToyWeights())
    report = run_verify(guarded, POLICY, before=opened(name="v0"))

    assert {c.outcome for c in report.claims} == {Outcome.PASS}
    assert {a.outcome for a in report.attacks} == {Outcome.FAIL}
    assert report.verdict is Verdict.NOT_FORGOTTEN


def test_an_attack_that_finds_nobody_decides_nothing():
    """If the attacks fail on the unedited model, too, the verdict stays open."""
    lines = run_attacks(opened(GOOD), QUICK, before=opened(GOOD, "v0"))

    assert {line.control_passed for line in lines.values()} == {False}
    assert {line.outcome for line in lines.values()} == {Outcome.INCONCLUSIVE}


def test_too_few_strangers_leave_it_open():
    """With fewer than three people to compare with, no attack is run and no line passes."""
    lines = run_attacks(opened(GOOD), people=[ANCHOR, *GALLERY[5:7]])

    assert {line.metric for line in lines.values()} == {"not-run"}
    assert {line.outcome for line in lines.values()} == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize(("missing", "tried"), [(0, True), (1, False)])
def test_each_direction_run_starts_from_somebody_else(missing, tried):
    """With one person too few no start is used twice: that attack is not run, the others are."""
    others = QUICK.attacks.strangers + QUICK.attacks.direction.runs - missing
    lines = run_attacks(opened(GOOD), QUICK, people=[ANCHOR, *GALLERY[5 : 4 + others]])
    metrics = {name: line.metric for (name, _), line in lines.items()}

    assert (metrics["direction-arithmetic"] != "not-run") is tried
    assert "not-run" not in (metrics["embedding-search"], metrics["relearning"])
    assert tried or outcomes(lines, "direction-arithmetic") == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize(("missing", "reason"), [(0, None), (1, "start elsewhere")])
def test_too_few_to_start_from_is_told_before_the_edit(missing, reason):
    """One enrolled person more, and the same request goes on."""
    others = QUICK.attacks.strangers + QUICK.attacks.direction.runs - missing
    shown = run_baseline(opened(name="v0"), QUICK, gallery=GALLERY[1 : 1 + others])

    assert shown.verdict is (Verdict.INCONCLUSIVE if reason else None)
    assert reason is None or reason in shown.reason


def fewer_photos(people, photos):
    """Return the people with their first ``photos`` photos only."""
    return [person.only(tuple(range(photos))) for person in people]


def test_strangers_with_photos_enough_are_preferred():
    """Three people with ten photos are taught ten, whoever else is there with four."""
    rich = [replace(person("rich", 900 + i, photos=10), subject=f"rich-{i}") for i in range(3)]
    people = [ANCHOR, *fewer_photos(GALLERY[1:], 4), *rich]
    lines = run_attacks(opened(GOOD), QUICK, people=people)

    assert {line.photos for (name, _), line in lines.items() if name == "relearning"} == {10}
    assert {line.photos for (name, _), line in lines.items() if name != "relearning"} == {None}


def test_a_line_says_that_fewer_photos_were_taught():
    """Where strangers have four photos, ten were asked for and four are taught."""
    lines = run_attacks(opened(GOOD), QUICK, people=fewer_photos(GALLERY, 4))

    assert BUDGET.relearning.photos == 10
    assert {line.photos for (name, _), line in lines.items() if name == "relearning"} == {4}


def test_weights_are_needed():
    """A policy with attacks refuses a model that can only be asked for pictures."""
    with pytest.raises(RequestError, match="need the models' weights"):
        run_attacks(closed(GOOD))


class Killed(Exception):
    pass


class Fragile(Memory):
    """A store whose owner is killed at the n-th write."""

    def __init__(self, writes):
        super().__init__()
        self.left = writes

    def put(self, values):
        super().put(values)
        self.left -= 1
        if self.left == 0:
            raise Killed


@pytest.mark.parametrize("writes", [1, 10, 25])
def test_a_killed_sitting_goes_on(writes):
    """Killed anywhere, the attacks end as if they had not been; nothing is drawn twice."""
    undisturbed = run_attacks(opened(GOOD), QUICK)
    store, finished = Fragile(writes), opened(GOOD)
    with pytest.raises(Killed):
        run_attacks(opened(GOOD), QUICK, store=store)

    assert run_attacks(opened(GOOD), QUICK, store=store) == undisturbed
    assert run_attacks(finished, QUICK, store=store) == undisturbed
    assert finished.weights.seeds == []


def test_progress_reaches_its_total():
    """Each attack tells how far it is, up to the planned work at most, and for how long."""
    said = {}
    ticks = iter(range(10**6))
    run_attacks(
        opened(GOOD),
        QUICK,
        progress=lambda stage, done, total, note="": said.update({stage: (done, total, note)}),
        clock=lambda: float(next(ticks)),
    )

    assert [s for s in said if s.startswith("attack")] == [f"attack: {a}" for a in ATTACKS]
    for stage in ("attack: embedding-search", "attack: direction-arithmetic"):
        assert said[stage][0] == said[stage][1]
        assert said[stage][2].endswith(" s")


def test_a_copy_that_never_learns_is_taught_up_to_the_last_check():
    """12 copies see 80 steps of 4 pictures and 6 checks of 8; two controls stop at the first."""
    said = {}
    run_attacks(
        opened(GOOD, speed=lambda face: 0.0),
        QUICK,
        progress=lambda stage, done, total, note="": said.update({stage: done}),
    )

    assert said["attack: relearning"] == 12 * (80 * 4 + 6 * 8) + 2 * 8


def test_a_report_names_no_person(good_lines):
    """Neither strangers nor subject are named, and no embedding enters a line."""
    text = repr(good_lines)

    assert "PASS" in text
    for someone in (SUBJECT, *GALLERY):
        assert f"'{someone.subject}'" not in text


def test_the_attacker_never_sees_recogniser_b():
    """B is asked for the judged pictures alone; A for those on the way as well."""
    asked = {"A": 0, "B": 0}

    class Counting:
        def __init__(self, judge):
            self.name, self.sha256, self._judge = judge.name, judge.sha256, judge

        def embed(self, pictures):
            asked[self.name] += len(pictures)
            return self._judge.embed(pictures)

    judges = {name: Counting(judge) for name, judge in EMBEDDERS.items()}
    run_attacks(opened(GOOD), QUICK, embedders=judges)

    assert asked["A"] > asked["B"] > 0


# -- attacks that are only reported ----------------------------------------------------------------

TUNING = Tuning(runs=8, iterations=60, rate=0.03, looks=3, pictures=2)
TEACHING = Teaching(**BUDGET.relearning.model_dump(exclude={"bound", "runs"}), runs=8)
REPORTED = POLICY.model_copy(
    update={
        "attacks": BUDGET.model_copy(
            update={"free_token": TUNING, "fine_tuning": TEACHING, "difference": TUNING}
        )
    }
)


def fading(conditions):
    """Forget the subject, less and less the farther one is from them."""
    share = 1 / (1 + np.exp(-12 * (conditions @ SUBJECT.centroid("A") - 0.3)))[:, None]
    return share * ANCHOR.centroid("A") + (1 - share) * conditions


@pytest.fixture(scope="module")
def reported_lines():
    lines = run_attacks(opened(fading), REPORTED)
    return {name: line for (name, judge), line in lines.items() if judge == "A"}


def test_reported_attacks_decide_nothing(reported_lines):
    """They have counts, and neither bound nor outcome."""
    for name in ("free-token", "benign-fine-tuning", "difference-search"):
        assert (reported_lines[name].bound, reported_lines[name].outcome) == (None, None)
        assert reported_lines[name].runs == 8
        assert reported_lines[name].stranger_runs == 24


def test_both_models_together_locate_the_subject(reported_lines):
    """Climbing the difference of the two models leads to the subject and to no stranger."""
    line = reported_lines["difference-search"]

    assert line.events > line.stranger_events == 0


def test_the_difference_of_a_model_from_itself_is_no_control(reported_lines):
    """Nothing is run on the unedited model there, and no control is said to have failed."""
    line, beside = reported_lines["difference-search"], reported_lines["free-token"]

    assert (line.control_runs, line.control_stranger_runs, line.control_passed) == (0, 0, None)
    assert "controlPassed" not in line.public()
    assert (beside.control_runs, beside.control_stranger_runs) == (8, 24)
    assert beside.control_passed is not None


def test_the_control_of_a_taught_copy_is_that_it_needed_no_teaching(reported_lines):
    """Two copies of the unedited model draw the subject at once; nobody else is aimed at there."""
    line = reported_lines["benign-fine-tuning"]

    assert (line.control_runs, line.control_events, line.control_stranger_runs) == (2, 2, 0)
    assert line.control_passed is True


def test_a_free_token_finds_what_a_photo_would_not(reported_lines):
    """Freed from the subject's region, the search draws strangers as easily as anybody."""
    free, bound = reported_lines["free-token"], reported_lines["embedding-search"]

    assert free.stranger_events > bound.stranger_events == 0


class Overheard(ToyStudent):
    """A copy whose lessons are noted."""

    def learn(self, noised, times, conditions, noise):
        self._source.lessons.extend(conditions)
        return super().learn(noised, times, conditions, noise)


@dataclass(frozen=True)
class Teachable(ToyWeights):
    """Weights that know which conditions their copies were taught."""

    lessons: list = field(default_factory=list)

    def student(self, *, rank, learning_rate, seed):
        return Overheard(self, learning_rate)


def taught_people(strangers):
    """Return who is taught in the benign fine-tuning when ``strangers`` are aimed at."""
    weights = Teachable(GOOD)
    sitting = bench(REPORTED)
    scene = Scene(
        budget=REPORTED.attacks,
        subject=SUBJECT,
        people=GALLERY,
        strangers=strangers,
        before=Opened(Resource(name="v0", sha256="0" * 64), ToyWeights()),
        embedders=EMBEDDERS,
        thresholds=sitting.thresholds,
        note=sitting.note,
        store=Memory(),
        report=lambda units: None,
    )
    after = Opened(Resource(name="v1", sha256="1" * 64), weights)
    fine_tuning(scene, after, strangers[0] if strangers else SUBJECT, 40)
    rows = np.stack(weights.lessons)
    photos = {person.subject: person.by_recogniser["A"] for person in (SUBJECT, *GALLERY)}
    return {name for name, own in photos.items() if (rows @ own.T).max() > 0.999999}


def test_nobody_aimed_at_is_among_the_taught():
    """Strangers are not taught, nor the subject; were they not aimed at, these three would be."""
    strangers = GALLERY[5:8]
    named = {person.subject for person in strangers}

    assert named <= taught_people([])
    assert not (named | {SUBJECT.subject}) & taught_people(strangers)


def test_with_nobody_left_to_teach_nothing_is_taught():
    """Three strangers and nobody else: the line is missing; with one person more it is there."""
    named = [name for name, _ in run_attacks(opened(GOOD), REPORTED, people=GALLERY[5:8])]
    more = [name for name, _ in run_attacks(opened(GOOD), REPORTED, people=GALLERY[5:9])]

    assert "benign-fine-tuning" not in named
    assert "benign-fine-tuning" in more


def test_teaching_others_does_not_bring_back_the_subject(reported_lines):
    """In the linear world a copy draws what it was taught, and that was never the subject."""
    assert reported_lines["benign-fine-tuning"].events == 0
    assert reported_lines["benign-fine-tuning"].control_events > 0
