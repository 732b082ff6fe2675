"""Personal data stays where it belongs: two canaries, the subject and everybody else."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from govsdk.errors import GovsdkError
from govsdk.registry import patterns_of, scan
from tests.workflow import world


def test_nothing_personal_lies_in_plain_anywhere(built: Path, forgotten: Path) -> None:
    """Nobody's id, photo or embedding is in any file of the workspace."""
    before = world.open_workspace(built)
    for summary in before.subjects():
        templates = before.registry.templates(summary.subject)
        photos = before.registry.photos(summary.subject)
        patterns = patterns_of(templates, photos, summary.subject)

        assert scan([forgotten], patterns).where in ((), (forgotten / "receipt.json",))


def test_the_scanner_would_have_found_them(built: Path, tmp_path: Path) -> None:
    """The positive control: the same patterns in a plain file."""
    before = world.open_workspace(built)
    templates = before.registry.templates(world.SUBJECT)
    (tmp_path / "dump").write_bytes(b"..." + templates.by_recogniser["B"][3].tobytes())

    assert scan([tmp_path], patterns_of(templates, (), world.SUBJECT)).hits > 0


def test_logs_and_errors_name_nobody(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every event of a whole forget, what it returns, and the error of a refused one."""
    workspace = world.open_workspace(place)
    file = place / "canary-receipt.json"
    with caplog.at_level(logging.DEBUG, logger="govsdk"):
        result = workspace.forget(
            world.SUBJECT, world.POLICY, request_id="canary-request", receipt_to=file
        )
        with pytest.raises(GovsdkError) as raised:
            workspace.forget("canary-unknown", world.POLICY)

    assert "govsdk.forget.certified" in caplog.text
    assert "canary" not in caplog.text
    assert result.receipt is not None
    assert world.SUBJECT in file.read_text()
    assert "canary" not in repr(result)
    assert result.receipt.key not in repr(result)
    assert "canary" not in f"{raised.value} {raised.value.to_dict()}"
