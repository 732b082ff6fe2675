"""Calibrate a recogniser on the controller's own photos: a folder of people in, a record out.

- Nothing of the photos is kept: the record holds counts, thresholds and quantiles.
- Whether the people are enough is decided before anything is embedded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from govsdk.errors import PhotoError, RequestError
from govsdk.govern.config import Sampling
from govsdk.models.calibrating import RATES, calibration_record, generated_faces
from govsdk.models.calibration import (
    CalibrationRecord,
    GeneratedFaces,
    QualityMetric,
    require_people,
)
from govsdk.models.drawn_faces import drawn_faces
from govsdk.models.manifest import manifest_of
from govsdk.ports import Embedded, Embedder, Float32, Progress, silent

if TYPE_CHECKING:
    from govsdk.models.recognisers import Recogniser

PHOTOS = 4
"""Photos used of each person, unless told otherwise."""

LEAST_PHOTOS = 3
"""With fewer, a photo has no centroid of others to be compared with."""

_BATCH = 64


@dataclass(frozen=True)
class Calibrated:
    """A new record, and who could not serve."""

    record: CalibrationRecord
    left_out: int
    """People with too few photos."""


def calibrate(
    people: str | Path,
    recogniser: str | Path,
    *,
    name: str = "recogniser",
    fmr: Sequence[str] = RATES,
    photos: int = PHOTOS,
    model: str | Path | None = None,
    conditioner: str | Path | None = None,
    sampling: Sampling | None = None,
    metric: QualityMetric = "raw embedding length",
    seed: int = 0,
    resamples: int = 1000,
    device: str = "auto",
    progress: Progress = silent,
) -> Calibrated:
    """Return the calibration record of a recogniser, measured on a folder of people.

    Args:
        people: One folder of aligned face crops per person: people whom neither the recogniser was
            trained on nor the workspace will enrol.
        recogniser: Its ONNX file.
        name: What the record calls it.
        fmr: False match rates to calibrate.
        photos: Photos used of each person (the first by name), at least 3; people with fewer are
            left out and counted.
        model: A generator's folder: its drawings are calibrated, too.
        conditioner: The ONNX file of the recogniser that ``model`` draws from; default: the same.
        sampling: How ``model`` draws; default: 15 steps, at Arc2Face's guidance of 3.
        metric: What shall count as a face's quality.

    Raises:
        RequestError: There are no such people, or a rate or number of photos makes no sense.
        TooFewPeopleError: A rate lies below 30 / pairs of people.
        PhotoError: A photo cannot be read; ``facts["photo"]`` is its position among all that serve,
            person by person, by name.
        MissingModelError, ModelCorruptError: The recogniser or the generator cannot be loaded.
    """
    from govsdk.models.recognisers import Recogniser
    from govsdk.registry import people_in

    if photos < LEAST_PHOTOS or not fmr:
        raise RequestError(f"at least {LEAST_PHOTOS} photos of each person and one rate are needed")
    rates = tuple(_rate(each) for each in fmr)
    found = [files[:photos] for _, files in people_in(Path(people), may_be_empty=True)]
    chosen = [files for files in found if len(files) == photos]
    require_people(len(chosen), rates)
    judge = Recogniser.load(Path(recogniser), name, device=device, metric=metric)
    teller = judge
    if conditioner is not None:
        teller = Recogniser.load(Path(conditioner), "conditioner", device=device)
    faces, told = _embed(chosen, judge, teller, progress)
    record = calibration_record(
        faces,
        photos,
        recogniser=name,
        sha256=judge.sha256,
        seed=seed,
        rates=rates,
        resamples=resamples,
        metric=metric,
        progress=progress,
    )
    if model is not None:
        drawn = _Drawing(Path(model), teller, sampling or Sampling(), device, seed)
        generated = drawn.calibrate(faces, told, judge, photos, rates, resamples, progress)
        record = record.model_copy(update={"generated": generated})
    return Calibrated(record, left_out=len(found) - len(chosen))


def _rate(text: str) -> str:
    """Return a rate as plain decimal text, ``1e-3`` as ``0.001``."""
    try:
        rate = Decimal(text)
    except InvalidOperation as cause:
        raise RequestError(f"{text!r} is not a rate") from cause
    if not (rate.is_finite() and 0 < rate < 1):
        raise RequestError(f"a false match rate lies between 0 and 1, not at {text}")
    return f"{rate.normalize():f}"


def _embed(
    people: Sequence[Sequence[Path]], judge: Embedder, teller: Embedder, progress: Progress
) -> tuple[Embedded, Float32]:
    """Return what the judge says of each photo, and the embeddings to draw from."""
    from govsdk.registry import photos_from

    files = [file for person in people for file in person]
    said, told = [], []
    for batch in _batches(len(files)):
        progress("embed", batch.start, len(files))
        try:
            pictures = photos_from(files[batch])
        except PhotoError as fault:
            place = batch.start + int(fault.facts.get("photo") or 0)
            raise PhotoError(
                f"photo {place} of all that serve cannot be read", photo=place
            ) from None
        said.append(judge.embed(pictures))
        told.append((said[-1] if teller is judge else teller.embed(pictures)).embeddings)
    progress("embed", len(files), len(files))
    return _joined(said), np.concatenate(told)


def _joined(parts: Sequence[Embedded]) -> Embedded:
    return Embedded(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def _batches(n: int) -> Iterator[slice]:
    for start in range(0, n, _BATCH):
        yield slice(start, min(start + _BATCH, n))


@dataclass(frozen=True)
class _Drawing:
    """One drawing from each photo's embedding."""

    model: Path
    teller: Recogniser
    sampling: Sampling
    device: str
    seed: int

    def calibrate(
        self,
        faces: Embedded,
        told: Float32,
        judge: Embedder,
        photos: int,
        rates: Sequence[str],
        resamples: int,
        progress: Progress,
    ) -> GeneratedFaces:
        """Return the calibration of what the generator draws for the conditions ``told``."""
        return generated_faces(
            faces,
            self._draw(told, judge, progress),
            photos,
            generator=manifest_of(self.model).digest(),
            conditioner=self.teller.sha256,
            steps=self.sampling.steps,
            guidance=self.sampling.guidance,
            seed=self.seed,
            rates=rates,
            resamples=resamples,
            progress=progress,
        )

    def _draw(self, told: Float32, judge: Embedder, progress: Progress) -> Embedded:
        from govsdk.models.generator import Generator

        generator = Generator.load(
            self.model,
            device=self.device,
            steps=self.sampling.steps,
            guidance=self.sampling.guidance,
        )
        drawn = drawn_faces(generator, told, seed=self.seed, progress=progress)
        return _joined([judge.embed(pictures) for pictures in drawn])
