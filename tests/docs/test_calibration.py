"""The page on calibration, run with as few people as its commands allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from govsdk.cli.main import call
from govsdk.models.calibration import CalibrationRecord, people_needed
from govsdk.report.pillow import write_png
from tests.docs.test_pages import ROOT, commands
from tests.unit.models.conftest import linear_recogniser

PAGE = ROOT / "docs" / "calibration.md"


def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 25 people the first command is refused, as the page says, and the one for few works."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Path("a.onnx").write_bytes(linear_recogniser())
    for number in range(25):
        for shot in range(3):
            picture = rng.integers(0, 255, (112, 112, 3), dtype=np.uint8)
            write_png(Path("calibration-people", f"{number:02d}", f"{shot}.png"), picture)
    full, few = (line for line in commands(PAGE) if line[0] == "calibrate" and line[2] == "a.onnx")

    assert call([*full, "--photos", "3"]) == 2
    assert "776 needed" in capsys.readouterr().err
    assert call(few) == 0
    assert CalibrationRecord.load(Path("a.json")).digest in capsys.readouterr().out


@pytest.mark.parametrize("rate", ["0.01", "0.001", "0.0001"])
def test_the_table_of_people_is_right(rate: str) -> None:
    """The page's numbers are the code's."""
    assert f"| {rate} | {people_needed(rate)} |" in PAGE.read_text()
