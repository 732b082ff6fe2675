"""A registry of three people, and a way to kill its process at any step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from govsdk.ports import SubjectId
from govsdk.registry import Registry

from .people import EMBEDDERS, photos_of

VAULT = bytes(range(32))
PEOPLE = {SubjectId("ada-lovelace"): 1, SubjectId("grace-hopper"): 2, SubjectId("alan-turing"): 3}


class Killed(BaseException):
    """The process ends here: nothing may catch this and go on."""


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip what guards against power loss alone: a kill, as tested here, does not need it."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def empty(folder: Path) -> Registry:
    return Registry.create(folder, vault=VAULT)


@pytest.fixture
def registry(empty: Registry) -> Registry:
    for subject, number in PEOPLE.items():
        empty.enroll(subject, photos_of(number), EMBEDDERS)
    return empty


@pytest.fixture
def reopen(folder: Path) -> Callable[[], Registry]:
    """Return the registry as another process finds it."""
    return lambda: Registry.open(folder, vault=VAULT, lock_timeout_seconds=0.1)


@contextmanager
def killed_before(operation: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Kill the block before its ``operation``-th change of the disk, counted from 0.

    After the kill every further change fails too, so that no clean-up can run. A file that was
    about to take its place lies there under its temporary name.
    """
    done: list[str] = []

    def counted(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def change(*args: object, **kwargs: object) -> object:
            if len(done) >= operation:
                raise Killed
            done.append(name)
            return real(*args, **kwargs)

        return change

    with monkeypatch.context() as patched:
        for name in ("replace", "unlink", "rmdir", "mkdir"):
            patched.setattr(os, name, counted(name))
        yield done
