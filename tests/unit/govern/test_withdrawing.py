"""Certificates are withdrawn through the workspace, once and for ever."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.errors import RequestError
from govsdk.govern.withdrawing import is_withdrawn, standings
from tests.withdrawals import certify_in

FIRST, SECOND = "1" * 64, "2" * 64


@pytest.fixture
def workspace(place: Path) -> Workspace:
    """A workspace with two certificates."""
    opened = Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))
    for request in (FIRST, SECOND):
        certify_in(opened, request, ())
    return opened


def test_a_revoked_certificate_no_longer_stands(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason stands in the ledger; a second call changes nothing, and says what stands."""
    position = workspace.revoke(FIRST, "subject-came-back")

    assert standings(workspace) == {
        workspace.certificate(FIRST).leaf.leaf_hash: "revoked: subject-came-back"
    }
    with caplog.at_level(logging.INFO, logger="govsdk"):
        assert workspace.revoke(FIRST, "key-compromise").index == position.index
    assert [json.loads(each.message)["reason"] for each in caplog.records] == ["subject-came-back"]
    assert not is_withdrawn(workspace, SECOND)


def test_a_certificate_is_superseded_by_a_later_one(workspace: Workspace) -> None:
    """Never by an earlier one."""
    with pytest.raises(RequestError, match="later"):
        workspace.supersede(SECOND, by=FIRST)
    workspace.supersede(FIRST, by=SECOND)

    assert standings(workspace) == {workspace.certificate(FIRST).leaf.leaf_hash: "superseded"}


@pytest.mark.parametrize("reason", ["", "superseded", "Ada asked for it"])
def test_a_reason_is_one_of_a_few_words(workspace: Workspace, reason: str) -> None:
    """Free text could name a person, and a successor is never left out."""
    with pytest.raises(RequestError):
        workspace.revoke(FIRST, reason)

    assert not is_withdrawn(workspace, FIRST)
