"""The demo's own folder, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.cli.demo import run as demo
from govsdk.cli.demo.run import MARKER, RETRY, run
from govsdk.cli.forgetting import OLD
from govsdk.cli.setup import governed
from govsdk.govern.result import ForgetResult, StageOutcome
from govsdk.govern.workspace import Workspace
from govsdk.records import Verdict
from tests.unit.cli.conftest import Govsdk


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch, models: list[str]) -> None:
    """A demo without pictures and people, on models that are files."""
    sources = [models[at + 1] for at, word in enumerate(models) if word == "--recogniser"]
    monkeypatch.setattr(demo, "shipped_models", lambda: governed(models[1], sources))
    monkeypatch.setattr(demo, "draw_photos", lambda *_: 0)
    monkeypatch.setattr(demo, "_enrol", lambda *_: None)


def test_a_folder_with_anything_in_it_is_left_alone(govsdk: Govsdk, tmp_path: Path) -> None:
    """A folder of somebody's own named `workspace` among it, which the demo would replace."""
    kept = tmp_path / "workspace" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("years of work")
    answer = govsdk("demo", "--workspace", tmp_path, "--json")
    assert (answer.code, answer.json["error"]) == (6, "conflict")
    assert "new folder" in answer.json["hint"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]


def test_a_workspace_is_left_alone(govsdk: Govsdk, place: Path) -> None:
    """No passphrase is written beside its encrypted keys."""
    before = sorted((place / "workspace").rglob("*"))
    assert govsdk("demo", "--workspace", place / "workspace").code == 6
    assert sorted((place / "workspace").rglob("*")) == before


def test_a_file_is_no_folder(govsdk: Govsdk, tmp_path: Path) -> None:
    """Nor is it touched."""
    (tmp_path / "file").write_text("kept")
    assert govsdk("demo", "--workspace", tmp_path / "file").code == 6
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.usefixtures("_small")
def test_a_killed_demo_goes_on_in_its_half_made_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control for the tests above: of its own, what is half made is made anew."""

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as early:
        early.setattr(demo, "draw_photos", killed)
        with pytest.raises(Killed):
            run(tmp_path / "demo")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == [MARKER]

    half = tmp_path / "demo" / "workspace" / "models" / "half"
    half.parent.mkdir(parents=True)
    half.write_text("half")
    monkeypatch.setattr(Workspace, "forget", killed)
    with pytest.raises(Killed):
        run(tmp_path / "demo")
    assert not half.exists()
    assert (tmp_path / "demo" / "workspace" / "workspace.yaml").exists()


@pytest.mark.usefixtures("_small")
def test_an_old_failure_sends_to_another_folder(
    govsdk: Govsdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's request ids are its own: in the same folder it would say the same for ever."""
    failed = ForgetResult(
        request="ab" * 32,
        policy="quickstart: < 5 %",
        verdict=Verdict.NOT_FORGOTTEN,
        stages=(StageOutcome("verified", False),),
        verifications=(),
        model=None,
        model_path=None,
        erasure=None,
        certificate=None,
        receipt=None,
        ended_before=True,
    )
    monkeypatch.setattr(Workspace, "forget", lambda *_, **__: failed)
    answer = govsdk("demo", "--workspace", tmp_path / "demo")
    assert answer.code == 3
    assert f"{OLD} {RETRY}" in " ".join(answer.out.split())
