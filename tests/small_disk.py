"""A small disk to fill: what a full one does cannot be asked of a mock.

Mounting one wants rights. Files that may not grow past a size want none, and stop a writer at the
same places: what runs everywhere is asked of those.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="mounting is not allowed here")


@contextmanager
def small_disk(place: Path, mebibytes: int) -> Iterator[Path]:
    """Mount a disk of that size in the new folder ``place``."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def nearly_full(disk: Path, room: int) -> Iterator[None]:
    """Leave no more than ``room`` bytes on ``disk``."""
    free = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - room))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse every write of this process that goes beyond ``size`` bytes of a file.

    Python ignores the signal that goes with it; what is left is an error like that of a full disk.
    """
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
