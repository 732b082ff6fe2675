from __future__ import annotations

from pathlib import Path

import pytest

from govsdk import Workspace
from govsdk.certify.receipts import receipt_bytes
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
    return world.copy(built, tmp_path / "place")


@pytest.fixture
def workspace(place: Path) -> Workspace:
    """The copy, opened."""
    return world.open_workspace(place)


@pytest.fixture(scope="session")
def forgotten(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the subject was forgotten; shared, so read only."""
    folder = world.copy(built, tmp_path_factory.mktemp("forgotten") / "place")
    result = world.open_workspace(folder).forget(world.SUBJECT, world.POLICY, request_id="r-1")
    assert result.ok, result.to_dict()
    assert result.receipt is not None
    (folder / "receipt.json").write_bytes(receipt_bytes(result.receipt))
    return folder
