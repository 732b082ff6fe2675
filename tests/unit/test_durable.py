"""Locks between processes, and files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from govsdk.durable import clear_leftovers, locked, new_folder, write_file, write_stream
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


def test_two_writes_of_one_file_at_once_leave_one_of_them_whole(tmp_path: Path) -> None:
    """The second begins and ends while the first is half done, in the same process."""
    path = tmp_path / "file"

    def slowly() -> Iterator[bytes]:
        yield b"first, "
        write_file(path, b"second")
        assert path.read_bytes() == b"second"
        yield b"to its end"

    write_stream(path, slowly())
    assert path.read_bytes() == b"first, to its end"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_write_left_is_cleared(tmp_path: Path) -> None:
    """All of the file's own leftovers, and nothing of its neighbours."""
    path, whole = tmp_path / "a", ["a", "a.age", ".a.tmp", ".a.b.17.tmp", ".b.17.tmp"]
    for name in whole:
        (tmp_path / name).write_bytes(b"")
    for _ in range(2):
        killed_while_writing(path)
    assert len(list(tmp_path.iterdir())) == len(whole) + 2

    clear_leftovers(path)
    assert {each.name for each in tmp_path.iterdir()} == set(whole)


def killed_while_writing(path: Path) -> None:
    """Let another process die with half of the file written."""

    def dies() -> Iterator[bytes]:
        yield b"half"
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        write_stream(path, dies())
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_nothing_to_clear_is_no_error(tmp_path: Path) -> None:
    """Neither is a folder that is not there; one that cannot be cleared is a typed error."""
    clear_leftovers(tmp_path / "none" / "file")

    (tmp_path / ".file.17.tmp").mkdir()
    with pytest.raises(BackendError, match="removing a half-written file"):
        clear_leftovers(tmp_path / "file")


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


def test_two_new_folders_of_one_name_are_made_apart(tmp_path: Path) -> None:
    """Whoever is ready first has the name, and takes nothing of the other's."""
    path = tmp_path / "new"

    def overtaken() -> None:
        with new_folder(path) as late:
            (late / "late").write_bytes(b"")
            with new_folder(path) as early:
                (early / "early").write_bytes(b"")
            assert [each.name for each in late.iterdir()] == ["late"]

    with pytest.raises(ConflictError):
        overtaken()
    assert [each.name for each in path.iterdir()] == ["early"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_folder_takes_nobodys_place(tmp_path: Path) -> None:
    """Neither one that was there, nor one that came meanwhile, nor below a file."""
    (tmp_path / "file").write_bytes(b"")
    for place, error in ((tmp_path / "file", ConflictError), (tmp_path / "file/x", BackendError)):
        with pytest.raises(error), new_folder(place):
            pytest.fail("the block is not entered")
    with pytest.raises(ConflictError), new_folder(tmp_path / "late"):
        (tmp_path / "late").mkdir()

    assert {path.name for path in tmp_path.iterdir()} == {"file", "late"}
