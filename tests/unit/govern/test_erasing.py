"""What is told to outlive an erasure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from govsdk.govern import erasing
from govsdk.govern.delivering import OPENING
from govsdk.govern.erasing import REPLACEMENT, _residuals, erase
from govsdk.govern.job import Stage
from govsdk.govern.residuals import residual_path
from govsdk.govern.workflow import Forgetting
from govsdk.models.manifest import manifest_of
from govsdk.ports import SubjectId
from govsdk.records import Erasure, Residual
from govsdk.registry import Registry
from tests.unit.govern.test_workflow import begun, request


def publish_anew(run: Forgetting) -> str:
    """Publish a model that differs from the one in force, as an edit does; return its digest."""
    line = run.workspace.line
    current = line.current()
    staged = line.stage("edited")
    shutil.copytree(current.path, staged)
    file = next(path for path in sorted(staged.rglob("*")) if path.is_file())
    file.write_bytes(b"[%d]" % current.number)
    return line.publish(staged, manifest_of(staged).digest()).digest


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch) -> Forgetting:
    """A request under a policy that keeps nothing of the person, who replaces nobody."""
    run = request(place, "ada")
    monkeypatch.setattr(erasing, "serves_for_others", lambda *_: False)
    monkeypatch.setattr(Forgetting, "templates", None)
    run.policy = run.policy.model_copy(update={"residuals": "none"})
    return run


def kept(run: Forgetting) -> dict[str, str | None]:
    """Return the model versions among the residuals, with their digests."""
    return {each.name: each.sha256 for each in _residuals(run) if each.name.startswith("model")}


def test_every_kept_version_from_before_the_edit_is_a_residual(run: Forgetting) -> None:
    """Of the third request too: not the first alone, and not the one that it published."""
    first = run.workspace.line.version(0).digest
    assert kept(run) == {"model version 0": first}
    second, third = publish_anew(run), publish_anew(run)
    publish_anew(run)

    assert kept(run) == {
        "model version 0": first,
        "model version 1": second,
        "model version 2": third,
    }


def test_a_version_that_was_removed_is_no_residual(run: Forgetting) -> None:
    """The others are."""
    publish_anew(run)
    publish_anew(run)
    shutil.rmtree(run.workspace.line.version(1).path)

    assert list(kept(run)) == ["model version 0"]


def test_what_is_kept_of_a_replacement_is_told(
    run: Forgetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under ``residuals: none``, too: it lies in another person's file."""
    assert REPLACEMENT not in _residuals(run)
    monkeypatch.setattr(erasing, "serves_for_others", lambda *_: True)
    assert REPLACEMENT in _residuals(run)


def test_what_killed_writes_left_goes_before_anything_is_erased(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A residual or an opening half in place is sealed to the same keys as the whole one."""
    run = begun(request(enrolled, "ada"), Stage.PUBLISHED)
    run.job.advance(residuals=(Residual(name="tombstone", purpose="x", key_holder="workspace"),))
    kept = [residual_path(run.workspace, run.request), run.folder / OPENING]
    left = [path.with_name(f".{path.name}.0123456789abcdef.tmp") for path in kept]
    kept[0].parent.mkdir(exist_ok=True)
    for path in (*kept, *left):
        path.write_bytes(b"sealed")
    seen = []

    def erased(self: Registry, *subject: SubjectId, scanning: list[Path]) -> Erasure:
        seen.append([path.exists() for path in (*kept, *left)])
        return real(self, *subject, scanning=scanning)

    real = Registry.erase
    monkeypatch.setattr(Registry, "erase", erased)

    erase(run)

    assert seen == [[True, True, False, False]]
