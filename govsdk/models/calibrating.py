"""Calibration of a recogniser: which cosine means "the same person", how often strangers reach it.

- A generation is judged by the cosine of its embedding with a person's centroid, so exactly that
  score is calibrated: impostors are one picture against the centroid of another person's photos.
- Intervals come from a two-way person bootstrap: comparisons that share a person on either side are
  not independent, so people are resampled, not comparisons.
- Pure: embeddings in, a record out; randomness from a seed.

Source: ISO/IEC 19795-1 (FMR, FNMR); bootstrap over subjects as in Bolle et al.
2004, "Error analysis of pattern recognition systems".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from govsdk.models.calibration import (
    CalibrationRecord,
    GeneratedFaces,
    GenuineAngle,
    OperatingPoint,
    PhotoPairPoint,
    QualityMetric,
    QualityScale,
)
from govsdk.ports import Embedded, Progress, silent
from govsdk.records import Sha256, decimal_text

Floats = NDArray[np.float64]

RATES = ("0.01", "0.001", "0.0001")
"""False match rates that the shipped policies ask for."""


def quality(raw: NDArray[np.float32]) -> Floats:
    """Return the quality of pictures from raw embeddings [n, d]: the length of each row, [n].

    The recognisers of the reference world are trained to give faces a length near 8 and ruined
    pictures one near 0; for other recognisers the length is a weaker signal of the same kind
    (Meng et al. 2021, MagFace).
    """
    lengths: Floats = np.linalg.norm(np.asarray(raw, np.float64), axis=-1)
    return lengths


def unit(raw: NDArray[np.floating[Any]]) -> Floats:
    """Return rows scaled to unit length, in double precision."""
    rows = np.asarray(raw, np.float64)
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
    return scaled


def calibration_record(
    photos: Embedded,
    per_person: int,
    *,
    recogniser: str,
    sha256: Sha256,
    seed: int,
    rates: Sequence[str] = RATES,
    resamples: int = 1000,
    metric: QualityMetric = "raw embedding length",
    progress: Progress = silent,
) -> CalibrationRecord:
    """Return a recogniser's record from photos of many people, ``per_person`` (>= 3) of each.

    Args:
        photos: Rows of any length, one person's after the other's.
        sha256: Digest of the recogniser's weights.
        rates: False match rates, as decimal text.
        resamples: Bootstrap samples behind each interval.
        metric: What the photos' qualities are.

    Not checked: that the people are unknown to the recogniser (use people it was not trained on),
    nor that they are enough for every rate (:func:`govsdk.models.calibration.require_people`).
    """
    rows = _by_person(photos, per_person)
    people = len(rows)
    genuine = np.einsum("pjd,pjd->pj", rows, _others(rows))
    pairs = rows[:, 0] @ rows[:, 1].T
    impostor_pairs = pairs[~np.eye(people, dtype=bool)]
    genuine_pairs = np.einsum("pd,pd->p", rows[:, 0], rows[:, 1])
    points = _operating_points(rows, rows, rates, seed, resamples, progress)
    apart = {rate: _threshold(impostor_pairs, float(rate)) for rate in rates}
    angles = np.arccos(np.clip(genuine, -1.0, 1.0))
    p50, p95, p999 = (decimal_text(float(np.quantile(angles, q))) for q in (0.5, 0.95, 0.999))
    return CalibrationRecord(
        recogniser=recogniser,
        recogniser_sha256=sha256,
        people=people,
        photos_per_person=per_person,
        impostor_comparisons=people * (people - 1) * per_person,
        genuine_comparisons=people * per_person,
        thresholds=points,
        photo_pair_thresholds=tuple(
            PhotoPairPoint(fmr=rate, threshold=decimal_text(apart[rate])) for rate in rates
        ),
        tar_at_fmr=_accepted(genuine, points),
        photo_pair_tar_at_fmr={
            rate: decimal_text(float((genuine_pairs >= apart[rate]).mean())) for rate in rates
        },
        genuine_angle=GenuineAngle(p50=p50, p95=p95, p999=p999),
        quality=QualityScale(
            metric=metric, p01=decimal_text(float(np.quantile(photos.quality, 0.01)))
        ),
        seed=seed,
    )


def generated_faces(
    photos: Embedded,
    drawn: Embedded,
    per_person: int,
    *,
    generator: Sha256,
    conditioner: Sha256,
    steps: int,
    guidance: float,
    seed: int,
    rates: Sequence[str] = RATES,
    resamples: int = 1000,
    progress: Progress = silent,
) -> GeneratedFaces:
    """Return the same of pictures ``drawn`` from the photos, one each, against real centroids.

    A drawing is compared with the centroid of its person's OTHER photos, never of the photo that
    it was drawn from.

    Args:
        generator: Digest of the model's manifest.
        conditioner: Digest of the recogniser whose embeddings the pictures were drawn from.
        steps: Denoising steps of the sampler.
        guidance: Its classifier-free guidance scale.
    """
    rows, pictures = _by_person(photos, per_person), _by_person(drawn, per_person)
    points = _operating_points(pictures, rows, rates, seed, resamples, progress)
    return GeneratedFaces(
        generator=generator,
        conditioner=conditioner,
        steps=steps,
        guidance=decimal_text(guidance),
        thresholds=points,
        tar_at_fmr=_accepted(np.einsum("pjd,pjd->pj", pictures, _others(rows)), points),
    )


def _by_person(pictures: Embedded, per_person: int) -> Floats:
    """Return unit rows [people, photos, d]."""
    rows = unit(pictures.embeddings)
    return rows.reshape(-1, per_person, rows.shape[1])


def _others(rows: Floats) -> Floats:
    """Return, for each photo, the centroid of the person's other photos: [people, photos, d]."""
    return unit(rows.sum(axis=1, keepdims=True) - rows)


def _accepted(genuine: Floats, points: Sequence[OperatingPoint]) -> dict[str, str]:
    """Return the share of genuine scores at or above each threshold."""
    return {p.fmr: decimal_text(float((genuine >= float(p.threshold)).mean())) for p in points}


def _threshold(impostors: NDArray[np.floating[Any]], rate: float) -> float:
    """Return the least threshold t with share(impostors >= t) <= rate."""
    place = impostors.size - int(np.floor(rate * impostors.size)) - 1
    kth = np.partition(impostors.ravel(), place)[place]
    return float(np.nextafter(np.float32(kth), np.float32(2.0)))


def _operating_points(
    pictures: Floats,
    photos: Floats,
    rates: Sequence[str],
    seed: int,
    resamples: int,
    progress: Progress,
) -> tuple[OperatingPoint, ...]:
    """Return threshold and two-sided 95 % person-bootstrap interval for each rate.

    A resample draws people with replacement and weighs each comparison by how often its two people
    were drawn (comparisons of a person with a copy of itself are left out). Only the upper tail can
    move the thresholds, so only comparisons above the 97 % quantile are kept and sorted once.

    Args:
        pictures: [people, pictures, d], compared with the centroids of
        photos: [people, photos, d], the same people in the same order.
    """
    people = len(pictures)
    every = np.einsum("pjd,qd->pjq", pictures, unit(photos.sum(axis=1))).astype(np.float32)
    own = np.arange(people)
    every[own, :, own] = np.nan
    flat = every[~np.isnan(every)]
    # The loosest rate must lie well inside the tail that is kept.
    share = max(0.0, min(0.97, 1 - 3 * max(map(float, rates))))
    floor = np.quantile(flat[:: max(1, flat.size // 2_000_000)], share)
    image, _, centroid = np.nonzero(every >= floor)
    tail = every[every >= floor]
    order = np.argsort(-tail)
    tail, image, centroid = tail[order], image[order], centroid[order]
    found: dict[str, list[float]] = {rate: [] for rate in rates}
    rng = np.random.default_rng([seed, people])
    for done in range(resamples):
        if done % 50 == 0:
            progress("bootstrap", done, resamples)
        times = np.bincount(rng.integers(0, people, people), minlength=people).astype(np.float32)
        weight = np.cumsum(times[image] * times[centroid], dtype=np.float64)
        total = every.shape[1] * (float(times.sum()) ** 2 - float((times**2).sum()))
        for rate in rates:
            place = int(np.searchsorted(weight, float(rate) * total, side="right"))
            found[rate].append(float(tail[min(place, len(tail) - 1)]))
    progress("bootstrap", resamples, resamples)
    return tuple(
        _point(rate, _threshold(flat, float(rate)), np.quantile(found[rate], [0.025, 0.975]))
        for rate in rates
    )


def _point(rate: str, threshold: float, ends: Floats) -> OperatingPoint:
    # Near the largest score the bootstrap's ends may both lie on one side of the threshold.
    low, high = min(float(ends[0]), threshold), max(float(ends[1]), threshold)
    return OperatingPoint(
        fmr=rate,
        threshold=decimal_text(threshold),
        low=decimal_text(low),
        high=decimal_text(high),
    )
