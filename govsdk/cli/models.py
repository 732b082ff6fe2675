"""``models list|show|verify``: the governed generator and its versions."""

from __future__ import annotations

from typing import Annotated

import typer

from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.tables import fields, table
from govsdk.cli.verb import Answer, Verb, add_group
from govsdk.errors import MissingModelError, ModelCorruptError

Number = Annotated[int | None, typer.Argument(help="The version; default: the one in use.", min=0)]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {"list": list_versions, "show": show, "verify": verify}
    purpose = "The governed model and its versions."
    add_group(app, "models", verbs, purpose=purpose, panel="Policies and models")


def list_versions(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """List the versions of the model line."""
    line = open_workspace(workspace, keys).line
    current = line.current().number
    found = [line.version(number) for number in line.versions()]
    data = [
        {"version": v.number, "digest": v.digest, "current": v.number == current} for v in found
    ]
    rows = [(v.number, v.digest, "in use" if v.number == current else "") for v in found]
    return Answer(data, table(("version", "sha256 of the manifest", ""), rows))


def show(
    version: Number = None, workspace: WorkspaceFolder = None, keys: KeysFolder = None
) -> Answer:
    """Show one version: where it lies, its digest, its files."""
    from govsdk.models.manifest import manifest_of

    line = open_workspace(workspace, keys).line
    chosen = line.current() if version is None else line.version(version)
    files = manifest_of(chosen.path).files
    data = {
        "version": chosen.number,
        "digest": chosen.digest,
        "path": str(chosen.path),
        "files": [file.public() for file in files],
    }
    shown = {file.name: f"{file.size:>12,} bytes" for file in files}
    head = {name: data[name] for name in ("version", "digest", "path")}
    return Answer(data, fields({**head, **shown}))


def verify(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Hash every file of every version and compare it with its manifest."""
    line = open_workspace(workspace, keys).line
    data: list[dict[str, object]] = []
    for number in line.versions():
        try:
            line.version(number)
            data.append({"version": number, "intact": True, "detail": ""})
        except (ModelCorruptError, MissingModelError) as error:
            data.append({"version": number, "intact": False, "detail": str(error)})
    rows = [(d["version"], "ok" if d["intact"] else "error", d["detail"]) for d in data]
    intact = all(d["intact"] for d in data)
    view = table(("version", "", ""), rows)
    return Answer(data, view, 0 if intact else ModelCorruptError.exit_code)
