"""The workspace a verb works on: ``--workspace`` and ``--keys``, or the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace

WorkspaceFolder = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", envvar="GOVSDK_WORKSPACE", help="The workspace.", metavar="DIR"
    ),
]
KeysFolder = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        envvar="GOVSDK_KEYS",
        help="The folder of passphrase files; never inside the workspace.",
        metavar="DIR",
    ),
]
Subject = Annotated[
    str, typer.Argument(help="Your own id of the person.", metavar="SUBJECT", show_default=False)
]


def open_workspace(folder: Path | None, keys: Path | None) -> Workspace:
    """Return the workspace in ``folder`` (default: where GOVSDK_WORKSPACE points).

    Raises:
        MissingWorkspaceError: There is none.
        RequestError, MissingKeyError, KeyUseError: As ``Workspace.open``.
    """
    from govsdk.certify.keys import KeyProvider
    from govsdk.govern.workspace import Workspace

    return Workspace.open(folder, keys=None if keys is None else KeyProvider.from_folder(keys))
