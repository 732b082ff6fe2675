"""Files that survive a crash, and locks between processes.

- A file written here is either the old one or the new one, whole, whatever happens in between and
  whoever writes it at the same time: each write has a temporary file of its own,
  ``.<name>.<hex digits>.tmp`` beside it, which a killed one leaves.
- After a function returns, its bytes and its name are on the disk (fsync of file and folder).
- A full disk, and a limit on how large files may grow, become ``DiskFullError`` and leave the old
  file in place.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from govsdk.errors import BackendError, ConflictError, DiskFullError, GovsdkError, LockedError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PRIVATE, PUBLIC = 0o600, 0o644
"""File modes: for the owner alone; for everybody to read."""


def disk_error(cause: OSError, doing: str) -> GovsdkError:
    """Return the typed error for a failed file operation; ``doing`` names no path."""
    if cause.errno in _FULL:
        return DiskFullError(doing)
    return BackendError(f"{doing}: {os.strerror(cause.errno or 0)}", errno=cause.errno)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make ``folder`` durable with all files and names below it; its own name is its parent's."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            _sync_file(path)
    sync_folder(folder)


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path, doing: str) -> bytes | None:
    """Return what lies under ``path``, or None where there is nothing.

    Raises:
        BackendError: It cannot be read; ``doing`` says what was tried, and names no path.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as cause:
        raise disk_error(cause, doing) from cause


def write_file(path: Path, data: bytes, *, mode: int = PRIVATE) -> None:
    """Put ``data`` under ``path``, atomically and durably; by default for the owner alone."""
    write_files([(path, data)], mode=mode)


def write_files(files: Iterable[tuple[Path, bytes]], *, mode: int = PRIVATE) -> None:
    """Put each content under its path, atomically, in order; all are durable on return.

    As ``write_file`` for each, but every folder is synced once, after the last file.
    """
    folders: dict[Path, None] = {}
    try:
        for path, data in files:
            _make(path.parent)
            _replace(path, [data], mode)
            folders[path.parent] = None
        for folder in folders:
            sync_folder(folder)
    except OSError as cause:
        raise disk_error(cause, "writing a file") from cause


def write_stream(path: Path, chunks: Iterable[bytes], *, mode: int = PRIVATE) -> None:
    """Put ``chunks``, one after another, under ``path``, as ``write_file`` puts what is held."""
    try:
        _make(path.parent)
        _replace(path, chunks, mode)
        sync_folder(path.parent)
    except OSError as cause:
        raise disk_error(cause, "writing a file") from cause


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` when the block ends; if it fails, nothing does.

    Raises:
        ConflictError: There is something at ``path``, before or after the block.
        BackendError, DiskFullError: No folder can be made there.
    """
    _require_free(path)
    aside = _aside(path, "partial")
    try:
        _make(aside)
        yield aside
        _require_free(path)
        aside.rename(path)
        sync_folder(path.parent)
    except OSError as cause:
        raise disk_error(cause, "making a folder") from cause
    finally:
        remove_tree(aside)


def _require_free(path: Path) -> None:
    if path.exists():
        raise ConflictError("there is something in the folder's place already")


def _make(folder: Path) -> None:
    """Make ``folder`` and those above it, each with a durable name."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _replace(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    temporary = _aside(path, "tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _aside(path: Path, suffix: str) -> Path:
    """Return a name beside ``path`` that no other write has, in this process or another."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.{suffix}")


def clear_leftovers(path: Path) -> None:
    """Remove, durably, what writes of ``path`` that were killed left beside it.

    The caller alone may write ``path`` meanwhile: a write that is under way would fail.

    Raises:
        BackendError: It cannot be removed.
    """
    theirs = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]+\.tmp")
    try:
        left = [each for each in path.parent.glob(".*.tmp") if theirs.fullmatch(each.name)]
        for each in left:
            each.unlink(missing_ok=True)
        if left:
            sync_folder(path.parent)
    except OSError as cause:
        raise disk_error(cause, "removing a half-written file") from cause


def remove_tree(folder: Path) -> None:
    """Remove ``folder`` with all that is in it, durably; an absent one is no error."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
            sync_folder(folder.parent)
        except OSError as cause:
            raise disk_error(cause, "removing a folder") from cause


@contextmanager
def locked(path: Path, *, timeout_seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock file ``path`` for the block; released by the system if the process dies.

    Raises:
        LockedError: Another process (its pid in ``facts["holder"]``) kept it for longer.
        BackendError, DiskFullError: There is no file to lock, and none can be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
    except OSError as cause:
        raise disk_error(cause, "opening a lock") from cause
    try:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
                    raise LockedError(f"process {holder}", holder=holder) from None
                time.sleep(min(0.05, timeout_seconds))
        # Only tells others who holds it: on a full disk the lock is held all the same.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
