"""Calibrate what the exported generator draws, beside the photos: the drawings' thresholds.

- One picture from each calibration photo's embedding under A; both recognisers look at the same.
- Pictures are kept by all that they are drawn from: a run that was stopped draws what is missing,
  and another generator, recogniser, sampler or seed draws everything.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from govsdk.canonical import digest, sha256_hex
from govsdk.models.calibrating import generated_faces
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.drawn_faces import drawn_faces
from govsdk.models.generator import Generator
from govsdk.models.manifest import manifest_of
from govsdk.models.recognisers import Recogniser
from govsdk.ports import Float32, Picture
from govsdk.records import Sha256
from govsdk.reference import world
from govsdk.reference.export import write_json
from govsdk.reference.photobook import open_book
from govsdk.reference.runfolder import Run


def calibrate_drawings(run: Run, weights: Path) -> None:
    """Add the drawings' operating points to both calibration records in ``weights``."""
    people, per_person = run.plan.books()["calibration"]
    book = open_book(run.photos, "calibration", people, per_person)
    photos = list(book.reshape(-1, *book.shape[2:]))
    judges = {name: _load(weights, name) for name in ("a", "b")}
    seen = {name: judge.embed(photos) for name, judge in judges.items()}
    generator = Generator.load(
        weights / "generator",
        device=str(run.device),
        steps=world.STEPS,
        guidance=world.GUIDANCE,
    )
    model, told = manifest_of(weights / "generator").digest(), seen["a"].embeddings
    drawn = _draw(
        generator, told, run, run.folder / "drawings" / _name(run, generator, model, told)
    )
    for name, judge in judges.items():
        path = weights / f"calibration_{name}.json"
        points = generated_faces(
            seen[name],
            judge.embed(drawn),
            per_person,
            generator=model,
            conditioner=judges["a"].sha256,
            steps=generator.steps,
            guidance=generator.guidance,
            seed=run.seed,
            resamples=run.plan.bootstrap,
        )
        record = CalibrationRecord.load(path).model_copy(update={"generated": points})
        write_json(path, record.public())
        run.log("drawings", recogniser=name, thresholds=points.public()["thresholds"])


def _name(run: Run, generator: Generator, model: Sha256, told: Float32) -> str:
    """Return what tells these drawings from any others."""
    sampler = {"steps": str(generator.steps), "guidance": repr(generator.guidance)}
    conditions = sha256_hex(told.tobytes())
    return digest({**sampler, "model": model, "conditions": conditions, "seed": str(run.seed)})


def _load(weights: Path, name: str) -> Recogniser:
    return Recogniser.load(weights / f"recogniser_{name}.onnx", name.upper())


def _draw(generator: Generator, told: Float32, run: Run, folder: Path) -> list[Picture]:
    """Return one picture for each row of ``told``; what is drawn is kept in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Picture] = []
    while (kept := folder / f"{len(drawn)}.npy").exists():
        drawn.extend(np.load(kept))
    for pictures in drawn_faces(generator, told, seed=run.seed, first=len(drawn)):
        partial = folder / "part.npy"
        np.save(partial, np.stack(pictures))
        os.replace(partial, folder / f"{len(drawn)}.npy")
        drawn.extend(pictures)
        run.log("drawings", pictures=len(drawn))
    return drawn
