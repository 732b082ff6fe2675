"""Killed anywhere and called again: one certificate, one published model, a clean ledger."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from govsdk import ForgetResult
from govsdk.errors import ConflictError, DigestMismatchError
from govsdk.govern.job import Job, Stage
from tests.workflow import world

KILLS = 10
_CHILD = """
import sys
from pathlib import Path
from tests.workflow import world
result = world.open_workspace(Path(sys.argv[1])).forget(world.SUBJECT, world.POLICY)
assert result.ok, result.to_dict()
"""


class Killed(BaseException):
    """Stands for kill -9 inside this process: nothing in govsdk may catch it."""


def finish(place: Path) -> ForgetResult:
    """Call again, and require that the end is the same as without the kill."""
    workspace = world.open_workspace(place)
    result = workspace.forget(world.SUBJECT, world.POLICY)
    assert result.ok, result.to_dict()
    assert workspace.certificates() == [result.request]
    assert workspace.line.versions() == [0, 1]
    assert not list((place / "workspace" / "models" / "staging").iterdir())
    kinds = world.kinds(workspace)
    assert all(
        kinds.count(kind) == 1 for kind in ("request", "plan", "staged", "erasure", "certificate")
    )
    audit = workspace.ledger.audit()
    assert audit.ok, audit.to_dict()
    return result


def kill(place: Path, stage: Stage, *, recorded: bool = False) -> None:
    """Forget, and die as ``stage`` is to be recorded, or just after."""
    advance = Job.advance

    def dies(self: Job, reached: Stage | None = None, **changes: object) -> None:
        if recorded:
            advance(self, reached, **changes)
        if reached is stage:
            raise Killed
        if not recorded:
            advance(self, reached, **changes)

    def never_begins(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Job, "advance", dies)
        if stage is Stage.RECEIVED:
            patched.setattr(Job, "begin", never_begins)
        with pytest.raises(Killed):
            world.open_workspace(place).forget(world.SUBJECT, world.POLICY)


STAGES = [stage for stage in Stage if stage is not Stage.DECLINED]


def test_killed_just_before_every_stage_is_recorded(place: Path) -> None:
    """The stage's effect is durable, its record is not: the hardest moment of each, one by one."""
    for stage in STAGES:
        kill(place, stage)

    finish(place)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_once_just_before_a_stage_is_recorded(place: Path, stage: Stage) -> None:
    """The same with one kill alone: nothing else was ever done twice."""
    kill(place, stage)

    finish(place)


def test_what_was_published_before_a_kill_is_not_given_up(place: Path) -> None:
    """The model is in force, the request does not know it yet: there is only forward."""
    kill(place, Stage.PUBLISHED)
    with pytest.raises(ConflictError, match="published"):
        world.open_workspace(place).abandon(world.SUBJECT)

    finish(place)


def test_instruments_that_change_before_the_plan_is_recorded(place: Path) -> None:
    """What the ledger has is the plan, not what the next call would have planned; put back, it
    goes on.
    """
    kill(place, Stage.PLANNED)
    workspace = world.open_workspace(place)
    planned = workspace.config
    sampling = planned.sampling.model_copy(update={"guidance": 2.0})
    planned.model_copy(update={"sampling": sampling}).save(workspace.folder)
    with pytest.raises(ConflictError, match="sampling"):
        world.open_workspace(place).forget(world.SUBJECT, world.POLICY)

    planned.save(workspace.folder)
    finish(place)


def test_a_staged_model_that_is_another_is_not_judged(place: Path) -> None:
    """One bit differs from what the ledger names: refused; put back, it goes on."""
    kill(place, Stage.EDITED, recorded=True)
    (staged,) = (place / "workspace" / "models" / "staging").iterdir()
    file = staged / "arc2face/diffusion_pytorch_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DigestMismatchError, match="staged"):
        world.open_workspace(place).forget(world.SUBJECT, world.POLICY)

    file.write_bytes(whole)
    finish(place)


def test_damaged_trials_are_drawn_again(place: Path) -> None:
    """What was kept of them saves time, nothing else."""
    kill(place, Stage.VERIFIED)
    folder = place / "workspace"
    kept = [*folder.glob("cache/*/*"), *folder.glob("jobs/*/private/trials/*")]
    assert len(kept) >= 4
    for file in kept:
        file.write_bytes(file.read_bytes()[:-1])

    finish(place)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_kill_9_at_ten_random_moments(built: Path, tmp_path: Path) -> None:
    """A real process, struck at ten random times of its life, each time started again.

    A moment after the process ended strikes nothing: it does not count, and another is drawn.
    """
    whole = world.copy(built, tmp_path / "whole")
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", _CHILD, str(whole)], check=True)
    lifetime = time.monotonic() - started
    moments = random.Random(20261120)
    struck = 0
    for n in range(2 * KILLS):
        place = world.copy(built, tmp_path / f"place-{n}")
        struck += died_of_a_kill(place, after=moments.uniform(0.1, 1.0) * lifetime)
        finish(place)
        if struck == KILLS:
            break
    assert struck == KILLS


def died_of_a_kill(place: Path, after: float) -> bool:
    """Forget in a process of its own, killed after so many seconds if it lives that long."""
    with subprocess.Popen([sys.executable, "-c", _CHILD, str(place)]) as child:
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
    assert child.returncode in (0, -signal.SIGKILL)
    return child.returncode == -signal.SIGKILL
