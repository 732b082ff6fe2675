from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.reference.world import generator_dir
from govsdk.verify import Model
from tests.verifier import world


@pytest.fixture(scope="session")
def crowd() -> world.Crowd:
    return world.Crowd.gather()


@pytest.fixture(scope="session")
def before() -> Model:
    """The shipped generator: it draws everybody."""
    return world.model(generator_dir())


@pytest.fixture(scope="session")
def edited(crowd: world.Crowd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one edit that all tests share: the subject is drawn as the anchor."""
    return world.forget(crowd, tmp_path_factory.mktemp("edited") / "edited")


@pytest.fixture(scope="session")
def after(edited: Path) -> Model:
    return world.model(edited)
