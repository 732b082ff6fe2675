from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from govsdk import Workspace
from tests.workflow import world


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with everybody enrolled and nobody forgotten; to be copied, never used."""
    folder = tmp_path_factory.mktemp("built")
    world.build(folder)
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    """A fresh copy of the built workspace."""
    folder = tmp_path / "place"
    shutil.copytree(built, folder, copy_function=shutil.copy2)
    return folder


@pytest.fixture
def workspace(place: Path) -> Workspace:
    """The copy, opened."""
    return world.open_workspace(place)


@pytest.fixture(scope="session")
def forgotten(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the subject was forgotten; shared, so read only."""
    folder = tmp_path_factory.mktemp("forgotten") / "place"
    shutil.copytree(built, folder)
    result = world.open_workspace(folder).forget(world.SUBJECT, world.POLICY, request_id="r-1")
    assert result.ok, result.to_dict()
    assert result.receipt is not None
    (folder / "receipt.json").write_text(result.receipt.model_dump_json(by_alias=True))
    return folder
