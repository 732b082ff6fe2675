"""Timestamp authorities, made once: they keep nothing of whoever asks."""

from __future__ import annotations

import pytest

from tests.authority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that verifiers trust."""
    return Authority(tmp_path_factory.mktemp("authority") / "authority")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another, with a root of its own."""
    return Authority(tmp_path_factory.mktemp("authority") / "stranger")
