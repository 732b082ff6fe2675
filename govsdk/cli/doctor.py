"""``doctor``: is everything here that govsdk needs, and does it work?"""

from __future__ import annotations

import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import typer
from rich.console import Group

from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.tables import table
from govsdk.cli.verb import Answer, verb
from govsdk.errors import GovsdkError, MissingError

ROOM_BYTES = 2 * 2**30
"""Free space below which a doctor frowns: an edit stages a whole second model."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "warning", "error"]
    found: str
    advice: str = ""
    exit_code: int = 0


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verb(app, "doctor", panel="Workspace")(doctor)


def doctor(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Look at versions, devices, disk, keys and the workspace; say what to do."""
    findings = list(examine(workspace, keys))
    rows = [(f.state, f.what, f.found, f.advice) for f in findings]
    worst = max((f.exit_code for f in findings), default=0)
    return Answer([asdict(f) for f in findings], table(("", "", "found", "what to do"), rows), worst)
