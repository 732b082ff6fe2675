"""Whoever was forgotten stays forgotten, or their certificate does not stand."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from govsdk import Policy, Workspace
from govsdk.errors import LockedError, RequestError
from govsdk.govern import screening
from govsdk.govern.residuals import EarlierSubject, open_residual
from govsdk.govern.screening import screen
from govsdk.govern.withdrawing import is_withdrawn
from govsdk.models.manifest import manifest_of
from tests.workflow import world


def policy(**controls: str) -> Policy:
    """Return the tests' policy, with trials enough that a re-test is not left to chance."""
    tiny = Policy.load(world.POLICY)
    forget = tiny.claims.forget.model_copy(update={"trials": 32})
    return tiny.model_copy(
        update={
            "claims": tiny.claims.model_copy(update={"forget": forget}),
            "controls": tiny.controls.model_copy(update=controls),
        }
    )


@pytest.fixture
def later(forgotten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the workspace in which the subject was forgotten."""
    certified_under(policy(), monkeypatch)
    return world.open_workspace(world.copy(forgotten, tmp_path / "later"))


def bring_back(workspace: Workspace) -> None:
    """Publish the first version again, as an operator who rolls a model back would."""
    staged = workspace.line.stage("rollback")
    shutil.copytree(workspace.line.version(0).path, staged)
    workspace.line.publish(staged, manifest_of(staged).digest())


def certified_under(under: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the screen find ``under`` in each residual, as if that had been the policy."""

    def opened(workspace: Workspace, request: str) -> EarlierSubject:
        found = open_residual(workspace, request)
        assert found is not None
        return replace(found, policy=under)

    monkeypatch.setattr(screening, "open_residual", opened)


def test_nobody_came_back(later: Workspace) -> None:
    """The screen says so in the ledger, and the certificate stands."""
    (found,) = screen(later)

    assert not found.came_back
    assert not is_withdrawn(later, found.request)
    assert (found.entry, world.kinds(later)[-1]) == (later.ledger.size - 1, "verification")
    assert later.ledger.audit().ok


def test_whoever_came_back_is_no_longer_certified(later: Workspace) -> None:
    """The version that draws the subject is in force again: revoked at once, and only once."""
    bring_back(later)
    (found,) = screen(later)

    assert found.came_back
    assert found.revoked
    assert is_withdrawn(later, found.request)
    assert world.kinds(later)[-2:] == ["revocation", "verification"]
    assert screen(later) == []
    assert later.ledger.audit().ok


def test_a_policy_may_leave_the_decision_to_a_person(
    later: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``regression: report``: found and logged, not withdrawn."""
    (request,) = later.certificates()
    certified_under(policy(regression="report"), monkeypatch)
    bring_back(later)
    (found,) = screen(later)

    assert found.came_back
    assert not found.revoked
    assert not is_withdrawn(later, request)


def test_nobody_is_measured_by_a_policy_that_the_recognisers_do_not_serve(
    later: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person's rate was never calibrated: an error that says so, and no entry for anybody."""
    asked = policy()
    rare = asked.claims.forget.model_copy(update={"fmr": 0.00001})
    claims = asked.claims.model_copy(update={"forget": rare})
    certified_under(asked.model_copy(update={"claims": claims}), monkeypatch)
    size = later.ledger.size

    with pytest.raises(RequestError, match="no threshold at FMR 1e-05"):
        screen(later)
    assert later.ledger.size == size


def test_the_screen_waits_for_an_edit(later: Workspace) -> None:
    """It judges a model in force, not one that is being replaced."""
    other = world.open_workspace(later.folder.parent)
    other.config = other.config.model_copy(update={"lock_timeout_seconds": 0.05})
    with later.editing(), pytest.raises(LockedError):
        screen(other)
