"""Locks between processes, and files and folders that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.durable import locked, new_folder, write_file
from govsdk.errors import BackendError, ConflictError, DiskFullError, LockedError
from tests.small_disk import no_file_larger_than


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


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    """Told as a full disk, with nothing half-written beside it; with room it is replaced."""
    path, large = tmp_path / "file", b"x" * 20_000
    write_file(path, b"old")
    with no_file_larger_than(10_000), pytest.raises(DiskFullError):
        write_file(path, large)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]

    write_file(path, large)
    assert path.read_bytes() == large


@pytest.mark.parametrize("taken", [".", "/", ".."])
def test_a_new_folder_takes_no_place_that_has_no_name(taken: str) -> None:
    """The present folder, the root: there already."""
    with pytest.raises(ConflictError), new_folder(Path(taken)):
        pass


def test_a_new_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    """It appears when its block ends, and nothing is left of one that failed."""
    with new_folder(tmp_path / "whole") as folder:
        (folder / "file").write_bytes(b"x")
        assert not (tmp_path / "whole").exists()
    with pytest.raises(BackendError), new_folder(tmp_path / "half") as folder:
        folder.write_bytes(b"no file")

    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    assert (tmp_path / "whole" / "file").read_bytes() == b"x"


def test_a_new_folder_takes_nobodys_place(tmp_path: Path) -> None:
    """Neither one that was there, nor one that came meanwhile, nor below a file."""
    (tmp_path / "file").write_bytes(b"")
    for place, error in ((tmp_path / "file", ConflictError), (tmp_path / "file/x", BackendError)):
        with pytest.raises(error), new_folder(place):
            pytest.fail("the block is not entered")
    with pytest.raises(ConflictError), new_folder(tmp_path / "late"):
        (tmp_path / "late").mkdir()

    assert {path.name for path in tmp_path.iterdir()} == {"file", "late"}
