"""What may stand in ``workspace.yaml``: nothing twice, nothing unknown, no anchor in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.errors import RequestError
from govsdk.govern.anchoring import begin_anchor
from govsdk.govern.config import FILE, WorkspaceConfig
from tests.unit.cli.conftest import Govsdk


def changed(place: Path, old: str, new: str) -> Path:
    """Return the workspace, with ``old`` replaced by ``new`` in its configuration."""
    file = place / "workspace" / FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file.parent


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("anchors: []", "anchors: [/a]\nanchors: []", FILE, "anchors stands here a second time"),
        ("anchors: []", "anchor: []", "anchor", "unknown key 'anchor'; did you mean 'anchors'?"),
        ("steps:", "stops:", "sampling.stops", "did you mean 'steps'?"),
        ("onnx:", "onx:", "recognisers.A.onx", "did you mean 'onnx'?"),
        ("onnx:", "zzz:", "recognisers.A.zzz", "known here: onnx, calibration"),
        ("guidance: 3.0", "guidance: 31", "sampling.guidance", "less than or equal to 30"),
        ("device: auto", "device: &x auto", FILE, "anchors and aliases are not allowed"),
        ("device: auto", "device: [", FILE, "expected the node content"),
    ],
)
def test_a_fault_names_line_field_and_fix(
    place: Path, old: str, new: str, field: str, message: str
) -> None:
    """As a policy's does; what was written by us can be read again."""
    before = WorkspaceConfig.load(place / "workspace")
    before.save(place / "workspace")
    assert WorkspaceConfig.load(place / "workspace") == before
    folder = changed(place, old, new)

    with pytest.raises(RequestError) as caught:
        WorkspaceConfig.load(folder)

    assert message in caught.value.detail
    assert caught.value.facts["field"] == field
    line = caught.value.facts["line"]
    assert f"{FILE}:{line}: " in caught.value.detail


@pytest.fixture
def link(place: Path) -> Path:
    """Another name of the workspace's folder."""
    (place / "link").symlink_to(place / "workspace")
    return place / "link"


@pytest.mark.parametrize("inside", ["workspace/kept", "workspace", "link/kept", "."])
def test_no_anchor_is_begun_in_the_workspace(place: Path, link: Path, inside: str) -> None:
    """Nor around it, nor through a link; nothing is written, and one beside it is begun."""
    workspace = Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))
    with pytest.raises(RequestError, match="holds it"):
        begin_anchor(workspace, place / inside)
    assert not (place / "workspace" / "kept").exists()
    assert WorkspaceConfig.load(link).anchors == ()

    begin_anchor(workspace, place / "workspace-kept")
    assert workspace.ledger.audit().anchored


@pytest.mark.parametrize("inside", ["kept", ".", ".."])
def test_no_workspace_is_created_around_an_anchor(
    govsdk: Govsdk, models: list[str], tmp_path: Path, inside: str
) -> None:
    """The call is refused before a folder is made; with one beside it, it is carried out."""
    call = ("init", tmp_path / "w", *models, "--keys", tmp_path / "k", "--generate-keys")
    assert govsdk(*call, "--anchor", tmp_path / "w" / inside).code == 2
    assert not (tmp_path / "w").exists()

    assert govsdk(*call, "--anchor", tmp_path / "kept").code == 0
    assert WorkspaceConfig.load(tmp_path / "w").anchors == (str(tmp_path / "kept"),)


def test_an_anchor_that_somebody_wrote_in_does_not_count(
    govsdk: Govsdk, place: Path, link: Path
) -> None:
    """The audit and the doctor refuse the configuration instead of promising protection."""
    assert govsdk("ledger", "anchor", place / "outside").code == 0
    assert govsdk("ledger", "audit", "--json").json["anchored"] is True
    changed(place, str(place / "outside"), str(link / "outside"))
    (place / "outside").rename(place / "workspace" / "outside")

    answer = govsdk("ledger", "audit", "--json")
    found = [each for each in govsdk("doctor", "--json").json if each["state"] == "error"]

    assert (answer.code, answer.json["facts"]["folder"]) == (2, str(link / "outside"))
    assert any(str(link / "outside") in each["found"] for each in found)
