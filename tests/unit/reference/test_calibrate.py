"""Calibration against brute force and against what is known of random directions."""

import json

import numpy as np
import pytest

from govsdk.models.calibration import CalibrationRecord
from govsdk.reference.calibrate import calibration_record, quality, unit


@pytest.fixture(scope="module")
def raw():
    """Sixty people, four photos each: a centre and some scatter, of length about 8."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 1, 32))
    return (1.4 * (centres + 0.4 * rng.normal(size=(60, 4, 32)))).astype(np.float32)


@pytest.fixture
def onnx(tmp_path):
    path = tmp_path / "recogniser.onnx"
    path.write_bytes(b"weights")
    return path


def impostors(raw):
    """Every photo against every other person's centroid, by loops."""
    e = unit(raw)
    centroids = unit(e.sum(axis=1))
    return np.array(
        [
            e[p, j] @ centroids[q]
            for p in range(len(e))
            for j in range(4)
            for q in range(len(e))
            if q != p
        ]
    )


def test_thresholds_let_through_the_rate_they_name(raw, onnx):
    """At each threshold the share of impostors is at most the rate, and no lower threshold does."""
    record = calibration_record(raw, recogniser="test", onnx=onnx, seed=1, resamples=50)
    scores = impostors(raw)

    assert record["impostorComparisons"] == len(scores)
    for row in record["thresholds"]:
        rate, threshold = float(row["fmr"]), float(row["threshold"])
        assert (scores >= threshold + 1e-6).mean() <= rate
        assert (scores >= threshold - 1e-3).mean() >= rate * 0.5


def test_intervals_hold_the_threshold_and_shrink_with_more_people(raw, onnx):
    """A person bootstrap over half the people is wider than over all of them."""
    few, many = (
        calibration_record(r, recogniser="test", onnx=onnx, seed=1, resamples=300)
        for r in (raw[:15], raw)
    )
    width = [
        float(r["thresholds"][0]["high"]) - float(r["thresholds"][0]["low"]) for r in (few, many)
    ]

    for row in many["thresholds"]:
        assert float(row["low"]) <= float(row["threshold"]) <= float(row["high"])
    assert width[0] > width[1] > 0


def test_genuine_angles_leave_the_photo_out(raw, onnx):
    """Angles are to the centroid of the OTHER photos, so they are not flattered."""
    record = calibration_record(raw, recogniser="test", onnx=onnx, seed=1, resamples=10)
    e = unit(raw)
    without = [
        np.arccos(e[p, j] @ unit(np.delete(e[p], j, axis=0).sum(axis=0)))
        for p in range(len(e))
        for j in range(4)
    ]

    assert float(record["genuineAngle"]["p50"]) == pytest.approx(np.median(without), abs=1e-5)
    assert float(record["genuineAngle"]["p95"]) < float(record["genuineAngle"]["p999"])


def test_the_record_is_one_the_models_read(raw, onnx, tmp_path):
    """The file parses as a CalibrationRecord that fits this ONNX file and no other."""
    record = calibration_record(raw, recogniser="test", onnx=onnx, seed=1, resamples=10)
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(record))
    read = CalibrationRecord.load(path)

    read.fits(record["recogniserSha256"])
    assert read.people == 60
    assert read.threshold("0.001") == pytest.approx(float(record["thresholds"][1]["threshold"]))


def test_quality_is_the_length_of_the_raw_embedding():
    """Scaling a raw embedding scales its quality."""
    rows = np.array([[3.0, 4.0], [0.3, 0.4]], np.float32)

    np.testing.assert_allclose(quality(rows), [5.0, 0.5], rtol=1e-6)
