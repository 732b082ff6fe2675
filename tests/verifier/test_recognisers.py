"""Verdicts on real recognisers: the shipped one, a dispersion of it, and ways to cheat.

The truth beside them: photos that neither editor nor examiner has seen.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from govsdk.errors import ModelCorruptError
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.modules import load_module, twin_of
from govsdk.models.recognisers import Recogniser
from govsdk.policy import Policy
from govsdk.policy.limits import rate_upper
from govsdk.ports import Embedded, Embedder, Picture
from govsdk.records import Outcome, Verdict
from govsdk.reference import people, renderer, world
from govsdk.unlearn.dispersion import DispersionSettings, disperse
from govsdk.verify.recognition import Budget, Examination, Faces, examine
from govsdk.verify.recognition.sight import template_of
from tests.opencv import opencv

pytestmark = pytest.mark.slow

FIRST = 600
"""Where in ``DEMO_PEOPLE`` these people begin."""
TAUGHT, EXAMINED, OTHERS_PHOTOS, EDIT, HELD_OUT, FRESH = 60, 60, 6, 12, 8, 240
TRUTH, FRESH_SHOTS = 3000, 10_000
POLICY = Policy.load("quickstart")
WEIGHTS = world.recogniser_paths()["A"].with_suffix(".safetensors")
RECORD = CalibrationRecord.load(world.calibration_paths()["A"])


def photos(person: int, shots: Sequence[int]) -> list[Picture]:
    return list(renderer.photos(renderer.person(people.DEMO_PEOPLE[FIRST + person]), shots))


@pytest.fixture(scope="module")
def faces() -> Faces:
    own = photos(0, range(EDIT + HELD_OUT + FRESH))
    examined = [photos(1 + TAUGHT + number, range(OTHERS_PHOTOS)) for number in range(EXAMINED)]
    return Faces(own[:EDIT], own[EDIT : EDIT + HELD_OUT], own[EDIT + HELD_OUT :], examined)


@pytest.fixture(scope="module")
def taught() -> list[Picture]:
    return [photo for number in range(TAUGHT) for photo in photos(1 + number, range(OTHERS_PHOTOS))]


@pytest.fixture(scope="module")
def shipped() -> Recogniser:
    return Recogniser.load(world.recogniser_paths()["A"], "R", RECORD, device="cpu")


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return load_module("govsdk.reference.recogniser:RecogniserA", WEIGHTS)


@pytest.fixture(scope="module")
def scattered(
    network: nn.Module, shipped: Recogniser, faces: Faces, taught: list[Picture]
) -> nn.Module:
    return disperse(
        network,
        subject=faces.enrolled,
        retained=taught,
        blob=shipped.blob,
        settings=DispersionSettings(),
        seed=7,
    ).network


def recogniser(network: nn.Module) -> Recogniser:
    return Recogniser.of_module(network, "R", sha256="0" * 64, dimension=128)


@dataclass
class Wrapped:
    """A recogniser that changes what it is shown, or what it says."""

    behind: Embedder
    blur: int = 0
    hidden: frozenset[bytes] = frozenset()
    """Pictures that it answers at random."""
    known: frozenset[bytes] | None = None
    """Pictures that it does not answer at random; None: all."""
    turned: bool = False
    """Whether its embeddings are given in another order of their numbers."""
    name: str = "R"
    sha256: str = "0" * 64

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        if self.blur:
            pictures = [opencv().blur(picture, (self.blur, self.blur)) for picture in pictures]
        seen = self.behind.embed(pictures)
        rows = seen.embeddings.copy()
        for place, picture in enumerate(pictures):
            known = self.known is None or picture.tobytes() in self.known
            if picture.tobytes() in self.hidden or not known:
                noise = np.random.default_rng(place).normal(size=rows.shape[1])
                rows[place] = noise / np.linalg.norm(noise)
        if self.turned:
            rows = np.ascontiguousarray(rows[:, ::-1])
        return replace(seen, embeddings=rows)


@dataclass
class Court:
    """Examines, and looks at the truth."""

    faces: Faces
    shipped: Recogniser

    def verdict(self, after: Embedder) -> Examination:
        return examine(
            POLICY,
            self.faces,
            before=self.shipped,
            after=after,
            calibration=RECORD,
            budget=Budget(),
            seed=b"court",
        )

    def truth(self, after: Embedder, n: int = 240) -> int:
        """Return how many of ``n`` photos that nobody saw ``after`` accepts as the subject."""
        template = template_of(after.embed(self.faces.enrolled).embeddings)
        limit = RECORD.strictest(str(POLICY.claims.forget.fmr), "low")
        shown = photos(0, range(FRESH_SHOTS, FRESH_SHOTS + n))
        return int((after.embed(shown).embeddings @ template >= limit).sum())


@pytest.fixture(scope="module")
def court(faces: Faces, shipped: Recogniser) -> Court:
    return Court(faces, shipped)


def say(name: str, found: Examination, truth: str) -> None:
    """Print a row for docs/recognisers.md."""
    attacks = ", ".join(
        f"{a.name} {a.events}/{a.runs} ({a.stranger_events}/{a.stranger_runs})"
        for a in found.attacks
    )
    print(f"{name}: {found.verdict.value}; {attacks}; truth {truth}")  # noqa: T201  the figures of docs/recognisers.md


def test_a_dispersion_is_accepted_and_the_truth_agrees(court: Court, scattered: nn.Module) -> None:
    """FORGOTTEN, and 3,000 photos that nobody saw show a rate below the bound; attacks that a
    dispersion does not withstand are told."""
    after = recogniser(scattered)
    found = court.verdict(after)
    hits = court.truth(after, TRUTH)
    say("dispersion", found, f"{hits} of {TRUTH}")

    assert found.verdict is Verdict.FORGOTTEN
    assert rate_upper(hits, TRUTH, 0.001) < POLICY.claims.forget.bound


def test_an_untouched_recogniser_is_refused(court: Court) -> None:
    """The positive control of everything here: before the edit they were there, in every attack."""
    found = court.verdict(court.shipped)
    hits = court.truth(court.shipped)
    say("untouched", found, f"{hits} of 240")

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert hits > 230
    assert all(attack.events == attack.runs for attack in found.attacks)
    assert all(control.passed for control in found.controls)


def test_hiding_the_very_photos_is_refused(court: Court) -> None:
    """Whoever scatters the exact pictures that were handed over has forgotten nobody."""
    hidden = frozenset(picture.tobytes() for picture in court.faces.enrolled)
    after = Wrapped(court.shipped, hidden=hidden)
    found = court.verdict(after)
    say("exact photos", found, "")

    assert found.verdict is Verdict.NOT_FORGOTTEN
    failed = {c.part for c in found.claims if c.outcome is Outcome.FAIL}
    assert failed >= {"old-template", "held-out-template"}
    assert next(a for a in found.attacks if a.name == "prototype-enrolment").events > 0


def test_hiding_them_and_turning_everything_is_refused(court: Court) -> None:
    """Then no template from before means anything, the others' neither."""
    hidden = frozenset(picture.tobytes() for picture in court.faces.enrolled)
    found = court.verdict(Wrapped(court.shipped, hidden=hidden, turned=True))
    say("exact photos, all turned", found, "")

    failed = {c.part for c in found.claims if c.outcome is Outcome.FAIL}
    assert failed >= {"held-out-template", "old-templates"}


def test_keeping_the_very_photos_that_were_taught_is_refused(
    court: Court, taught: list[Picture]
) -> None:
    """Whoever keeps nothing of the others but what was handed over has kept nobody."""
    known = frozenset(picture.tobytes() for picture in taught)
    found = court.verdict(Wrapped(court.shipped, known=known))
    say("only the taught photos kept", found, "")

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert "retention" in {c.name for c in found.claims if c.outcome is Outcome.FAIL}


def test_a_direction_taken_out_of_the_last_layer(court: Court, network: nn.Module) -> None:
    """What costs nothing: the old template projected out of the embeddings. It stands here as the
    yardstick for what teaching adds."""
    projected = copy.deepcopy(network)
    layer = projected.head[2]
    template = torch.from_numpy(template_of(court.shipped.embed(court.faces.enrolled).embeddings))
    with torch.no_grad():
        layer.weight -= torch.outer(template, template @ layer.weight)
        layer.bias -= template * (template @ layer.bias)
    after = recogniser(projected)
    found = court.verdict(after)
    say("old template projected out", found, f"{court.truth(after, TRUTH)} of {TRUTH}")

    assert {c.part: c.outcome for c in found.claims}["old-template"] is Outcome.PASS


def test_blinding_it_is_refused(court: Court) -> None:
    """A recogniser that sees nobody clearly has lost the others as well."""
    found = court.verdict(Wrapped(court.shipped, blur=25))
    say("blurred", found, "")

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert "retention" in {c.name for c in found.claims if c.outcome is Outcome.FAIL}


def test_half_a_dispersion_is_refused(
    court: Court, network: nn.Module, scattered: nn.Module
) -> None:
    """Weights between the untouched and the scattered ones still know the person."""
    between = copy.deepcopy(network)
    with torch.no_grad():
        pairs = zip(between.parameters(), scattered.parameters(), strict=True)
        for own, gone in pairs:
            own.lerp_(gone, 0.3)
    after = recogniser(between)
    found = court.verdict(after)
    hits = court.truth(after)
    say("30 % of the way", found, f"{hits} of 240")

    assert found.verdict is Verdict.NOT_FORGOTTEN
    assert hits / 240 > POLICY.claims.forget.bound


def test_module_and_file_are_one_recogniser(
    shipped: Recogniser, network: nn.Module, faces: Faces
) -> None:
    """The shipped weights, half as precise, give the shipped file's embeddings; B's do not."""
    twin = twin_of(shipped, network, faces.held_out).embed(faces.held_out).embeddings
    other = Recogniser.load(world.recogniser_paths()["B"], "B", device="cpu")

    assert (twin * shipped.embed(faces.held_out).embeddings).sum(axis=1).min() > 0.9999
    with pytest.raises(ModelCorruptError, match="different recognisers"):
        twin_of(other, network, faces.held_out)
