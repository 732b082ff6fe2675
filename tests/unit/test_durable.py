"""Locks between processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.durable import locked
from govsdk.errors import BackendError, LockedError


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    """A second one waits in vain, and can have it afterwards."""
    for _ in range(2):
        with (
            locked(tmp_path / "lock"),
            pytest.raises(LockedError),
            locked(tmp_path / "lock", timeout_seconds=0.0),
        ):
            pass


def test_a_lock_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    """A file stands where its folder would be."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendError, match="opening a lock"), locked(tmp_path / "file" / "lock"):
        pass
