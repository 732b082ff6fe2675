"""Calibration of a recogniser: which cosine means "the same person", how often strangers reach it.

- A generation is judged by the cosine of its embedding with a person's centroid, so exactly that
  score is calibrated: impostors are one photo against the centroid of another person's photos.
- Intervals come from a person bootstrap: comparisons that share a person are not independent, so
  people are resampled.
- Everything here is NumPy on embeddings; the record is plain JSON with decimal strings.

Source: ISO/IEC 19795-1 (FMR, FNMR); bootstrap over subjects as in Bolle et al. 2004, "Error
analysis of pattern recognition systems".
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCORE_TYPE = "image-vs-centroid cosine"
RATES = ("0.01", "0.001", "0.0001")


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
    raw: NDArray[np.float32], *, recogniser: str, onnx: Path, seed: int, resamples: int = 1000
) -> dict[str, Any]:
    """Return a recogniser's record from raw embeddings of many people: [people, photos >= 3, d].

    Not checked: that the people are unknown to the recogniser. Use people it was not trained on.
    """
    photos = unit(raw)
    people, per_person, _ = photos.shape
    rng = np.random.default_rng([seed, people])
    centroids = unit(photos.sum(axis=1))
    without = unit(photos.sum(axis=1, keepdims=True) - photos)
    genuine = np.einsum("pjd,pjd->pj", photos, without)
    pairs = photos[:, 0] @ photos[:, 1].T
    genuine_pairs = np.einsum("pd,pd->p", photos[:, 0], photos[:, 1])
    every = np.einsum("pjd,qd->pjq", photos, centroids).astype(np.float32)
    own = np.arange(people)
    every[own, :, own] = np.nan
    angles = np.arccos(np.clip(genuine, -1.0, 1.0))
    return {
        "version": 1,
        "recogniser": recogniser,
        "recogniserSha256": hashlib.sha256(onnx.read_bytes()).hexdigest(),
        "scoreType": SCORE_TYPE,
        "people": people,
        "photosPerPerson": per_person,
        "impostorComparisons": people * (people - 1) * per_person,
        "genuineComparisons": people * per_person,
        "thresholds": _thresholds(every, rng, resamples),
        "photoPairThresholds": [
            {"fmr": rate, "threshold": _text(_threshold(_off_diagonal(pairs), float(rate)))}
            for rate in RATES
        ],
        "tarAtFmr": {
            rate: _text(float((genuine >= _threshold(every[~np.isnan(every)], float(rate))).mean()))
            for rate in RATES
        },
        "photoPairTarAtFmr": {
            rate: _text(
                float((genuine_pairs >= _threshold(_off_diagonal(pairs), float(rate))).mean())
            )
            for rate in RATES
        },
        "genuineAngle": {
            name: _text(float(np.quantile(angles, q)))
            for name, q in (("p50", 0.5), ("p95", 0.95), ("p999", 0.999))
        },
        "quality": {
            "metric": "raw embedding length",
            "p01": _text(float(np.quantile(quality(raw), 0.01))),
        },
        "seed": seed,
    }


def _threshold(impostors: NDArray[np.floating[Any]], rate: float) -> float:
    """Return the least threshold t with share(impostors >= t) <= rate."""
    allowed = int(np.floor(rate * impostors.size))
    kth = np.partition(impostors.ravel(), impostors.size - allowed - 1)[
        impostors.size - allowed - 1
    ]
    return float(np.nextafter(np.float32(kth), np.float32(2.0)))


def _thresholds(
    every: NDArray[np.float32], rng: np.random.Generator, resamples: int
) -> list[dict[str, str]]:
    """Return threshold and two-sided 95 % person-bootstrap interval for each rate.

    A resample draws people with replacement and weighs each comparison by how often its two people
    were drawn (comparisons of a person with a copy of itself are left out). Only the upper tail can
    move the thresholds, so only comparisons above the 97 % quantile are kept and sorted once.
    """
    people = every.shape[0]
    flat = every[~np.isnan(every)]
    floor = np.quantile(flat[:: max(1, flat.size // 2_000_000)], 0.97)
    image, _, centroid = np.nonzero(every > floor)
    tail = every[every > floor]
    order = np.argsort(-tail)
    tail, image, centroid = tail[order], image[order], centroid[order]
    found: dict[str, list[float]] = {rate: [] for rate in RATES}
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, people, people), minlength=people).astype(np.float32)
        weight = np.cumsum(times[image] * times[centroid], dtype=np.float64)
        total = every.shape[1] * (float(times.sum()) ** 2 - float((times**2).sum()))
        for rate in RATES:
            place = int(np.searchsorted(weight, float(rate) * total, side="right"))
            found[rate].append(float(tail[min(place, len(tail) - 1)]))
    return [
        {
            "fmr": rate,
            "threshold": _text(_threshold(flat, float(rate))),
            "low": _text(float(np.quantile(found[rate], 0.025))),
            "high": _text(float(np.quantile(found[rate], 0.975))),
        }
        for rate in RATES
    ]


def _off_diagonal(scores: Floats) -> Floats:
    kept: Floats = scores[~np.eye(len(scores), dtype=bool)]
    return kept


def _text(value: float) -> str:
    return f"{value:.6f}"
