"""Opening, states, sealing, locks, and damage."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest

from govsdk.errors import (
    ConflictError,
    LegalHoldError,
    LockedError,
    MissingKeyError,
    MissingWorkspaceError,
    RegistryCorruptError,
    UnknownSubjectError,
)
from govsdk.ports import SubjectId
from govsdk.registry import Registry

from .conftest import PEOPLE, VAULT
from .people import EMBEDDERS, photos_of

ADA, GRACE = SubjectId("ada-lovelace"), SubjectId("grace-hopper")


def test_subjects_lists_everybody_with_their_state(registry: Registry) -> None:
    """A hold outweighs a restriction in the one word."""
    registry.restrict(ADA)
    registry.restrict(GRACE)
    registry.hold(GRACE)
    found = {s.subject: (s.photos, s.state, s.may_anchor) for s in registry.subjects()}
    assert found == {
        ADA: (4, "restricted", True),
        SubjectId("alan-turing"): (4, "enrolled", True),
        GRACE: (4, "held", True),
    }


def test_a_held_subject_cannot_be_erased(registry: Registry) -> None:
    """The hold refuses and changes nothing; lifted, the erasure goes through."""
    registry.hold(ADA)
    assert registry.held(ADA)
    with pytest.raises(LegalHoldError):
        registry.erase(ADA)
    assert len(registry.photos(ADA)) == 4
    registry.lift_hold(ADA)
    assert not registry.held(ADA)
    assert registry.erase(ADA).photos == 4


def test_states_of_nobody_are_errors(registry: Registry) -> None:
    """Each change asks for somebody who is enrolled."""
    for change in (registry.restrict, registry.release, registry.hold, registry.lift_hold):
        with pytest.raises(UnknownSubjectError):
            change(SubjectId("nobody-here"))


def test_sealed_bytes_belong_to_subject_and_purpose(registry: Registry) -> None:
    """A job's private file opens for its subject and purpose, and dies with the subject's key."""
    sealed = registry.seal(ADA, "plan", b"private plan")
    assert registry.unseal(ADA, "plan", sealed) == b"private plan"
    for subject, purpose in ((GRACE, "plan"), (ADA, "checkpoint")):
        with pytest.raises(RegistryCorruptError):
            registry.unseal(subject, purpose, sealed)
    registry.erase(ADA)
    with pytest.raises(UnknownSubjectError):
        registry.unseal(ADA, "plan", sealed)


def test_create_and_open_refuse_the_wrong_folder_or_key(registry: Registry, folder: Path) -> None:
    """A second registry, a missing one and another vault key are told apart."""
    with pytest.raises(ConflictError):
        Registry.create(folder, vault=VAULT)
    with pytest.raises(MissingWorkspaceError):
        Registry.open(folder / "elsewhere", vault=VAULT)
    with pytest.raises(MissingKeyError, match="not that of this registry"):
        Registry.open(folder, vault=b"x" * 32)
    assert len(Registry.open(folder, vault=VAULT).subjects()) == len(PEOPLE)


HOLD = """
import pathlib, sys
from govsdk.durable import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_writer_is_told_who_writes(
    registry: Registry, reopen: Callable[[], Registry], folder: Path
) -> None:
    """Another process's lock is named by its pid; reading goes on meanwhile."""
    command = [sys.executable, "-c", HOLD, str(folder / "lock")]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=str(writer.pid)) as caught:
            reopen().hold(ADA)
        assert caught.value.retryable
        assert reopen().search(ADA)
        writer.communicate(b"\n")
    reopen().hold(ADA)
    assert registry.held(ADA)


def test_enrolment_and_search_go_on_beside_each_other(
    registry: Registry, reopen: Callable[[], Registry], folder: Path
) -> None:
    """Two writers and two readers at once: nobody fails, everything is there afterwards."""
    failures: list[BaseException] = []

    def run(work: Callable[[Registry, int], object]) -> None:
        own = Registry.open(folder, vault=VAULT)
        try:
            for i in range(6):
                work(own, i)
        except BaseException as failure:
            failures.append(failure)

    def write(own: Registry, i: int) -> None:
        subject = SubjectId(f"{threading.get_ident()}-{i}")
        own.enroll(subject, photos_of(20 + i), EMBEDDERS)
        if i % 2:
            own.erase(subject)

    def read(own: Registry, i: int) -> None:
        assert {t.subject for t in own.gallery()} >= set(PEOPLE)
        assert own.search(ADA, top=50)

    threads = [threading.Thread(target=run, args=(work,)) for work in (write, read) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(reopen().subjects()) == len(PEOPLE) + 6


@pytest.mark.parametrize("kind", ["key", "profile", "templates-0", "photos-0"])
@pytest.mark.parametrize("spoil", ["flip", "truncate", "remove"])
def test_damage_is_named_by_the_kind_of_file(
    registry: Registry, reopen: Callable[[], Registry], folder: Path, kind: str, spoil: str
) -> None:
    """A flipped, short or missing file is corrupt: named by kind, never by person."""
    for path in folder.glob(f"people/*/{kind}"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.unlink()
        if spoil != "remove":
            path.write_bytes(data if spoil == "flip" else data[: len(data) // 2])
    with pytest.raises(RegistryCorruptError, match=kind.partition("-")[0]) as caught:
        (reopen().photos if kind == "photos-0" else reopen().templates)(ADA)
    assert ADA not in str(caught.value)


def test_damaged_heads_are_corrupt(
    registry: Registry, reopen: Callable[[], Registry], folder: Path
) -> None:
    """The two unsealed files are checked too."""
    (folder / "recognisers.json").write_text("{")
    with pytest.raises(RegistryCorruptError, match="recognisers"):
        reopen().search(np.ones(32, np.float32))
    (folder / "registry.json").write_text('{"format": "other"}')
    with pytest.raises(RegistryCorruptError, match="another format"):
        reopen()
