"""``ledger``: read, audit, export and restore. Auditing an export works without any extra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from govsdk.cli import auditors
from govsdk.cli.inputs import read_input, read_key
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.outputs import require_file, require_folder
from govsdk.cli.tables import fields, table
from govsdk.cli.verb import Answer, Verb, add_group
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import RequestError
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.statements import parse_statement

if TYPE_CHECKING:
    from govsdk.ledger import AuditReport
    from govsdk.tlog.timestamps import Stamps


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {
        "head": head,
        "entries": entries,
        "audit": audit,
        "export": export,
        "checkpoint": checkpoint,
        "trusted-root": trusted_root,
        "restore": restore,
        "anchor": anchor,
        **auditors.VERBS,
    }
    add_group(app, "ledger", verbs, purpose="Read, audit and export the ledger.", panel="Evidence")


def head(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Show the ledger's origin, size and root."""
    found = open_workspace(workspace, keys).ledger.head()
    data = {"origin": found.origin, "size": found.size, "root": found.root.hex()}
    return Answer(data, fields(data))


def entries(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """List the ledger's entries, oldest first."""
    envelopes = open_workspace(workspace, keys).ledger.entries()
    said = [parse_statement(parse_envelope(each).payload) for each in envelopes]
    data = [
        {"index": index, "kind": each.kind.value, "request": each.request}
        for index, each in enumerate(said)
    ]
    rows = [tuple(row.values()) for row in data]
    return Answer(data, table(("index", "kind", "request"), rows))


def audit(
    exported: Annotated[
        Path | None,
        typer.Option("--export", help="An exported ledger; needs no workspace.", metavar="DIR"),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="For an export: the issuer's signer.pub.pem.")
    ] = None,
    log_key: Annotated[
        Path | None, typer.Option(help="For an export: the ledger's log.vkey.")
    ] = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A checkpoint kept elsewhere: is it in this ledger?"),
    ] = None,
    timestamp: auditors.Stamped = None,
    timestamp_ca: auditors.StampRoot = None,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Re-hash every entry, check every signature and the tree, list plans left open."""
    checkpoints = [read_input(path, "--checkpoint") for path in kept or ()]
    stamps = auditors.stamps_from(timestamp or (), timestamp_ca)
    if exported is None:
        if key is not None or log_key is not None:
            raise RequestError(
                "--key and --log-key are for an export",
                hint="add --export DIR; a workspace's ledger is audited with its own keys",
            )
        ledger = open_workspace(workspace, keys).ledger
        report = ledger.audit(checkpoints=checkpoints, stamps=stamps)
    else:
        report = _audit_export(exported, key, log_key, checkpoints, stamps)
    return auditors.audited(report)


def export(
    folder: Annotated[
        Path, typer.Argument(help="The folder to write.", metavar="DIR", show_default=False)
    ],
    jsonl: Annotated[
        Path | None,
        typer.Option(
            help="Also write all entries to this file, one envelope a line.", metavar="FILE"
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Copy the ledger for auditors: entries, tiles and checkpoint."""
    from govsdk.ledger import export as copy

    require_folder(folder, "DIR")
    if jsonl is not None:
        require_file(jsonl, "--jsonl")
    opened = open_workspace(workspace, keys)
    found = copy(opened.ledger.log_folder, folder, log_vkey=opened.log_vkey, lines=jsonl)
    data = {"folder": str(folder), "entries": found.size}
    if jsonl is not None:
        data["lines"] = str(jsonl)
    return Answer(data, f"{found.size} entries in {folder}")


def checkpoint(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Print the latest checkpoint, a signed note: give it to somebody who keeps it."""
    note = open_workspace(workspace, keys).ledger.head().note
    return Answer({"checkpoint": note}, note.rstrip("\n"))


def trusted_root(
    file: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    log_key: Annotated[Path, typer.Option(help="The ledger's verifier key (log.vkey).")],
) -> Answer:
    """Write the trusted_root.json with which stock Sigstore verifiers believe this ledger."""
    from govsdk.certify import trusted_root as roots

    require_file(file, "FILE")
    content = roots.trusted_root(read_key(log_key, "--log-key"))
    write_file(file, content, mode=PUBLIC)
    return Answer({"file": str(file)}, str(file))


def restore(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="An export; default: the public log that the workspace itself still has.",
            metavar="EXPORT",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Rebuild the ledger's lost database; refuses anything older than what was signed."""
    ledger = open_workspace(workspace, keys).restore_ledger(source)
    return Answer({"entries": ledger.size}, f"{ledger.size} entries restored")


def anchor(
    folder: Annotated[
        Path, typer.Argument(help="Outside the workspace.", metavar="DIR", show_default=False)
    ],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Begin, or begin anew, a folder that gets a copy of every checkpoint."""
    from govsdk.govern.anchoring import begin_anchor

    require_folder(folder, "DIR")
    head = begin_anchor(open_workspace(workspace, keys), folder)
    data = {"folder": str(folder), "entries": head.size}
    return Answer(data, f"{folder} keeps every checkpoint from {head.size} entries on")


def _audit_export(
    folder: Path,
    key: Path | None,
    log_key: Path | None,
    checkpoints: list[bytes],
    stamps: Stamps | None,
) -> AuditReport:
    from govsdk.ledger.audit import audit as examine

    if key is None or log_key is None:
        raise RequestError(
            "an export cannot vouch for its own keys", hint="add --key and --log-key"
        )
    return examine(
        folder,
        key_pem=read_input(key, "--key"),
        log_vkey=read_key(log_key, "--log-key"),
        checkpoints=checkpoints,
        stamps=stamps,
    )
