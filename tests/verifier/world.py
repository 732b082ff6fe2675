"""Real small models for the judge: the shipped generator, one edit of it, and ways to cheat.

Whoever cheats here is a model as a lazy or dishonest editor would hand it in; none is a mock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from govsdk.models import weights
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.distribution import draw_conditions
from govsdk.models.generator import Generator
from govsdk.models.manifest import manifest_of
from govsdk.models.recognisers import Recogniser
from govsdk.policy import Policy
from govsdk.ports import Drawer, Float32, Picture, SubjectId, Templates
from govsdk.records import Resource, Verification
from govsdk.reference import people, renderer, world
from govsdk.unlearn import presets
from govsdk.unlearn.piu import edit
from govsdk.verify import Baseline, Inquiry, Memory, Model, baseline, verify
from govsdk.verify.folds import split_retained
from govsdk.verify.screen import Forgotten
from govsdk.verify.thresholds import thresholds_for

POLICY = Policy.load(Path(__file__).with_name("small.yaml"))
OTHERS, OTHERS_PHOTOS, EDIT, SEALED = 30, 6, 8, 4
FIRST = 500
"""Where in ``DEMO_PEOPLE`` these people begin."""
FRESH_SHOTS = 10_000
"""Photos from this shot on were seen by nobody: neither editor nor judge."""
LEAKY = 0.49
"""How far leaky weights go from the shipped ones to the good ones: in 885 of 3,000 fresh pictures A
sees the subject then (test_truth.py). A little further, and they keep to the bound."""
HASTY = {"steps": 1, "latents": "noise", "searched": 0.0, "spare": 0.0, "start_keep": 400.0}
"""An editor who stops at the start in closed form, and lets others weigh too much in it."""
NOTE = b"w-verifier.ledger.invalid\n1\nAAAA\n"

Rule = Callable[[Float32], Float32]


@dataclass(frozen=True)
class Guarded:
    """A generator behind an adapter, which changes the conditions before they reach it."""

    behind: Drawer
    rule: Rule

    def draw(self, embeddings: Float32, seeds: Sequence[int]) -> list[Picture]:
        return self.behind.draw(self.rule(embeddings), seeds)


@dataclass(frozen=True, eq=False)
class Crowd:
    """The subject, everybody else, and the recognisers that know them."""

    embedders: dict[str, Recogniser]
    calibrations: dict[str, CalibrationRecord]
    subject: Templates
    others: list[Templates]
    anchor: Float32
    shown: Memory = field(default_factory=Memory)
    """Trials that several tests share."""

    @classmethod
    def gather(cls) -> Crowd:
        """Render and embed everybody."""
        records = {n: CalibrationRecord.load(p) for n, p in world.calibration_paths().items()}
        embedders = {
            name: Recogniser.load(path, name, records[name], device="cpu")
            for name, path in world.recogniser_paths().items()
        }
        subject = _templates(embedders, 0, EDIT + SEALED)
        others = [_templates(embedders, i, OTHERS_PHOTOS) for i in range(1, OTHERS + 1)]
        centre, limit = subject.centroid("A"), records["A"].threshold("0.001", "low") - 0.15
        cosines = [float(each.centroid("A") @ centre) for each in others]
        anchor = max((c, i) for i, c in enumerate(cosines) if c <= limit)[1]
        return cls(embedders, records, subject, others, others[anchor].centroid("A"))

    @property
    def edit_photos(self) -> Float32:
        """What an editor may see, under A."""
        return self.subject.by_recogniser["A"][:EDIT]

    @property
    def radius(self) -> float:
        return float(self.calibrations["A"].genuine_angle.p999)

    def conditions(self, n: int, seed: int) -> Float32:
        """Return ``n`` conditions nobody has seen: from D, and from photos taken for this alone."""
        rng = np.random.default_rng(seed)
        centres = np.stack([other.centroid("A") for other in self.others])
        around = draw_conditions(
            self.subject.centroid("A"), centres, n - n // 2, radius=self.radius, rng=rng
        )
        who = renderer.person(people.DEMO_PEOPLE[FIRST])
        shots = range(FRESH_SHOTS, FRESH_SHOTS + n // 2)
        photos = self.embedders["A"].embed(list(renderer.photos(who, shots))).embeddings
        return np.concatenate([around.embeddings, photos])

    def leaks(self, drawer: Drawer, n: int, seed: int = 3) -> dict[str, int]:
        """Return how many of ``n`` fresh pictures each recogniser accepts as the subject."""
        parts = self.leaks_by_part(drawer, n, seed).values()
        return {name: sum(part[name] for part in parts) for name in self.embedders}

    def leaks_by_part(self, drawer: Drawer, n: int, seed: int) -> dict[str, dict[str, int]]:
        """Return the same for the half of them from D and the half from photos."""
        pictures = drawer.draw(self.conditions(n, seed), range(seed * n, seed * n + n))
        around = n - n // 2
        return {
            "distribution": self.accepted(pictures[:around]),
            "photos": self.accepted(pictures[around:]),
        }

    def accepted(self, pictures: Sequence[Picture]) -> dict[str, int]:
        """Return how many pictures each recogniser accepts as the subject."""
        limits = thresholds_for(POLICY, self.embedders, self.calibrations).forget
        scores = {
            name: judge.embed(pictures).embeddings @ self.subject.centroid(name)
            for name, judge in self.embedders.items()
        }
        return {name: int((cosines >= limits[name]).sum()) for name, cosines in scores.items()}

    @property
    def taught(self) -> list[Float32]:
        """Embeddings of the photos of others that the editor is handed."""
        taught = (each.only(split_retained(each, note=NOTE).edit) for each in self.others)
        return [person.by_recogniser["A"] for person in taught if len(person)]

    def inquiry(self, earlier: Sequence[Templates] = ()) -> Inquiry:
        """Return what the judge is asked, with people in it who were forgotten ``earlier``."""
        judges = self.embedders, self.calibrations
        past = [Forgotten(person, POLICY) for person in earlier]
        return Inquiry(POLICY, self.subject, self.others, *judges, past)

    def baseline(self, before: Model) -> Baseline:
        """Return the positive control."""
        return baseline(
            self.inquiry(),
            sealed=range(EDIT, EDIT + SEALED),
            before=before,
            note=NOTE,
            journal=self.shown,
        )

    def verify(
        self, after: Model, before: Model, *, earlier: Sequence[Templates] = ()
    ) -> Verification:
        """Return the judge's report on ``after``."""
        return verify(
            self.inquiry(earlier),
            attempt=1,
            sealed=range(EDIT, EDIT + SEALED),
            baseline=self.baseline(before),
            before=before,
            after=after,
            note=NOTE,
            plan=NOTE,
            journal=self.shown,
            cache=self.shown,
        )


def _templates(embedders: dict[str, Recogniser], number: int, photos: int) -> Templates:
    who = renderer.person(people.DEMO_PEOPLE[FIRST + number])
    pictures = list(renderer.photos(who, range(photos)))
    rows = {name: judge.embed(pictures).embeddings for name, judge in embedders.items()}
    return Templates(SubjectId(str(number)), rows)


def forget(crowd: Crowd, folder: Path, overrides: Mapping[str, object] | None = None) -> Path:
    """Edit the shipped generator so that it draws the anchor instead of the subject.

    Args:
        overrides: Settings of the preset, in place of the policy's, which make a good edit.
    """
    wanted = POLICY.unlearning
    chosen = wanted.overrides if overrides is None else overrides
    edit(
        world.generator_dir(),
        folder,
        subject=crowd.edit_photos,
        anchor=crowd.anchor,
        retained=crowd.taught,
        settings=presets.settings(wanted.preset, chosen),
        seed=5,
        radius=crowd.radius,
        guidance=world.GUIDANCE,
        device="cpu",
    )
    return folder


def between(after: Path, share: float, folder: Path) -> Path:
    """Write the model that went ``share`` of the way from the shipped weights to ``after``."""
    before = world.generator_dir()
    names = weights.differing(before, after)
    first, last = weights.read(before, names), weights.read(after, names)
    weights.write(before, folder, {n: torch.lerp(first[n], last[n], share) for n in names})
    return folder


def blurring(generator: Generator, width: int) -> Generator:
    """Return ``generator`` with a decoder that averages over ``width`` pixels."""
    decoder = generator.vae.decoder
    blur = torch.nn.AvgPool2d(width, stride=1, padding=width // 2, count_include_pad=False)
    decoder.conv_out = torch.nn.Sequential(decoder.conv_out, blur)
    return generator


def load(folder: Path) -> Generator:
    return Generator.load(folder, device="cpu", steps=world.STEPS, guidance=world.GUIDANCE)


def model(folder: Path) -> Model:
    """Return the checkpoint in ``folder`` as the judge gets it."""
    return Model(Resource(name=folder.name, sha256=manifest_of(folder).digest()), load(folder))


def around(centre: Float32, angle: float, anchor: Float32) -> Rule:
    """Return a rule that redirects whatever lies within ``angle`` (radians) of ``centre``."""
    limit = np.cos(angle)
    return lambda rows: np.where((rows @ centre >= limit)[:, None], anchor, rows)


def exactly(known: Float32, anchor: Float32) -> Rule:
    """Return a rule that redirects the ``known`` embeddings and nothing else."""
    return lambda rows: np.where((rows @ known.T).max(axis=1)[:, None] > 0.9999, anchor, rows)
