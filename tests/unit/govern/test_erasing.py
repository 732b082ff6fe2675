"""What is told to outlive an erasure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from govsdk.govern.erasing import _residuals
from govsdk.govern.workflow import Forgetting
from govsdk.models.manifest import manifest_of
from tests.unit.govern.test_workflow import request


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
def run(place: Path) -> Forgetting:
    """A request under a policy that keeps nothing of the person."""
    run = request(place, "ada")
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
