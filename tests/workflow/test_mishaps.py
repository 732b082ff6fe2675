"""What goes wrong around a request: a clear typed error, nothing lost, and then it can go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from govsdk import Workspace
from govsdk.certify.keys import KeyProvider
from govsdk.cli.reference import shipped_models
from govsdk.errors import (
    ConflictError,
    DiskFullError,
    LegalHoldError,
    LockedError,
    ModelCorruptError,
    PhotoError,
    PolicyError,
    RequestError,
    TooFewPhotosError,
    UnknownSubjectError,
)
from govsdk.govern import judging
from govsdk.reference import people, renderer
from govsdk.report.pillow import write_png
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.statements import Kind, parse_statement
from govsdk.verify import verify
from tests.small_disk import nearly_full, needs_mount, no_file_larger_than, small_disk
from tests.workflow import world


def enrolled(workspace: Workspace) -> set[str]:
    """Return the ids of everybody enrolled, after a check that nothing has begun."""
    assert workspace.line.versions() == [0]
    assert workspace.certificates() == []
    assert workspace.ledger.audit().ok
    return {summary.subject for summary in workspace.subjects()}


def refused_for(workspace: Workspace) -> list[str]:
    """Return the reasons of the refusals, after a check that nothing else is in the ledger."""
    entries = [parse_envelope(each).payload for each in workspace.ledger.entries()]
    assert not any(b"canary" in each for each in entries)
    said = [parse_statement(each) for each in entries]
    assert {each.kind for each in said} <= {Kind.KEY, Kind.REFUSAL}
    return [str(each.predicate["reason"]) for each in said if each.kind is Kind.REFUSAL]


def test_a_wrong_subject(workspace: Workspace) -> None:
    """Nobody by that id: no request begins, and a refusal is all that is written."""
    people = enrolled(workspace)
    assert refused_for(workspace) == []
    with pytest.raises(UnknownSubjectError):
        workspace.forget("canary-nobody", world.POLICY)
    assert refused_for(workspace) == [UnknownSubjectError.code]
    assert enrolled(workspace) == people
    assert not list((workspace.folder / "jobs").glob("*"))


def test_five_photos_instead_of_six(workspace: Workspace) -> None:
    """Four to edit with and two to judge by are the least; with a sixth it can be planned."""
    photos = workspace.registry.photos(world.SECOND)
    workspace.enroll("canary-five", photos[:5])
    with pytest.raises(TooFewPhotosError):
        workspace.forget("canary-five", world.POLICY)
    assert refused_for(workspace) == [TooFewPhotosError.code]
    assert "canary-five" in enrolled(workspace)

    workspace.enroll("canary-five", photos[5:6])
    assert workspace.plan_forget("canary-five", world.POLICY).photos == 6


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [("bound: 0.5,", "bond: 0.5,", 5), ("preset: piu-mini", "preset: piu-minni", 16)],
)
def test_a_policy_with_a_typo(
    place: Path, workspace: Workspace, right: str, wrong: str, line: int
) -> None:
    """The error names file and line, whether the schema knows better or the editor."""
    people = enrolled(workspace)
    typo = place / "typo.yaml"
    text = world.POLICY.read_text()
    typo.write_text(text.replace(right, wrong))
    assert typo.read_text() != text
    with pytest.raises(PolicyError, match=rf"typo\.yaml:{line}: "):
        workspace.forget(world.SUBJECT, typo)
    assert refused_for(workspace) == []
    assert enrolled(workspace) == people


def test_a_corrupt_photo(place: Path, workspace: Workspace) -> None:
    """One broken file among six enrols nobody, and is named by its position alone."""
    people = enrolled(workspace)
    folder = place / "canary-folder"
    for number, photo in enumerate(workspace.registry.photos(world.SECOND)[:6]):
        write_png(folder / f"{number}.png", photo)
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PhotoError) as raised:
        workspace.enroll("canary-new", folder)
    assert raised.value.facts["photo"] == 3
    assert enrolled(workspace) == people

    (folder / "3.png").write_bytes(whole)
    assert workspace.enroll("canary-new", folder).photos == 6


def test_a_truncated_model_file(workspace: Workspace) -> None:
    """The model is checked before it is used; put back, the same call succeeds."""
    people = enrolled(workspace)
    weights = workspace.line.current().path / "arc2face/diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.chmod(0o644)
    weights.write_bytes(whole[:-1000])
    with pytest.raises(ModelCorruptError):
        workspace.forget(world.SUBJECT, world.POLICY)
    assert enrolled(workspace) == people

    weights.write_bytes(whole)
    assert workspace.forget(world.SUBJECT, world.POLICY).ok


def test_a_legal_hold(workspace: Workspace) -> None:
    """Held: refused and logged. Lifted: planned."""
    workspace.hold(world.SUBJECT)
    with pytest.raises(LegalHoldError):
        workspace.forget(world.SUBJECT, world.POLICY)
    assert refused_for(workspace) == [LegalHoldError.code]

    workspace.lift_hold(world.SUBJECT)
    assert workspace.plan_forget(world.SUBJECT, world.POLICY).photos == world.SUBJECT_PHOTOS


class Stopped(BaseException):
    """Stands for a kill."""


def stop(stage: str, *_: object) -> None:
    """Progress of a request that is killed at the first step of its edit."""
    if stage == "edit":
        raise Stopped


def test_what_is_enrolled_under_way(place: Path, workspace: Workspace) -> None:
    """It is erased with the rest, and neither judges nor is judged: it was not planned."""
    with pytest.raises(Stopped):
        workspace.forget(world.SUBJECT, world.POLICY, progress=stop)
    photos = workspace.registry.photos
    workspace.enroll(world.SUBJECT, renderer.photo(renderer.person(people.DEMO_PEOPLE[0]), 99))
    for name in ("canary-new", "canary-other-000"):
        workspace.enroll(name, renderer.photo(renderer.person(people.DEMO_PEOPLE[2]), 99))
    assert len(photos(world.SUBJECT)) == world.SUBJECT_PHOTOS + 1
    judge = Mock(wraps=verify)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(judging, "verify", judge)
        result = workspace.forget(world.SUBJECT, world.POLICY)

    assert result.ok, result.to_dict()
    (inquiry,) = judge.call_args.args
    counts = {each.subject: len(each) for each in (inquiry.subject, *inquiry.gallery)}
    assert counts[world.SUBJECT] == world.SUBJECT_PHOTOS
    assert counts["canary-other-000"] == world.PHOTOS
    assert "canary-new" not in counts
    assert result.erasure is not None
    assert result.erasure.photos == world.SUBJECT_PHOTOS + 1


def test_instruments_that_change_under_way(place: Path, workspace: Workspace) -> None:
    """A planned request is measured with what was planned; put back, it goes on."""
    with pytest.raises(Stopped):
        workspace.forget(world.SUBJECT, world.POLICY, progress=stop)
    planned = workspace.config
    sampling = planned.sampling.model_copy(update={"guidance": 2.0})
    planned.model_copy(update={"sampling": sampling}).save(workspace.folder)
    with pytest.raises(ConflictError, match="sampling") as refused:
        world.open_workspace(place).forget(world.SUBJECT, world.POLICY)
    assert f'"guidance":"{planned.sampling.guidance}"' in refused.value.hint
    planned.save(workspace.folder)

    record = workspace.folder / str(planned.recognisers["B"].calibration)
    kept = record.read_bytes()
    record.write_bytes(kept.replace(b'"seed": ', b'"seed": 1'))
    with pytest.raises(ConflictError, match="recognisers"):
        world.open_workspace(place).forget(world.SUBJECT, world.POLICY)
    record.write_bytes(kept)
    assert Kind.STAGED not in world.kinds(workspace)

    assert world.open_workspace(place).forget(world.SUBJECT, world.POLICY).ok


def test_a_guidance_that_is_no_scale(tmp_path: Path) -> None:
    """Refused before anything is made."""
    keys = KeyProvider.generate(tmp_path / "keys")
    models = replace(shipped_models(), guidance=-1.0)
    with pytest.raises(RequestError, match="guidance"):
        Workspace.create(tmp_path / "workspace", models=models, keys=keys)
    assert not (tmp_path / "workspace").exists()


def test_a_second_writer(place: Path, workspace: Workspace) -> None:
    """One edit at a time on a model line; search goes on meanwhile."""
    other = world.open_workspace(place)
    other.config = other.config.model_copy(update={"lock_timeout_seconds": 0.1})
    with workspace.editing():
        with pytest.raises(LockedError) as raised:
            other.forget(world.SUBJECT, world.POLICY)
        assert other.search(world.SUBJECT)
    assert raised.value.retryable


@needs_mount
@pytest.mark.parametrize(
    "room",
    [
        pytest.param(0, id="nothing can be written", marks=pytest.mark.slow),
        pytest.param(400_000, id="the request is logged", marks=pytest.mark.slow),
        pytest.param(4_000_000, id="no room for a checkpoint", marks=pytest.mark.slow),
        pytest.param(16_000_000, id="no room for the edited model"),
    ],
)
def test_a_full_disk(built: Path, tmp_path: Path, room: int) -> None:
    """Wherever the disk runs full: typed and retryable, and with room the same call succeeds."""
    with small_disk(tmp_path / "disk", mebibytes=128) as disk:
        workspace = world.open_workspace(world.copy(built, disk / "place"))
        with nearly_full(disk, room), pytest.raises(DiskFullError) as raised:
            workspace.forget(world.SUBJECT, world.POLICY)
        assert raised.value.retryable
        assert workspace.line.versions() == [0]
        assert not workspace.certificates()

        assert world.open_workspace(disk / "place").forget(world.SUBJECT, world.POLICY).ok
        assert workspace.ledger.audit().ok


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(1_000, id="nothing can be written", marks=pytest.mark.slow),
        pytest.param(100_000, id="no room for a checkpoint", marks=pytest.mark.slow),
        pytest.param(12_000_000, id="no room for the edited model"),
    ],
)
def test_files_that_may_not_grow(place: Path, size: int) -> None:
    """The same where nobody may mount a disk: so one of the two always runs."""
    workspace = world.open_workspace(place)
    with no_file_larger_than(size), pytest.raises(DiskFullError) as raised:
        workspace.forget(world.SUBJECT, world.POLICY)
    assert raised.value.retryable
    assert workspace.line.versions() == [0]
    assert not workspace.certificates()

    assert world.open_workspace(place).forget(world.SUBJECT, world.POLICY).ok
    assert workspace.ledger.audit().ok
