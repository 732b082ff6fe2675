"""Physical erasure: nothing left, provably, whatever interrupts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from govsdk.errors import PlaintextFoundError, SubjectExistsError, UnknownSubjectError
from govsdk.ports import SubjectId
from govsdk.registry import Registry, count_hits, patterns_of, scan
from govsdk.registry.erasure import Draft

from .conftest import PEOPLE, Killed, killed_before
from .people import EMBEDDERS, photos_of

ADA, GRACE = SubjectId("ada-lovelace"), SubjectId("grace-hopper")


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_erasure_counts_what_it_destroyed(registry: Registry) -> None:
    """One key, eight templates, four photos; the control finds, the scan does not."""
    found = registry.erase(ADA)
    assert (found.keys_destroyed, found.templates, found.photos) == (1, 8, 4)
    assert found.index_rewritten
    assert found.scan.hits_before > found.templates + found.photos
    assert found.scan.patterns > found.scan.hits_before
    assert found.scan.hits_after == 0
    assert found.scan.files > 10
    assert found.scan.bytes > 10_000


def test_the_erased_are_gone_and_the_others_untouched(
    registry: Registry, reopen: Callable[[], Registry], folder: Path
) -> None:
    """No folder, no entry, no template; everybody else as before, to the byte."""
    before = registry.templates(GRACE).by_recogniser["A"].tobytes()
    assert ADA in registry
    assert len(list((folder / "people").iterdir())) == 3
    registry.erase(ADA)
    assert ADA not in reopen()
    assert len(list((folder / "people").iterdir())) == 2
    assert len(list((folder / "entries").iterdir())) == 2
    assert reopen().templates(GRACE).by_recogniser["A"].tobytes() == before
    with pytest.raises(UnknownSubjectError):
        reopen().templates(ADA)


def test_the_index_is_rewritten_without_the_erased(registry: Registry, folder: Path) -> None:
    """Opened with its key, the index held the subject's rows before and does not after."""
    registry.search(ADA)
    patterns = patterns_of(registry.templates(ADA), [])

    def opened() -> bytes:
        return registry._store.vault.take_renewed(folder / "index", "index")

    assert count_hits(opened(), patterns) >= len(PEOPLE)
    registry.erase(ADA)
    assert count_hits(opened(), patterns) == 0


def test_erasing_again_returns_the_same_record(
    registry: Registry, reopen: Callable[[], Registry]
) -> None:
    """Also in another process; somebody who was never here is an error."""
    assert registry.erase(ADA) == reopen().erase(ADA)
    with pytest.raises(UnknownSubjectError):
        registry.erase(SubjectId("nobody-here"))


def test_a_kill_at_every_step_is_made_good_by_the_next_call(
    registry: Registry,
    reopen: Callable[[], Registry],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed before each change of the disk, a second call finishes with the same record."""
    patterns = patterns_of(registry.templates(ADA), registry.photos(ADA), ADA)
    registry.search(GRACE)
    expected = registry.erase(ADA)
    killed = 0
    for operation in range(200):
        registry = reopen()
        registry.enroll(ADA, photos_of(1), EMBEDDERS, allow_forgotten=True)
        with killed_before(operation, monkeypatch):
            try:
                registry.erase(ADA)
            except Killed:
                killed += 1
            else:
                break
        assert reopen().search(GRACE)  # whatever state it is in, others are served
        found = reopen().erase(ADA)
        assert found.model_copy(update={"scan": expected.scan}) == expected
        assert (found.scan.hits_before, found.scan.hits_after) == (expected.scan.hits_before, 0)
        assert len(list((folder / "people").iterdir())) == 2
        assert not list(folder.rglob(".*.tmp"))
        assert scan([folder], patterns).hits == 0
        assert reopen().forgotten(ADA)
    assert killed > 16  # five files put in place, eleven removed, a folder


def test_a_kill_during_the_scan_keeps_what_to_look_for(
    registry: Registry, reopen: Callable[[], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data gone, key still there: the next call scans for the same patterns."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("govsdk.registry.registry.scan", die)
        with pytest.raises(Killed):
            registry.erase(ADA)
    assert ADA not in reopen()
    with pytest.raises(SubjectExistsError, match="being erased"):
        reopen().enroll(ADA, photos_of(1), EMBEDDERS)
    found = reopen().erase(ADA).scan
    assert (found.hits_before > 12, found.hits_after) == (True, 0)
    assert found.patterns > 100


def test_plaintext_elsewhere_stops_the_erasure_before_the_key(
    registry: Registry, tmp_path: Path
) -> None:
    """A forgotten copy is found, located and, once removed, lets the same call finish."""
    leak = tmp_path / "debug" / "crash.bin"
    leak.parent.mkdir()
    leak.write_bytes(b"dump: " + registry.templates(ADA).by_recogniser["A"][1].tobytes())
    sealed = registry.seal(ADA, "plan", b"private plan")
    with pytest.raises(PlaintextFoundError) as caught:
        registry.erase(ADA, scanning=[tmp_path])
    assert caught.value.facts["files"] == 1
    assert str(leak) not in str(caught.value)
    assert registry.locate(ADA, [tmp_path]) == (leak,)
    assert registry.unseal(ADA, "plan", sealed) == b"private plan"
    leak.unlink()
    assert registry.erase(ADA, scanning=[tmp_path]).scan.hits_after == 0


def test_an_erasure_remembers_which_patterns_are_words(registry: Registry) -> None:
    """Sealed and opened it looks for the same; one begun by an older govsdk can be carried on."""
    patterns = patterns_of(registry.templates(ADA), registry.photos(ADA), ADA)
    written = Draft(3, 2, 1, patterns).to_bytes()
    read = Draft.from_bytes(written).patterns
    assert (read.windows, read.words) == (patterns.windows, patterns.words)
    assert read.words
    older = json.dumps(json.loads(written)[:4]).encode()
    assert Draft.from_bytes(older).patterns.windows == patterns.windows


def test_the_forgotten_are_not_enrolled_again_by_mistake(registry: Registry) -> None:
    """Only when asked for; enrolled again, a person counts as forgotten no more."""
    registry.erase(ADA)
    assert registry.forgotten(ADA)
    with pytest.raises(SubjectExistsError, match="forgotten before"):
        registry.enroll(ADA, photos_of(1), EMBEDDERS)
    registry.enroll(ADA, photos_of(1), EMBEDDERS, allow_forgotten=True)
    assert not registry.forgotten(ADA)
    assert registry.erase(ADA).photos == 4


def test_a_tombstone_can_be_dropped(registry: Registry) -> None:
    """Without residuals not even the fact of forgetting stays."""
    registry.erase(ADA)
    registry.drop_tombstone(ADA)
    assert not registry.forgotten(ADA)
    assert registry.enroll(ADA, photos_of(1), EMBEDDERS).added == 4


def test_leftovers_of_dead_writers_go_too(registry: Registry, folder: Path) -> None:
    """An index that a killed writer left half-renamed holds the subject, and is removed."""
    registry.search(ADA)
    leftover = folder / ".index.4711.tmp"
    leftover.write_bytes((folder / "index").read_bytes())
    patterns = patterns_of(registry.templates(ADA), [])
    assert count_hits(registry._store.vault.take_renewed(leftover, "index"), patterns) > 0
    registry.erase(ADA)
    assert leftover not in files_of(folder)
