"""Model lines: versions, the pointer, publication that survives a crash at any point."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from govsdk import durable
from govsdk.errors import (
    ConflictError,
    DigestMismatchError,
    DiskFullError,
    MissingModelError,
    ModelCorruptError,
    RequestError,
)
from govsdk.models import layout, lines
from govsdk.models.lines import ModelLine, Version
from govsdk.models.manifest import manifest_of


@pytest.fixture
def line(world: Path, tmp_path: Path) -> ModelLine:
    return ModelLine.create(tmp_path / "line", world)


def stage(line: ModelLine, world: Path, name: str = "candidate") -> tuple[Path, str]:
    """Stage a model that differs from version 0 in one byte."""
    staged = line.stage(name)
    layout.copy(world, staged)
    config = staged / "scheduler" / "scheduler_config.json"
    config.write_bytes(config.read_bytes() + b"\n")
    return staged, manifest_of(staged).digest()


def test_new_line_has_a_copy_as_version_0(line: ModelLine, world: Path) -> None:
    """Creation copies the model, and happens once."""
    version = line.current()

    assert version == line.version(0)
    assert version.digest == manifest_of(world).digest()
    assert version.resource.name == "model/v0000"
    with pytest.raises(ConflictError):
        ModelLine.create(line.folder, world)


def test_publishing_renames_the_judged_bytes(line: ModelLine, world: Path) -> None:
    """The published version is the staged folder, under the digest that was judged."""
    staged, digest = stage(line, world)
    inode = (staged / "arc2face" / "config.json").stat().st_ino

    version = line.publish(staged, digest)

    assert line.current() == version
    assert (version.number, version.digest) == (1, digest)
    assert (version.path / "arc2face" / "config.json").stat().st_ino == inode
    assert not staged.exists()
    assert line.versions() == [0, 1]


def test_publishing_other_bytes_is_refused(line: ModelLine, world: Path) -> None:
    """Bytes that were not judged are not published, and nothing changes."""
    staged, digest = stage(line, world)
    (staged / "vae" / "config.json").write_text("{}")

    with pytest.raises(DigestMismatchError):
        line.publish(staged, digest)

    assert staged.exists()
    assert line.current().number == 0


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("after", range(32))
def test_publishing_goes_on_after_a_kill(
    line: ModelLine, world: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Killed before any of its file operations, the same call ends in the same state."""
    staged, digest = stage(line, world)
    operations = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal operations
            if operations == after:
                raise Killed
            operations += 1
            return real(*args, **options)

        return call

    with monkeypatch.context() as patch:
        for module, name in [
            (lines, "write_file"),
            (lines, "sync_folder"),
            (durable, "sync_folder"),
            (durable, "_sync_file"),
            (Path, "rename"),
            (Path, "replace"),
        ]:
            patch.setattr(module, name, counted(getattr(module, name)))
        try:
            line.publish(staged, digest)
            killed = False
        except Killed:
            killed = True
            assert line.current().number in (0, 1)

    version = line.publish(staged, digest)

    assert killed or operations <= after
    assert line.current() == version
    assert line.versions() == [0, 1]
    assert line.publish(staged, digest) == version


def test_every_folder_is_durable_before_the_rename(
    line: ModelLine, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The staged folder itself is synced, too: it holds the names of the components."""
    staged, digest = stage(line, world)
    synced: list[Path] = []
    for module in (durable, lines):
        monkeypatch.setattr(module, "sync_folder", synced.append)

    line.publish(staged, digest)

    components = [staged / part.name for part in layout.COMPONENTS]
    below = [folder for folder in synced if folder.is_relative_to(staged)]
    assert sorted(below) == sorted([staged, *components])
    assert synced[synced.index(below[-1]) + 1] == line.folder / "versions"


def test_a_late_retry_does_not_move_the_pointer_back(line: ModelLine, world: Path) -> None:
    """Publishing the same version again after a newer one leaves the newer one in use."""
    staged, digest = stage(line, world)
    first = line.publish(staged, digest)
    newer, newer_digest = stage(line, world, "newer")
    (newer / "vae" / "config.json").write_bytes((newer / "vae" / "config.json").read_bytes() + b" ")
    newer_digest = manifest_of(newer).digest()
    line.publish(newer, newer_digest)

    assert line.publish(staged, digest) == first
    assert line.current().digest == newer_digest


def test_an_unedited_model_can_be_published(line: ModelLine, world: Path) -> None:
    """A candidate equal to version 0 becomes version 1 all the same."""
    staged = line.stage("same")
    layout.copy(world, staged)

    version = line.publish(staged, manifest_of(staged).digest())

    assert version.number == line.current().number == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"",
    ],
    ids=["truncated", "one bit flipped", "emptied"],
)
def test_damaged_file_is_named(line: ModelLine, damage: Callable[[bytes], bytes]) -> None:
    """Reading a version whose bytes changed fails and says which file; before that it did not."""
    file = line.current().path / "arc2face" / "diffusion_pytorch_model.safetensors"

    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(ModelCorruptError, match="diffusion_pytorch_model") as caught:
        line.current()
    assert caught.value.facts["file"] == "arc2face/diffusion_pytorch_model.safetensors"


def test_added_and_removed_files_are_noticed(line: ModelLine) -> None:
    """A version is its files, no more and no fewer."""
    extra = line.current().path / "vae" / "extra.bin"
    extra.write_bytes(b"x")
    with pytest.raises(ModelCorruptError, match=r"extra\.bin"):
        line.current()
    extra.unlink()
    assert line.current().number == 0
    (line.current().path / "vae" / "config.json").unlink()
    with pytest.raises(ModelCorruptError, match=r"vae/config\.json"):
        line.current()


def test_swapped_manifest_is_noticed(line: ModelLine, world: Path) -> None:
    """Files and manifest changed together still contradict the pointer."""
    path = line.current().path
    (path / "vae" / "config.json").write_text("{}")
    (line.folder / "versions" / "v0000.json").write_bytes(manifest_of(path).to_bytes())

    with pytest.raises(ModelCorruptError, match="not the one that was published"):
        line.current()


def test_full_disk_publishes_nothing(
    line: ModelLine, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no room for the manifest the old version stays in use; with room, the call succeeds."""
    staged, digest = stage(line, world)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", full)
        with pytest.raises(DiskFullError):
            line.publish(staged, digest)
    assert line.current().number == 0

    assert line.publish(staged, digest).number == 1


def test_interrupted_creation_starts_again(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line whose first version was not published in time is created by the next call."""

    def killed(*_: object) -> Version:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ModelLine, "publish", killed)
        with pytest.raises(Killed):
            ModelLine.create(tmp_path / "line", world)
    with pytest.raises(MissingModelError):
        ModelLine(tmp_path / "line").current()

    assert ModelLine.create(tmp_path / "line", world).versions() == [0]


def test_names_of_candidates_stay_inside(line: ModelLine) -> None:
    """A staged name cannot lead out of the line's folder."""
    for name in ("../outside", "a/b", "", ".hidden"):
        with pytest.raises(RequestError):
            line.stage(name)
    line.discard(line.stage("nothing"))
    with pytest.raises(MissingModelError):
        line.publish(line.stage("nothing"), "0" * 64)
