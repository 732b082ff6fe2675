"""A place that cannot be written to is a usage error before any work, not a failure after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.cli.outputs import made_folder, require_file, require_folder
from govsdk.errors import RequestError
from tests.unit.cli.conftest import Govsdk
from tests.withdrawals import certify_in

REQUEST = "1" * 64


def test_a_file_can_be_put_in_a_folder_that_is_there_or_can_be_made(tmp_path: Path) -> None:
    """Not over a folder, and not below a file."""
    (tmp_path / "file").write_text("")
    for free in ("new", "file", "deep/er/new"):
        require_file(tmp_path / free, "--out")
    for blocked in (".", "file/new", "file/deep/er"):
        with pytest.raises(RequestError, match="--out") as refused:
            require_file(tmp_path / blocked, "--out")
        assert str(tmp_path) not in str(refused.value)


def test_a_folder_without_the_right_to_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of the nearest folder that is there."""
    require_folder(tmp_path / "new", "--out")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(RequestError, match="--out"):
        require_folder(tmp_path / "new", "--out")


@pytest.mark.parametrize("kept", [False, True])
def test_a_folder_that_was_made_for_nothing_goes_again(tmp_path: Path, kept: bool) -> None:
    """With those above it; not if the block left something in it."""
    deep = tmp_path / "new" / "deep"

    def work(*, fails: bool) -> None:
        with made_folder(deep, "--out"):
            if kept:
                (deep / "file").write_text("")
            if fails:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work(fails=True)
    assert (tmp_path / "new").exists() is kept
    work(fails=False)
    assert deep.is_dir()


def test_every_verb_that_writes_looks_first(
    govsdk: Govsdk, place: Path, models: list[str], tmp_path: Path
) -> None:
    """Exit code 2 and the argument's name where something is in the way; else the file is there."""
    keys = KeyProvider.from_folder(place / "keys")
    workspace = Workspace.open(place / "workspace", keys=keys)
    certify_in(workspace, REQUEST)
    vkey = place / "workspace" / "keys" / "log.vkey"
    calls = {
        "save": ("cert", "save", REQUEST, "AT"),
        "svr": ("cert", "svr", REQUEST, "AT"),
        "prove": ("ledger", "prove", "0", "AT"),
        "offer": ("ledger", "offer", "AT"),
        "export": ("ledger", "export", "AT"),
        "lines": ("ledger", "export", tmp_path / "export", "--jsonl", "AT"),
        "anchor": ("ledger", "anchor", "AT"),
        "root": ("ledger", "trusted-root", "AT", "--log-key", vkey),
        "keys": ("init", tmp_path / "w", "--keys", "AT", "--generate-keys", *models),
        "anchors": ("init", tmp_path / "x", "--keys", place / "keys", "--anchor", "AT", *models),
    }
    (tmp_path / "file").write_text("")
    for name, call in calls.items():
        blocked, free = tmp_path / "file" / name, tmp_path / f"{name}[draft]"
        refused = govsdk(*(blocked if word == "AT" else word for word in call), "--json")
        assert (refused.code, refused.json["error"]) == (2, "usage.request"), name
        done = govsdk(*(free if word == "AT" else word for word in call))
        assert done.code == 0, done.err
        assert free.exists()
        assert name in {"svr", "prove", "lines", "keys"} or str(free) in done.out
