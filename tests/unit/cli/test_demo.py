"""The demo for real, at its own size: minutes, so run by `make test-slow`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from govsdk.cli.demo.people import cast
from govsdk.records import Verdict

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FILES = {
    "certificate.sigstore.json",
    "signer.pub.pem",
    "log.vkey",
    "checkpoint.txt",
    "receipt.json",
    "summary.json",
    "before_after.png",
}


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "govsdk.cli", "demo", "--workspace", str(folder), "--json"]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)


def finish(folder: Path, *options: str) -> dict[str, Any]:
    with start(folder, *options) as process:
        out, _ = process.communicate()
    assert process.returncode == 0, out
    summary: dict[str, Any] = json.loads(out)
    return summary


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The demo's folder, after a run that was killed twice on its way."""
    folder = tmp_path_factory.mktemp("demo")
    for seconds in (8, 30):
        with start(folder) as process:
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
    summary = finish(folder)
    # Here, since every later call writes a summary of its own.
    assert json.loads((folder / "out" / "summary.json").read_text())["result"] == summary["result"]
    return folder, summary


def test_it_ends_with_a_certificate_that_verifies(demo: tuple[Path, dict[str, Any]]) -> None:
    """FORGOTTEN under quickstart, checked offline; a copy with a flipped bit was refused."""
    folder, summary = demo
    assert summary["result"]["verdict"] == Verdict.FORGOTTEN
    assert summary["check"]["ok"] is True
    assert summary["tamperedCheck"]["exitCode"] == 5
    assert {path.name for path in (folder / "out").iterdir()} == FILES == set(summary["files"])


def test_the_people_are_enrolled_from_picture_files(demo: tuple[Path, dict[str, Any]]) -> None:
    """At least 120 people, 24 photos of the one who is forgotten."""
    folder, summary = demo
    assert summary["people"] >= 120
    assert len(list((folder / "photos" / cast()[0].subject).glob("*.png"))) == 24
    assert len(list((folder / "photos").glob("*/*.png"))) == summary["photos"]


def test_the_picture_can_be_opened(demo: tuple[Path, dict[str, Any]]) -> None:
    """before_after.png is a picture of some size."""
    with Image.open(demo[0] / "out" / "before_after.png") as image:
        assert image.width > 1000


def test_a_second_person_is_forgotten_and_the_first_stays_so(
    demo: tuple[Path, dict[str, Any]],
) -> None:
    """The first is screened again under the new version, and did not come back."""
    folder, first = demo
    second = finish(folder, "--again")
    screen = second["result"]["verifications"][-1]["screen"]
    assert second["person"] != first["person"]
    assert second["result"]["verdict"] == Verdict.FORGOTTEN
    assert (screen["subjects"], screen["regressions"]) == (1, 0)


def test_running_it_again_changes_nothing(demo: tuple[Path, dict[str, Any]]) -> None:
    """The same call returns the same certificate."""
    folder, first = demo
    before = (folder / "out" / "certificate.sigstore.json").read_bytes()
    assert finish(folder)["result"]["request"] == first["result"]["request"]
    assert (folder / "out" / "certificate.sigstore.json").read_bytes() == before
