"""A linear world that behaves like the real one and runs in milliseconds.

A picture is a fixed random linear image of the condition plus seeded noise. Recogniser A inverts
the map, recogniser B sees most of the result, turned. Both are calibrated on people who serve
nothing else, as real recognisers are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.policy.probes import Probes
from govsdk.ports import Anchor, Embedded, Float32, Picture, SubjectId, Templates
from govsdk.records import Resource, Verification, decimal_text
from govsdk.verify import Baseline, Inquiry, Memory, Model, baseline, verify

NUMBERS, SIDE = 32, 16
CONTRAST, GRAIN, SPREAD = 600.0, 12.0, 0.4
_FIXED = np.random.default_rng(7)
_PAINT = _FIXED.standard_normal((NUMBERS, SIDE * SIDE * 3)) / np.sqrt(SIDE * SIDE * 3)
_SEE = np.linalg.pinv(_PAINT)
_TURN = np.linalg.qr(_FIXED.standard_normal((NUMBERS, NUMBERS)))[0][:, :-4]

NOTE = b"w-toy.ledger.invalid\n1\nAAAA\n"

Edit = Callable[[Float32], Float32]
"""What a model draws instead of the given conditions ``[n, d]``."""


def unit(rows: Float32) -> Float32:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def untouched(conditions: Float32) -> Float32:
    return conditions


@dataclass(frozen=True)
class ToyDrawer:
    """Draws what ``edit`` makes of the conditions; shorter conditions give fainter pictures."""

    edit: Edit = untouched
    seeds: list[int] = field(default_factory=list)
    """Every seed that was asked for."""

    def draw(self, embeddings: Float32, seeds: Sequence[int]) -> list[Picture]:
        self.seeds.extend(seeds)
        grain = [np.random.default_rng(seed).normal(0, GRAIN, SIDE * SIDE * 3) for seed in seeds]
        light = 128 + self.edit(embeddings) @ _PAINT * CONTRAST + np.stack(grain)
        return list(light.clip(0, 255).astype(np.uint8).reshape(-1, SIDE, SIDE, 3))


@dataclass(frozen=True)
class ToySampler(ToyDrawer):
    """A drawer whose sampler can be set: with ``much`` guidance it draws what ``leak`` makes."""

    leak: Edit = untouched
    much: float = 5.0

    def resampled(
        self,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        scheduler: str | None = None,
    ) -> ToyDrawer:
        return ToyDrawer(self.leak if guidance is not None and guidance >= self.much else self.edit)

    def redraw(
        self,
        pictures: Sequence[Picture],
        embeddings: Float32,
        seeds: Sequence[int],
        *,
        strength: float,
    ) -> list[Picture]:
        drawn = self.draw(embeddings, seeds)
        return [
            ((1 - strength) * picture + strength * other).astype(np.uint8)
            for picture, other in zip(pictures, drawn, strict=True)
        ]


@dataclass(frozen=True)
class ToyEmbedder:
    name: str
    sha256: str

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        raw = (np.stack(pictures).reshape(len(pictures), -1) - 127.5) / CONTRAST @ _SEE
        raw = raw @ _TURN if self.name == "B" else raw
        return Embedded(unit(raw), np.linalg.norm(raw, axis=1).astype(np.float32))


EMBEDDERS = {name: ToyEmbedder(name, name.lower() * 64) for name in ("A", "B")}


def person(name: str, seed: int, photos: int = 12) -> Templates:
    """Return an invented person whose photos both recognisers have seen."""
    rng = np.random.default_rng(seed)
    face = unit(rng.standard_normal(NUMBERS))
    views = unit(face + SPREAD * unit(rng.standard_normal((photos, NUMBERS))))
    pictures = ToyDrawer().draw(views, range(seed * 1000, seed * 1000 + photos))
    return Templates(
        SubjectId(name), {key: judge.embed(pictures).embeddings for key, judge in EMBEDDERS.items()}
    )


@cache
def calibrations() -> dict[str, CalibrationRecord]:
    """Return records measured on 776 people who appear nowhere else, as FMR 0.0001 needs."""
    crowd = [person(f"calibration-{i}", 10_000 + i, photos=4) for i in range(776)]
    return {name: _calibrate(name, crowd) for name in EMBEDDERS}


def _calibrate(name: str, crowd: list[Templates]) -> CalibrationRecord:
    photos = np.stack([someone.by_recogniser[name] for someone in crowd])
    cosines = np.einsum("ikd,jd->ijk", photos, np.stack([p.centroid(name) for p in crowd]))
    same = np.eye(len(crowd), dtype=bool)
    impostors, angles = cosines[~same].ravel(), np.arccos(cosines[same].clip(-1, 1)).ravel()
    views = np.stack([someone.by_recogniser["A"][0] for someone in crowd])
    quality = EMBEDDERS[name].embed(ToyDrawer().draw(views, range(len(crowd)))).quality
    points = [
        {
            "fmr": decimal_text(rate),
            "threshold": decimal_text(t := float(np.quantile(impostors, 1 - rate))),
            "low": decimal_text(t - 0.01),
            "high": decimal_text(t + 0.01),
        }
        for rate in (1e-3, 1e-4)
    ]
    p50, p95, p999 = (decimal_text(float(q)) for q in np.quantile(angles, [0.5, 0.95, 0.999]))
    return CalibrationRecord.model_validate(
        {
            "recogniser": name,
            "recogniser_sha256": EMBEDDERS[name].sha256,
            "people": len(crowd),
            "photos_per_person": 4,
            "impostor_comparisons": impostors.size,
            "genuine_comparisons": angles.size,
            "thresholds": points,
            "genuine_angle": {"p50": p50, "p95": p95, "p999": p999},
            "quality": {
                "metric": "raw embedding length",
                "p01": decimal_text(float(np.quantile(quality, 0.01))),
            },
            "seed": 10_000,
        }
    )


SUBJECT = person("toy-subject", 1)
ANCHOR = person("toy-anchor", 2)
EARLIER = person("toy-earlier", 3)
GALLERY = [ANCHOR, *(person(f"person-{i}", 100 + i, photos=6) for i in range(40))]
SEALED = (8, 9, 10, 11)
REPLACEMENT = Anchor(ANCHOR.subject, ANCHOR.centroid("A"), centroid_cosine=0.0, below_threshold=1.0)


def model(edit: Edit = untouched, name: str = "v1") -> Model:
    """Return a model; its digest belongs to its name."""
    return Model(Resource(name=name, sha256=name.encode().hex().ljust(64, "0")), ToyDrawer(edit))


def near(conditions: Float32, who: Templates, angle: float) -> Float32:
    """Return which conditions lie within ``angle`` (radians) of ``who``'s centroid: ``[n, 1]``."""
    return (conditions @ who.centroid("A") >= np.cos(angle))[:, None]


def forgets(who: Templates, angle: float = 1.0) -> Edit:
    """Return an edit that draws the anchor wherever it is asked for ``who``."""
    anchor = ANCHOR.centroid("A")
    return lambda conditions: np.where(near(conditions, who, angle), anchor, conditions)


def inquiry(policy: str | Policy, changes: dict[str, object]) -> Inquiry:
    """Return the inquiry whether the toy subject is gone, with its part of ``changes`` taken."""
    asked = {
        "subject": SUBJECT,
        "gallery": GALLERY,
        "embedders": EMBEDDERS,
        "calibrations": calibrations(),
        "earlier": (),
    }
    loaded = policy if isinstance(policy, Policy) else Policy.load(policy)
    return Inquiry(loaded, **{name: changes.pop(name, given) for name, given in asked.items()})


def run_baseline(before: Model, policy: str | Policy = "quickstart", **changes: object) -> Baseline:
    asked = {"sealed": SEALED, "note": NOTE, "journal": Memory()}
    return baseline(inquiry(policy, changes), before=before, **(asked | changes))


def probing(**probes: object) -> Policy:
    """Return the quickstart policy with these probes."""
    asked = Probes.model_validate(probes)
    return Policy.load("quickstart").model_copy(update={"probes": asked})


def photos_of(subject: SubjectId) -> list[Picture]:
    """Return the photos of anybody in the gallery, or of the subject."""
    (someone,) = (each for each in (SUBJECT, *GALLERY) if each.subject == subject)
    rows = someone.by_recogniser["A"]
    return ToyDrawer().draw(rows, range(len(rows)))


def run_verify(
    after: Model, policy: str | Policy = "quickstart", **changes: object
) -> Verification:
    asked = {
        "attempt": 1,
        "sealed": SEALED,
        "baseline": run_baseline(model(name="v0")),
        "before": model(name="v0"),
        "note": NOTE,
        "plan": NOTE,
        "journal": Memory(),
        "cache": Memory(),
    }
    return verify(inquiry(policy, changes), after=after, **(asked | changes))
