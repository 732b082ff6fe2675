"""Inception without torch-fidelity; with it: tests/interop/test_torch_fidelity.py."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from govsdk.errors import MissingExtraError
from govsdk.models.inception import Inception


@pytest.mark.skipif(find_spec("torch_fidelity") is not None, reason="torch-fidelity is installed")
def test_without_torch_fidelity_the_extra_is_named(tmp_path: Path) -> None:
    """The error says what to install."""
    with pytest.raises(MissingExtraError, match="torch-fidelity"):
        Inception.load(tmp_path / "weights.pth")
