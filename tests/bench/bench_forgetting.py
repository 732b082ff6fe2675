"""How many steps until a person is gone, for how long, and what does it cost the others?

Run: ``python -m tests.bench forgetting``, with ``--weights DIR``, ``--preset NAME`` or
``--set KEY=VALUE`` to try others (``python -m tests.bench forgetting --set steps=60``). Edits the
reference world's generator for invented people and prints, before and after, how often pictures are
accepted as the subject (under A and B, from sealed photos and from the distribution D) and retained
people as themselves, with the seconds of the edit.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yaml

from govsdk.models.calibration import CalibrationRecord
from govsdk.models.distribution import draw_conditions
from govsdk.models.generator import Generator
from govsdk.models.recognisers import Recogniser
from govsdk.ports import Drawer, Float32
from govsdk.reference import world
from govsdk.reference.people import DEMO_PEOPLE
from govsdk.reference.renderer import person, photos
from govsdk.unlearn.looking import Looks
from govsdk.unlearn.mixtures import unit
from govsdk.unlearn.piu import edit
from govsdk.unlearn.presets import settings

EDIT, SEALED, OTHERS, OTHERS_PHOTOS, LOOKS = 16, 8, 100, 6, 32


@dataclass(frozen=True, eq=False)
class Faces:
    """Embeddings of invented people under both recognisers; row 0 is the subject's."""

    photos: dict[str, list[Float32]]
    thresholds: dict[str, tuple[float, float]]
    """For forgetting (the stricter lower end at 1e-3, which a request takes for its looks; for its
    anchor, photos' alone) and for retention (the stricter upper end at 1e-4)."""
    radius: float

    def centroid(self, recogniser: str, who: int) -> Float32:
        rows = self.photos[recogniser][who]
        return unit(rows.mean(axis=0, keepdims=True))[0]

    def anchor(self, subject: int) -> int:
        """Return the nearest person whose centroid lies 0.15 below the threshold or further."""
        cosines = np.array(
            [self.centroid("A", subject) @ self.centroid("A", i) for i in range(OTHERS)]
        )
        cosines[cosines > self.thresholds["A"][0] - 0.15] = -2
        return int(cosines.argmax())


def load_faces(embedders: dict[str, Recogniser], first: int) -> Faces:
    """Return the faces of ``OTHERS`` people, the first of them with the subject's photos."""
    pictures = [
        photos(person(DEMO_PEOPLE[first + i]), range(EDIT + SEALED if i == 0 else OTHERS_PHOTOS))
        for i in range(OTHERS)
    ]
    records = {n: CalibrationRecord.load(p) for n, p in world.calibration_paths().items()}
    return Faces(
        {name: [r.embed(list(p)).embeddings for p in pictures] for name, r in embedders.items()},
        {
            name: (c.strictest("0.001", "low"), c.strictest("0.0001", "high"))
            for name, c in records.items()
        },
        float(records["A"].genuine_angle.p999),
    )


def measure(model: Drawer, faces: Faces, embedders: dict[str, Recogniser], seed: int) -> str:
    """Return one line of match rates: sealed photos, D, retained people."""
    rng = np.random.default_rng(seed)
    sealed = faces.photos["A"][0][EDIT:]
    others = np.stack([faces.centroid("A", i) for i in range(1, OTHERS)])
    around_subject = draw_conditions(
        faces.centroid("A", 0), others, 2 * LOOKS, radius=faces.radius, rng=rng
    ).embeddings
    who = np.arange(1, 2 * LOOKS + 1)
    kept = np.stack([faces.photos["A"][i][0] for i in who])
    groups = {
        "sealed": sealed[rng.integers(SEALED, size=2 * LOOKS)],
        "D": around_subject,
        "kept": kept,
    }
    words = []
    for name, conditions in groups.items():
        drawn = model.draw(conditions, [int(s) for s in rng.integers(2**62, size=len(conditions))])
        for role, embedder in embedders.items():
            seen = embedder.embed(drawn)
            if name == "kept":
                own = np.stack([faces.centroid(role, i) for i in who])
                scores = (seen.embeddings * own).sum(axis=1)
            else:
                scores = seen.embeddings @ faces.centroid(role, 0)
            rate = (scores >= faces.thresholds[role][name == "kept"]).mean()
            words.append(f"{name}/{role} {rate:.3f} (mean {scores.mean():+.2f})")
    return "  ".join(words)


def watch(
    faces: Faces, embedder: Recogniser, margin: float, seed: int
) -> Callable[[Generator], float]:
    """Return the early-stop signal that a request has, told at each look."""
    looks = Looks(
        subject=faces.photos["A"][0][:EDIT],
        others=np.stack([faces.centroid("A", i) for i in range(1, OTHERS)]),
        radius=faces.radius,
        embedder=embedder,
        threshold=faces.thresholds["A"][0] - margin,
        steps=world.STEPS,
        guidance=world.GUIDANCE,
        seed=seed,
    )

    def look(student: Generator) -> float:
        rate = looks(student)
        print(f"    look: {rate:.3f}", flush=True)
        return rate

    return look


def load(folder: Path) -> Generator:
    return Generator.load(folder, steps=world.STEPS, guidance=world.GUIDANCE)


def main(
    weights: Path | None = None,
    preset: str = "piu-miniature",
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE")] = None,
    subjects: int = 1,
) -> None:
    """Print one edit of each person in turn, of the shipped weights unless others are given."""
    pairs = (pair.split("=", 1) for pair in overrides or ())
    asked = settings(preset, {key: yaml.safe_load(value) for key, value in pairs})
    weights = weights or world.weights_dir()
    model = weights / "generator"
    embedders = {
        name: Recogniser.load(
            weights / f"recogniser_{name.lower()}.onnx",
            name,
            CalibrationRecord.load(weights / f"calibration_{name.lower()}.json"),
            device="cpu",
        )
        for name in ("A", "B")
    }
    print(asked)
    for subject in range(subjects):
        faces = load_faces(embedders, subject * OTHERS)
        anchor = faces.centroid("A", faces.anchor(0))
        cosine = float(anchor @ faces.centroid("A", 0))
        print(f"subject {subject}: anchor at cosine {cosine:+.2f}, radius {faces.radius:.2f}")
        print("  before ", measure(load(model), faces, embedders, subject), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            edited = edit(
                model,
                Path(folder) / "edited",
                subject=faces.photos["A"][0][:EDIT],
                anchor=anchor,
                retained=faces.photos["A"][1:],
                settings=asked,
                seed=subject,
                radius=faces.radius,
                guidance=world.GUIDANCE,
                watch=watch(faces, embedders["A"], asked.margin, subject),
            )
            seconds = time.perf_counter() - started
            after = measure(load(Path(folder) / "edited"), faces, embedders, subject)
        print("  after  ", after)
        print(
            f"  {edited.steps} steps in {seconds:.0f} s, last loss {edited.last_loss}", flush=True
        )
