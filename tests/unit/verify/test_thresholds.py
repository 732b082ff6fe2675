"""Doubt about a threshold counts against the model."""

import pytest

from govsdk.policy import Policy
from govsdk.verify.thresholds import thresholds_for, why_not_judged

from .toy import EMBEDDERS, calibrations

POLICY = Policy.load("quickstart")


def test_each_purpose_takes_the_stricter_end():
    """Forgetting is judged where more pictures match, retention where fewer do."""
    record, found = calibrations()["B"], thresholds_for(POLICY, "AB", calibrations())

    assert found.forget["B"] == record.threshold("0.001", "low") < record.threshold("0.001")
    assert found.retention["B"] == record.threshold("0.0001", "high") > record.threshold("0.0001")
    assert found.radius == float(calibrations()["A"].genuine_angle.p999)


def test_thresholds_are_written_by_recogniser_and_purpose():
    """The report carries every threshold that decided, as decimal text."""
    written = thresholds_for(POLICY, "AB", calibrations()).public()

    assert written.keys() == {
        "A/forget",
        "B/forget",
        "A/retention",
        "B/retention",
        "A/face",
        "B/face",
        "A/radius",
    }
    assert written["A/face"] == calibrations()["A"].quality.p01


def test_a_rate_that_was_not_calibrated_supports_no_verdict():
    """A policy may ask for a false match rate that the record does not have."""
    stricter = POLICY.claims.forget.model_copy(update={"fmr": 0.00001})
    claims = POLICY.claims.model_copy(update={"forget": stricter})
    asked = POLICY.model_copy(update={"claims": claims})

    assert "no threshold at FMR 1e-05" in why_not_judged(asked, EMBEDDERS, calibrations())
    assert why_not_judged(POLICY, EMBEDDERS, calibrations()) is None


@pytest.mark.parametrize(("people", "enough"), [(776, True), (775, False)])
def test_a_record_of_too_few_people_supports_no_verdict(people, enough):
    """Whoever made it: retention at FMR 0.0001 rests on 30 false matches among its pairs."""
    records = calibrations()
    records = {**records, "B": records["B"].model_copy(update={"people": people})}
    why = why_not_judged(POLICY, EMBEDDERS, records)

    assert (why is None) is enough
    assert enough or "775 people, 776 needed for FMR 0.0001" in why


@pytest.mark.parametrize("name", ["A", "B"])
def test_every_recogniser_needs_its_own_record(name):
    """Leaving out either record is noticed and named."""
    others = {key: record for key, record in calibrations().items() if key != name}

    assert f"recogniser {name} has no calibration" in why_not_judged(POLICY, EMBEDDERS, others)


def test_one_file_under_two_names_is_no_second_opinion():
    """A configuration may be edited to name A's files for B; each record fits, and yet."""
    one, records = EMBEDDERS["A"], calibrations()

    why = why_not_judged(POLICY, {"A": one, "B": one}, {"A": records["A"], "B": records["A"]})
    assert "no second opinion" in why
    assert why_not_judged(POLICY, EMBEDDERS, records) is None
