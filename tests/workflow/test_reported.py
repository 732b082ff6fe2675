"""What a certificate says beside its verdict: thresholds, power, measures."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from govsdk.cli.main import call
from govsdk.models.calibration import CalibrationRecord
from govsdk.records import Claim, Reported
from tests.workflow import world


def certified(folder: Path) -> dict[str, Any]:
    """Return the predicate of the certificate in ``folder``."""
    workspace = world.open_workspace(folder)
    bundle = json.loads(workspace.certificate(workspace.certificates()[0]).content)
    statement = json.loads(b64decode(bundle["dsseEnvelope"]["payload"]))
    predicate: dict[str, Any] = statement["predicate"]
    return predicate


def test_calibration_digest_and_intervals_are_certified(forgotten: Path) -> None:
    """Both recognisers, both rates of the policy, photos and drawings: of both the ends decide."""
    workspace = world.open_workspace(forgotten)
    for said in certified(forgotten)["scope"]["recognisers"]:
        record: CalibrationRecord = workspace.calibrations[said["name"]]
        assert said["calibration"] == record.digest
        points = [point for rate in ("0.001", "0.01") for point in record.points(rate)]
        for threshold, point in zip(said["thresholds"], points, strict=True):
            assert (threshold["low"], threshold["high"]) == (point.low, point.high)
        assert [each["faces"] for each in said["thresholds"]] == ["photos", "drawings"] * 2


def test_every_claim_states_its_power(forgotten: Path) -> None:
    """The figures are there, and in their order; the tiny policy's trials allow little."""
    claims = [Claim.model_validate(claim) for claim in certified(forgotten)["claims"]]

    assert claims
    for claim in claims:
        assert claim.attainable is not None
        assert claim.detectable is not None
        assert float(claim.attainable) < float(claim.detectable) < float(claim.bound)


def test_measures_are_certified_before_and_after(forgotten: Path) -> None:
    """The subject's mean cosine fell with the edit, and nobody's name is in any line."""
    lines = [Reported.model_validate(line) for line in certified(forgotten)["reported"]]
    ism = {
        line.model: float(line.value or 0)
        for line in lines
        if (line.name, line.of, line.recogniser) == ("ism", "subject", "A")
    }

    assert ism["after"] < ism["before"]
    assert {line.name for line in lines} >= {"accu", "accr", "srk", "bystander-harm", "dependence"}
    assert "canary" not in json.dumps([line.public() for line in lines])


def test_a_plan_states_the_power(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`govsdk plan` says what each claim can tell apart before anything is done."""
    where = ["--workspace", str(place / "workspace"), "--keys", str(place / "secrets")]
    assert call(["plan", world.SUBJECT, "--policy", "quickstart", "--json", *where]) == 0
    power = json.loads(capsys.readouterr().out)["power"]

    assert power["forget photos"]["trials"] == 99
    assert 0 < power["forget photos"]["attainable"] < power["forget photos"]["detectable"] < 0.05


def test_a_plan_states_the_power_of_attacks(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under a policy that asks for attacks, from which success rate on each of them FAILs."""
    where = ["--workspace", str(place / "workspace"), "--keys", str(place / "secrets")]
    said = {}
    for policy in ("quickstart", "strict"):
        # Too few people are enrolled here for `strict`: a plan may say so, and states the power.
        call(["plan", world.SUBJECT, "--policy", policy, "--json", *where])
        said[policy] = json.loads(capsys.readouterr().out)["attackPower"]

    assert said["quickstart"] == {}
    assert said["strict"]["embedding-search"] == {"runs": 24, "strangers": 3, "fails": 0.169965}


PROBES = """
probes:
  radius: {degrees: [10], trials: 4, bound: 0.6}
  sampler: {steps: [4], trials: 2}
  photo_leak: {seeds: 2}
  image_path: {strengths: [0.5], trials: 2}
"""


@pytest.mark.slow
def test_probes_reach_the_certificate(place: Path, tmp_path: Path) -> None:
    """With real photos, models and an enrolled stranger, every probe is evaluated."""
    policy = tmp_path / "probing.yaml"
    policy.write_text(world.POLICY.read_text().replace("name: tiny", "name: probing") + PROBES)
    result = world.open_workspace(place).forget(world.SUBJECT, policy, request_id="r-1")
    lines = [Reported.model_validate(line) for line in certified(place)["reported"]]
    probed = [
        line
        for line in lines
        if line.name in ("forget-radius", "sampler", "photo-leak", "image-path")
    ]

    assert result.ok
    assert {(line.name, line.of) for line in probed} >= {
        ("forget-radius", "subject"),
        ("sampler", "subject"),
        ("photo-leak", "subject"),
        ("image-path", "subject"),
        ("image-path", "stranger"),
    }
    assert all(line.value is not None for line in probed if line.metric == "match-rate")
