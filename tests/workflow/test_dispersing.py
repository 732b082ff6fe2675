"""An enrolled person is scattered in the shipped recogniser, and nothing else is touched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from govsdk import Workspace
from govsdk.errors import (
    ConflictError,
    GovsdkError,
    LegalHoldError,
    ModelCorruptError,
    RequestError,
    UnknownSubjectError,
)
from govsdk.govern.dispersing import Dispersal, RecogniserInUse
from govsdk.models.recognisers import Recogniser
from govsdk.reference import world as reference
from govsdk.unlearn.dispersion import DispersionSettings
from govsdk.verify.recognition import Budget
from tests.unit.cli.conftest import Govsdk, govsdk
from tests.workflow import world

__all__ = ["govsdk"]

FILES = RecogniserInUse(
    onnx=reference.recogniser_paths()["A"],
    calibration=reference.calibration_paths()["A"],
    network="govsdk.reference.recogniser:RecogniserA",
    weights=reference.recogniser_paths()["A"].with_suffix(".safetensors"),
)
QUICK = DispersionSettings(steps=40, lr=1e-3, views=16, kept=24)
FEW = Budget(runs=8, enrolled=2, shots=2, fresh=2)


def scattered(workspace: Workspace, out: Path, files: RecogniserInUse = FILES) -> Dispersal:
    return workspace.disperse(
        world.SUBJECT, world.POLICY, recogniser=files, out=out, settings=QUICK, budget=FEW, seed=3
    )


def test_what_is_written_no_longer_finds_the_person(workspace: Workspace, tmp_path: Path) -> None:
    """The new files are a recogniser that scatters the person's photos; who reads the report does
    not learn whose; registry, ledger and models stay as they were."""
    before, photos = workspace.ledger.size, workspace.registry.photos(world.SUBJECT)
    was = workspace.embedders["A"].embed(photos).embeddings

    done = scattered(workspace, tmp_path / "out")

    after = Recogniser.load(tmp_path / "out" / "recogniser.onnx", "R", device="cpu")
    now = after.embed(photos).embeddings
    assert (was @ was.T).min() > 0.5
    assert (now @ now.T).mean() < 0.5
    assert after.sha256 == done.after != done.before
    control = next(each for each in done.examination.controls if each.name == "baseline")
    assert control.passed, "before, it found them"
    report = (tmp_path / "out" / "report.json").read_text()
    assert json.loads(report) == json.loads(json.dumps(done.to_dict()))
    assert "canary" not in report
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "recogniser.onnx",
        "recogniser.safetensors",
        "report.json",
    ]
    assert (workspace.ledger.size, workspace.certificates()) == (before, [])
    assert world.SUBJECT in {each.subject for each in workspace.subjects()}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"network": "govsdk.reference.recogniser:Nobody"}, RequestError),
        ({"network": "no.such.module:Net"}, RequestError),
        ({"network": "pathlib:Path"}, RequestError),
        ({"network": "govsdk.reference.recogniser:RecogniserB"}, ModelCorruptError),
        ({"onnx": reference.recogniser_paths()["B"]}, GovsdkError),
    ],
)
def test_files_of_different_recognisers(
    workspace: Workspace, tmp_path: Path, changes: dict[str, object], error: type[GovsdkError]
) -> None:
    """A clear error before anything is taught, and nothing is written."""
    with pytest.raises(error):
        scattered(workspace, tmp_path / "out", replace(FILES, **changes))

    assert list(tmp_path.glob("*out*")) == []


def test_who_cannot_be_scattered(workspace: Workspace, tmp_path: Path) -> None:
    """Nobody who is not enrolled, nobody under legal hold, and over nothing that exists."""
    with pytest.raises(UnknownSubjectError):
        workspace.disperse("nobody", world.POLICY, recogniser=FILES, out=tmp_path / "out")
    workspace.hold(world.SUBJECT)
    with pytest.raises(LegalHoldError):
        scattered(workspace, tmp_path / "out")
    workspace.lift_hold(world.SUBJECT)
    (tmp_path / "there").mkdir()
    with pytest.raises(ConflictError):
        scattered(workspace, tmp_path / "there")


def test_the_verb_says_what_is_missing(govsdk: Govsdk, place: Path, tmp_path: Path) -> None:
    """With too few people enrolled no attack has a yardstick: exit code 2, and no folder."""
    called = govsdk(
        "disperse", world.SUBJECT, "--recogniser", FILES.onnx, "--calibration", FILES.calibration,
        "--network", FILES.network, "--weights", FILES.weights, "--out", tmp_path / "out",
        "--policy", world.POLICY, "--steps", 1, "--json",
        "--workspace", place / "workspace", "--keys", place / "secrets",
    )  # fmt: skip

    said = called.out + called.err
    assert called.code == 2
    assert "15 others are enrolled with at least two photos, 55 needed" in said
    assert "enrol more people from photos" in said
    assert world.SUBJECT not in said
    assert not (tmp_path / "out").exists()
