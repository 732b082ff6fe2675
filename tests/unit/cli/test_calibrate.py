"""A folder of people and a recogniser become a record that a workspace takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from govsdk.cli.main import call
from govsdk.govern.config import WorkspaceConfig
from govsdk.models.calibration import CalibrationRecord
from govsdk.report.pillow import write_png
from tests.unit.cli.conftest import Govsdk
from tests.untrained import Size, write_untrained

PEOPLE = 13
"""Enough for an FMR of 0.4: 78 pairs."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of thirteen people with three photos each, one with a single photo, one without."""
    folder, rng = tmp_path_factory.mktemp("people"), np.random.default_rng(0)
    for number in range(PEOPLE):
        face = rng.uniform(0, 255, (7, 7, 3))
        for shot in range(3):
            noisy = np.kron(face, np.ones((16, 16, 1))) + rng.normal(0, 20, (112, 112, 3))
            path = folder / f"{number:02d}" / f"{shot}.png"
            write_png(path, noisy.clip(0, 255).astype(np.uint8))
    (folder / "single").mkdir()
    shutil.copy(path, folder / "single" / "0.png")
    (folder / "none").mkdir()
    return folder


@pytest.fixture(scope="module")
def onnx(models: list[str]) -> Path:
    """Recogniser A of the tests, without its record."""
    return Path(models[models.index("--recogniser") + 1].split("=")[1].split(":")[0])


def test_a_folder_of_people_becomes_a_record(
    people: Path, onnx: Path, tmp_path: Path, govsdk: Govsdk
) -> None:
    """The record belongs to that recogniser; its digest is printed; who lacks photos is counted."""
    out = tmp_path / "a.json"
    few = ["--photos", 3, "--fmr", "4e-1", "--out", out]
    said = govsdk("calibrate", people, onnx, *few, "--json").json
    record = CalibrationRecord.load(out)

    assert (said["people"], said["leftOut"], said["digest"]) == (PEOPLE, 2, record.digest)
    record.fits(record.recogniser_sha256)
    assert record.point("0.4").at("low") <= record.threshold("0.4") < 1
    assert record.digest in govsdk("calibrate", people, onnx, *few).out


def test_too_few_people_are_refused_before_anything_is_embedded(
    people: Path, tmp_path: Path, govsdk: Govsdk
) -> None:
    """Exit code 2, what would do, and no record; the recogniser is not even opened."""
    called = govsdk("calibrate", people, tmp_path / "none.onnx", "--photos", 3, "--json")

    assert (called.code, called.json["error"]) == (2, "usage.too-few-people")
    assert called.json["facts"] == {"people": PEOPLE, "needed": 776, "fmr": "0.0001"}
    assert "--fmr" in called.json["hint"]


def test_a_place_that_cannot_be_written_to_is_seen_first(
    people: Path, onnx: Path, tmp_path: Path, govsdk: Govsdk
) -> None:
    """Before the people are counted, let alone embedded."""
    called = govsdk("calibrate", people, onnx, "--out", tmp_path, "--json")
    assert (called.code, called.json["error"]) == (2, "usage.request")
    assert "--out" in called.json["message"]


def test_a_broken_photo_is_named_by_its_position(
    people: Path, onnx: Path, tmp_path: Path, govsdk: Govsdk
) -> None:
    """Person by person, by name: the second photo of the third person is number 7."""
    folder = shutil.copytree(people, tmp_path / "people")
    (folder / "02" / "1.png").write_bytes(b"no picture")
    called = govsdk("calibrate", folder, onnx, "--photos", 3, "--fmr", "0.4", "--json")

    assert (called.code, called.json["facts"]) == (2, {"photo": 7})


@pytest.mark.parametrize(
    "wrong", [["--fmr", "often"], ["--fmr", "1.5"], ["--photos", "2"], ["--fmr", "nan"]]
)
def test_a_rate_or_number_that_is_none_is_refused(
    people: Path, onnx: Path, wrong: list[str], govsdk: Govsdk
) -> None:
    """Exit code 2 for what no calibration can be."""
    assert govsdk("calibrate", people, onnx, *wrong).code == 2


def test_the_workspace_takes_the_record(
    people: Path, onnx: Path, models: list[str], tmp_path: Path
) -> None:
    """`init` copies it; a record of another recogniser would be refused when it is loaded."""
    out = tmp_path / "a.json"
    asked = ["calibrate", str(people), str(onnx), "--photos", "3", "--fmr", "0.4", "--quiet"]
    assert call([*asked, "--out", str(out)]) == 0
    options = [f"A={onnx}:{out}" if each.startswith("A=") else each for each in models]
    place, keys = tmp_path / "workspace", tmp_path / "keys"
    assert call(["init", str(place), *options, "--keys", str(keys), "--generate-keys", "-q"]) == 0

    files = WorkspaceConfig.load(place).recognisers["A"]
    assert (place / str(files.calibration)).read_bytes() == out.read_bytes()
    assert json.loads(out.read_text())["people"] == PEOPLE


def test_drawings_are_calibrated_too(
    people: Path, onnx: Path, tmp_path: Path, govsdk: Govsdk
) -> None:
    """With a generator the record also says how alike its drawings are; the sampler is named."""
    model = write_untrained(tmp_path / "model", size=Size(hidden=32))
    few = ["--photos", 3, "--fmr", "0.4", "--model", model, "--out", tmp_path / "a.json"]
    sampler = ["--steps", 3, "--guidance", 2.5]
    record = govsdk("calibrate", people, onnx, *few, *sampler, "--json").json["record"]

    assert (record["generated"]["steps"], float(record["generated"]["guidance"])) == (3, 2.5)
    assert record["generated"]["conditioner"] == record["recogniserSha256"]
    assert record["generated"]["thresholds"] != record["thresholds"]
