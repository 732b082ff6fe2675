"""The examination of recognisers on embeddings made up for it: who is found, and who is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from govsdk.errors import TooFewPeopleError
from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import Embedded, Float32, Picture
from govsdk.records import Outcome, Verdict
from govsdk.reference import world
from govsdk.verify.recognition import Budget, Examination, Faces, examination, examine
from govsdk.verify.recognition.alterations import ALTERATIONS

PEOPLE, PHOTOS, DIMENSION = 200, 3, 64
SUBJECT = PEOPLE
BUDGET = Budget(shots=6)
NAMES = ("prototype-enrolment", "altered-enrolment", "held-out-retrieval", "k-shot")


def photos(person: int, n: int, first: int = 0) -> list[Picture]:
    """Return ``n`` pictures that say whom they show and which they are."""
    return [np.full((1, 1, 3), (person, number, 0), np.uint8) for number in range(first, first + n)]


FACES = Faces(
    enrolled=photos(SUBJECT, 8),
    held_out=photos(SUBJECT, 8, 8),
    drawn=photos(SUBJECT, 99, 100),
    people=[photos(person, PHOTOS) for person in range(PEOPLE)],
)


def direction(*seed: int) -> Float32:
    drawn = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


@dataclass
class Made:
    """A recogniser that sees of each picture what ``rule`` says of person and number."""

    rule: Callable[[int, int], Float32]
    name: str = "R"
    sha256: str = "0" * 64

    def embed(self, pictures: list[Picture]) -> Embedded:
        rows = np.stack([self.rule(*map(int, picture[0, 0, :2])) for picture in pictures])
        lengths = np.linalg.norm(rows, axis=1)
        return Embedded(rows / lengths[:, None], lengths)


def clustered(person: int, number: int) -> Float32:
    """An ordinary recogniser: a person's photos are alike, and lengths vary a little."""
    scale = np.float32(1 + 0.01 * direction(person, number)[0])
    return scale * (direction(person) + 0.2 * direction(person, number))


def scattered(person: int, number: int) -> Float32:
    """The subject's photos have nothing in common."""
    return direction(person, number) if person == SUBJECT else clustered(person, number)


def lined_up(person: int, number: int) -> Float32:
    """Scattered for whoever compares two photos; each still carries a little of one direction."""
    if person != SUBJECT:
        return clustered(person, number)
    return 0.6 * direction(person) + 0.8 * direction(person, number)


def forgets_everybody(person: int, number: int) -> Float32:
    return direction(person, number)


@pytest.fixture(scope="module")
def record() -> CalibrationRecord:
    return CalibrationRecord.load(world.calibration_paths()["A"])


@pytest.fixture(autouse=True)
def unaltered(monkeypatch: pytest.MonkeyPatch) -> None:
    """These pictures are codes, which an alteration would turn into others."""
    monkeypatch.setattr(examination, "ALTERATIONS", {"none": lambda picture: picture})


@pytest.fixture
def judged(record: CalibrationRecord) -> Callable[..., Examination]:
    def examined(rule: Callable[[int, int], Float32], policy: str = "quickstart") -> Examination:
        return examine(
            Policy.load(policy),
            FACES,
            before=Made(clustered),
            after=Made(rule),
            calibration=record,
            budget=BUDGET,
            seed=b"seed",
        )

    return examined


Judged = Callable[..., Examination]


def test_an_untouched_recogniser_is_refused(judged: Judged) -> None:
    """Every attack finds the person, and both templates accept their pictures."""
    found = judged(clustered)

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert {c.part: c.outcome for c in found.claims if c.name == "forget"} == dict.fromkeys(
        ("new-template", "old-template", "held-out-template", "single-photo", "photos"),
        Outcome.FAIL,
    )
    assert {a.name: a.events for a in found.attacks} == dict.fromkeys(NAMES, BUDGET.runs)
    assert [r.events for r in found.reported if r.name == "held-out-photos"] == [8, 8]


def test_a_scattered_person_is_gone(judged: Judged) -> None:
    """No attack finds them more often than people who do not exist; everybody else is kept."""
    found = judged(scattered, "strict")

    assert all(c.outcome is Outcome.PASS for c in found.claims if c.name != "forget")
    assert all(control.passed for control in found.controls)
    assert {a.name: a.outcome for a in found.attacks} == dict.fromkeys(NAMES, Outcome.PASS)
    assert judged(scattered).verdict is Verdict.FORGOTTEN


def test_what_scattered_photos_still_share_is_found(judged: Judged) -> None:
    """Compared two by two they are strangers; a classifier taught some of them finds the rest."""
    found = judged(lined_up)
    gated = judged(lined_up, "strict")
    by_name = {attack.name: attack for attack in gated.attacks}

    assert by_name["k-shot"].outcome is Outcome.FAIL
    assert {attack.outcome for attack in found.attacks} == {None}, "quickstart judges none"
    assert gated.verdict is Verdict.NOT_FORGOTTEN


def test_a_recogniser_that_knows_nobody_is_refused(judged: Judged) -> None:
    """Forgetting the subject by forgetting everybody fails retention."""
    found = judged(forgets_everybody)

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert "retention" in {c.name for c in found.claims if c.outcome is Outcome.FAIL}


def hides_drawings(person: int, number: int) -> Float32:
    """Scattered in what a generator drew, and nowhere else."""
    drawn = person == SUBJECT and number >= 100
    return direction(person, number) if drawn else clustered(person, number)


def hides_what_was_handed_over(person: int, number: int) -> Float32:
    """The edit photos scattered, and everybody's embeddings turned by one and the same rotation."""
    if person == SUBJECT and number < len(FACES.enrolled):
        return direction(person, number)
    return clustered(person, number)[::-1]


def two_faces(person: int, number: int) -> Float32:
    """Every second photo of the subject is the opposite of the others: their mean says nothing."""
    if person != SUBJECT:
        return clustered(person, number)
    side = 1 if number % 2 else -1
    return np.asarray(side * direction(999) + 0.2 * direction(person, number), np.float32)


@pytest.mark.parametrize(
    ("rule", "failed"),
    [
        (hides_drawings, {"photos"}),
        (two_faces, {"single-photo"}),
        (hides_what_was_handed_over, {"held-out-template", "old-templates", "single-photo"}),
    ],
)
def test_cheats_are_refused(
    judged: Judged, rule: Callable[[int, int], Float32], failed: set[str]
) -> None:
    """Whoever knows how it is measured and forgets only that."""
    found = judged(rule)

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert failed <= {c.part for c in found.claims if c.outcome is Outcome.FAIL}


def test_alterations_leave_a_picture_one() -> None:
    """They change it, and it stays a picture of about its size."""
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name, alteration in ALTERATIONS.items():
        other = alteration(picture)
        assert other.dtype == np.uint8, name
        assert other.shape[0] == other.shape[1] >= 32
        assert other.shape != picture.shape or not np.array_equal(other, picture)


def test_same_seed_same_examination(judged: Judged) -> None:
    assert judged(lined_up) == judged(lined_up)


def test_too_few_people_to_pretend_with(record: CalibrationRecord) -> None:
    """Without people to make strangers of, no attack has a yardstick."""
    few = Faces(FACES.enrolled, FACES.held_out, FACES.drawn, FACES.people[:15])
    with pytest.raises(TooFewPeopleError, match="15 people"):
        examine(
            Policy.load("quickstart"),
            few,
            before=Made(clustered),
            after=Made(scattered),
            calibration=record,
            budget=BUDGET,
            seed=b"seed",
        )
