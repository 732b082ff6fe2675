"""Calibration against brute force and against what is known of random directions."""

from dataclasses import replace

import numpy as np
import pytest

from govsdk.errors import TooFewPeopleError
from govsdk.models.calibrating import calibration_record, generated_faces, quality, unit
from govsdk.models.calibration import CalibrationRecord, people_needed, require_people
from govsdk.ports import Embedded

SHA = "a" * 64


def embedded(rows):
    rows = rows.reshape(-1, rows.shape[-1]).astype(np.float32)
    return Embedded(rows, quality(rows).astype(np.float32))


def people(count, seed=0, scatter=0.4):
    """Return photos [count, 4, 32]: a centre and some scatter, of length about 8."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, 1, 32))
    return 1.4 * (centres + scatter * rng.normal(size=(count, 4, 32)))


RAW = people(60)


def calibrated(raw=RAW, **changes):
    asked = {"recogniser": "test", "sha256": SHA, "seed": 1, "resamples": 50}
    return calibration_record(embedded(raw), 4, **(asked | changes))


def impostors(pictures, photos=RAW):
    """Every picture against every other person's centroid, by loops."""
    rows, centroids = unit(pictures), unit(unit(photos).sum(axis=1))
    return np.array(
        [
            rows[p, j] @ centroids[q]
            for p in range(len(rows))
            for j in range(4)
            for q in range(len(rows))
            if q != p
        ]
    )


def test_thresholds_let_through_the_rate_they_name():
    """At each threshold the share of impostors is at most the rate, and no lower threshold does."""
    record, scores = calibrated(), impostors(RAW)

    assert record.impostor_comparisons == len(scores)
    for point in record.thresholds:
        rate, threshold = float(point.fmr), float(point.threshold)
        assert (scores >= threshold + 1e-6).mean() <= rate
        assert (scores >= threshold - 1e-3).mean() >= rate * 0.5


def test_intervals_hold_the_threshold_and_shrink_with_more_people():
    """A person bootstrap over a quarter of the people is wider than over all of them."""
    few, many = (calibrated(raw, resamples=300) for raw in (RAW[:15], RAW))
    width = [r.thresholds[0].at("high") - r.thresholds[0].at("low") for r in (few, many)]

    assert all(p.at("low") <= p.at("point") <= p.at("high") for p in many.thresholds)
    assert width[0] > width[1] > 0


@pytest.fixture(scope="module")
def everybody():
    """Return the thresholds of 1,500 people, of whom no sample has any."""
    return {p.fmr: p.at("point") for p in calibrated(people(1500, seed=10**6)).thresholds}


@pytest.mark.parametrize(("rate", "stricter"), [("0.01", "0.001"), ("0.001", "0.0001")])
def test_intervals_cover_the_threshold_of_everybody(rate, stricter, everybody):
    """Of 100 samples of as many people as a rate needs, about 95 hold everybody's threshold.

    The control: none of these intervals is so wide that it holds the next stricter rate's.
    """
    samples = [people(people_needed(rate), seed=seed) for seed in range(1, 101)]
    points = [calibrated(each, resamples=200, rates=(rate,)).thresholds[0] for each in samples]
    held, beyond = (
        sum(point.at("low") <= everybody[each] <= point.at("high") for point in points)
        for each in (rate, stricter)
    )

    assert held >= 95 - 3 * np.sqrt(100 * 0.95 * 0.05)
    assert beyond == 0


def test_genuine_angles_leave_the_photo_out():
    """Angles are to the centroid of the OTHER photos, so they are not flattered."""
    angle, rows = calibrated().genuine_angle, unit(RAW)
    without = [
        np.arccos(rows[p, j] @ unit(np.delete(rows[p], j, axis=0).sum(axis=0)))
        for p in range(len(rows))
        for j in range(4)
    ]

    assert float(angle.p50) == pytest.approx(np.median(without), abs=1e-5)
    assert float(angle.p95) < float(angle.p999)


def test_drawings_are_judged_by_the_stricter_of_two_thresholds():
    """Drawings without scatter come nearer to everybody; either end is the stricter one."""
    pure = people(60, scatter=0.0)
    drawn = generated_faces(
        embedded(RAW),
        embedded(pure),
        4,
        generator="b" * 64,
        conditioner=SHA,
        steps=15,
        guidance=3.0,
        seed=1,
        resamples=50,
    )
    record = calibrated()
    both = record.model_copy(update={"generated": drawn, "people": people_needed("0.01")})
    scores, top = impostors(pure), drawn.thresholds[0]

    assert (scores >= top.at("point") + 1e-6).mean() <= 0.01
    assert top.at("high") > record.thresholds[0].at("high")
    assert both.strictest("0.01", "high") == top.at("high")
    lows = record.thresholds[0].at("low"), top.at("low")
    assert both.strictest("0.01", "low") == min(lows)


def test_the_record_is_one_the_models_read(tmp_path):
    """The file parses as a CalibrationRecord that fits these weights, with the same digest."""
    record, path = calibrated(), tmp_path / "calibration.json"
    path.write_text(record.model_dump_json(by_alias=True, exclude_none=True))
    read = CalibrationRecord.load(path)

    read.fits(SHA)
    assert read.digest == record.digest
    assert read.digest != record.model_copy(update={"seed": 2}).digest


@pytest.mark.parametrize(("rate", "people"), [("0.01", 78), ("0.001", 246), ("0.0001", 776)])
def test_a_rate_needs_thirty_errors_among_pairs_of_people(rate, people):
    """The smallest crowd with 30 / FMR pairs; one person fewer has too few."""
    needed = people_needed(rate)

    assert needed == people
    assert needed * (needed - 1) // 2 * float(rate) >= 30
    assert (needed - 1) * (needed - 2) // 2 * float(rate) < 30


def test_too_few_people_are_refused_with_what_would_do():
    """The error names how many there are and how many are needed; one more rate decides."""
    require_people(246, ("0.01", "0.001"))
    with pytest.raises(TooFewPeopleError, match=r"776 needed for FMR 0\.0001") as fault:
        require_people(246, ("0.01", "0.001", "0.0001"))

    assert fault.value.facts == {"people": 246, "needed": 776, "fmr": "0.0001"}
    assert "--fmr" in fault.value.hint


def test_quality_is_the_length_of_the_raw_embedding():
    """Scaling a raw embedding scales its quality, and the floor of real photos with it."""
    rows = np.array([[3.0, 4.0], [0.3, 0.4]], np.float32)
    photos = embedded(RAW)
    faint = replace(photos, quality=photos.quality / 10)

    np.testing.assert_allclose(quality(rows), [5.0, 0.5], rtol=1e-6)
    floors = [
        float(
            calibration_record(each, 4, recogniser="t", sha256=SHA, seed=1, resamples=1).quality.p01
        )
        for each in (photos, faint)
    ]
    assert floors[1] == pytest.approx(floors[0] / 10, rel=1e-4)


def test_a_threshold_of_too_few_people_is_not_given_out():
    """A record may come from elsewhere: its people must carry the rate that is asked for."""
    record = calibrated(people(78), resamples=1).model_copy(update={"people": 77})

    enough = record.model_copy(update={"people": 78})
    assert min(enough.threshold("0.01"), enough.pair_threshold("0.01")) > 0
    for ask in (record.threshold, record.point, record.points, record.pair_threshold):
        with pytest.raises(TooFewPeopleError, match="77 people, 78 needed"):
            ask("0.01")
