"""A damaged person blocks nobody's erasure, and can be destroyed by whoever has only errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from govsdk.errors import (
    ConflictError,
    LegalHoldError,
    PlaintextFoundError,
    RegistryCorruptError,
    RequestError,
    UnknownSubjectError,
)
from govsdk.ports import SubjectId
from govsdk.registry import Registry

from .people import EMBEDDERS, photos_of

ADA, GRACE = SubjectId("ada-lovelace"), SubjectId("grace-hopper")


def damage(registry: Registry, subject: SubjectId, *names: str) -> Path:
    """Flip a bit in files of the subject, or their entry if none is named; return their folder."""
    store = registry._store
    entry = store.roster.entry(subject)
    assert entry is not None
    folder = store.folder / "people" / entry.folder
    files = [folder / name for name in names]
    for file in files or [store.folder / "entries" / store.vault.name(subject)]:
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    return folder


def open_all(registry: Registry, subject: SubjectId) -> int:
    """Open whatever there is of the subject; return how many photos that are."""
    registry.templates(subject)
    return len(registry.photos(subject))


@pytest.mark.parametrize("file", ["key", "profile", "templates-0", "photos-0"])
def test_an_error_names_the_damaged_entry(registry: Registry, file: str) -> None:
    """The place in the registry, so that somebody can act on it; and no id."""
    assert open_all(registry, GRACE) == 4
    folder = damage(registry, GRACE, file)

    with pytest.raises(RegistryCorruptError) as refused:
        open_all(registry, GRACE)

    assert refused.value.facts["entry"] == f"people/{folder.name}"
    assert folder.name in f"{refused.value}"
    assert "backup" in refused.value.hint
    assert GRACE not in f"{refused.value.to_dict()}"


@pytest.mark.parametrize("file", ["key", "profile", "templates-0", ""])
def test_another_damaged_person_stops_no_erasure(
    registry: Registry, reopen: Callable[[], Registry], folder: Path, file: str
) -> None:
    """The index that cannot be rewritten is removed; it is made anew once they are mended."""
    registry.search(ADA)
    assert (folder / "index").exists()
    damage(registry, GRACE, *filter(None, [file]))
    if file == "profile":  # only a changed beginning tells the index that they changed
        (folder / "index").unlink()

    found = reopen().erase(ADA)

    assert (found.templates, found.scan.hits_after) == (8, 0)
    assert not (folder / "index").exists()
    with pytest.raises(RegistryCorruptError):
        reopen().subjects()


def test_what_is_left_of_a_damaged_person_is_erased(
    registry: Registry, tmp_path: Path, reopen: Callable[[], Registry]
) -> None:
    """What cannot be opened is destroyed, not counted; what can is looked for as ever."""
    registry.enroll(GRACE, photos_of(2, 6), EMBEDDERS)
    templates = registry.templates(GRACE).by_recogniser["A"]
    folder = damage(registry, GRACE, "templates-0")
    (tmp_path / "leak").write_bytes(templates[5].tobytes())
    with pytest.raises(PlaintextFoundError):
        reopen().erase(GRACE, scanning=[tmp_path])
    (tmp_path / "leak").unlink()

    found = reopen().erase(GRACE, scanning=[tmp_path])

    assert (found.templates, found.photos) == (2 * (len(templates) - 4), len(templates))
    assert not folder.exists()
    assert found.scan.hits_before > 0


@pytest.mark.parametrize("file", ["key", "profile", "templates-0", "photos-0", ""])
def test_whoever_cannot_be_mended_is_destroyed_by_entry(
    registry: Registry, reopen: Callable[[], Registry], file: str
) -> None:
    """All of them goes, everybody else stays and is served again; they can be enrolled anew."""
    folder = damage(registry, GRACE, *filter(None, [file]))
    with pytest.raises(RegistryCorruptError) as refused:
        open_all(registry, GRACE)

    reopen().destroy(str(refused.value.facts["entry"]))

    assert not folder.exists()
    assert GRACE not in reopen()
    assert len(reopen().subjects()) == 2
    assert reopen().search(ADA)
    assert reopen().enroll(GRACE, photos_of(2), EMBEDDERS).added == 4


def test_nobody_whole_held_or_unknown_is_destroyed(registry: Registry) -> None:
    """An erasure shows what it did; destroying shows nothing, and is for what is damaged alone."""
    registry.hold(GRACE)
    folder = damage(registry, GRACE, "templates-0")
    entry = registry._store.roster.entry(ADA)
    assert entry is not None
    whole = [f"people/{entry.folder}", f"entries/{registry._store.vault.name(ADA)}"]

    for name in whole:
        with pytest.raises(ConflictError):
            registry.destroy(name)
    for name in ("", "people/", "people/..", "entries/../registry.json", "index", entry.folder):
        with pytest.raises(RequestError):
            registry.destroy(name)
    with pytest.raises(LegalHoldError):
        registry.destroy(f"people/{folder.name}")

    assert folder.exists()
    assert registry.photos(ADA)


def test_an_erasure_under_way_is_not_destroyed(registry: Registry, tmp_path: Path) -> None:
    """It still can be carried on: it needs neither rows nor profile any more."""
    leak = tmp_path / "leak"
    leak.write_bytes(registry.templates(ADA).by_recogniser["A"][0].tobytes())
    with pytest.raises(PlaintextFoundError):
        registry.erase(ADA, scanning=[tmp_path])
    entry = registry._store.roster.entry(ADA)
    assert entry is not None

    with pytest.raises(ConflictError):
        registry.destroy(f"people/{entry.folder}")

    leak.unlink()
    assert registry.erase(ADA, scanning=[tmp_path]).templates == 8


def test_a_damaged_profile_may_be_a_held_one(registry: Registry) -> None:
    """So nothing is erased that nobody can tell is not held; the entry can be destroyed."""
    folder = damage(registry, GRACE, "profile")
    with pytest.raises(RegistryCorruptError, match=folder.name):
        registry.erase(GRACE)
    assert folder.exists()
    registry.destroy(f"people/{folder.name}")
    with pytest.raises(UnknownSubjectError):
        registry.erase(GRACE)
