"""``keys rotate`` and ``keys retire``: the life of the certificate key and the log key."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from govsdk.cli.inputs import read_input
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.tables import fields
from govsdk.cli.verb import Answer, Verb, add_group
from govsdk.errors import RequestError


class Role(StrEnum):
    """Which key."""

    CERTIFICATE = "certificate"
    LOG = "log"


Which = Annotated[Role, typer.Argument(help="The certificate key or the log key.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {"rotate": rotate, "retire": retire}
    add_group(app, "keys", verbs, purpose="Rotate and retire signing keys.", panel="Workspace")


def rotate(
    role: Which,
    to: Annotated[
        str | None,
        typer.Option(help="For the certificate key: the URI of a token or key service."),
    ] = None,
    public: Annotated[
        Path | None, typer.Option(help="With --to: the new key's public half, PEM.")
    ] = None,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Bring in a new key; both are valid until the old one is retired."""
    from govsdk.govern.rotating import rotate_certificate_key, rotate_log_key

    if (to is None) != (public is None) or (to is not None and role is Role.LOG):
        raise RequestError("--to and --public go together, for the certificate key")
    opened = open_workspace(workspace, keys)
    if role is Role.LOG:
        position = rotate_log_key(opened)
    else:
        pem = b"" if public is None else read_input(public, "--public")
        position = rotate_certificate_key(opened, uri=to, public_pem=pem)
    return _done(role, "rotated", position.index)


def retire(role: Which, workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """End the overlap; restart long-running processes that opened the workspace before it began."""
    from govsdk.govern.rotating import retire_certificate_key, retire_log_key

    opened = open_workspace(workspace, keys)
    work = retire_log_key if role is Role.LOG else retire_certificate_key
    return _done(role, "retired", work(opened).index)


def _done(role: Role, event: str, entry: int) -> Answer:
    data = {"key": role.value, "event": event, "entry": entry}
    return Answer(data, fields(data))
