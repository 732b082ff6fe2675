"""``verify``, ``cert``, ``ledger``: what auditors use. ``verify`` works without any extra."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.syntax import Syntax
from rich.text import Text

from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.tables import cell, fields, table
from govsdk.cli.verb import Answer, verb
from govsdk.errors import EvidenceError, RequestError

Request = Annotated[
    str,
    typer.Argument(
        help="The request's name in the ledger, or the first characters of it.",
        metavar="REQUEST",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    panel = "Evidence"
    verb(app, "verify", panel=panel)(verify)
    certificates = typer.Typer(help="List, show and save certificates.", no_args_is_help=True)
    for name, function in {"list": cert_list, "show": cert_show, "save": cert_save}.items():
        verb(certificates, name)(function)
    app.add_typer(certificates, name="cert", rich_help_panel=panel)
    ledger = typer.Typer(help="Read, audit and export the ledger.", no_args_is_help=True)
    for name, function in {
        "head": head,
        "entries": entries,
        "audit": audit,
        "export": export,
        "checkpoint": checkpoint,
    }.items():
        verb(ledger, name)(function)
    app.add_typer(ledger, name="ledger", rich_help_panel=panel)


def verify(
    certificate: Annotated[Path, typer.Argument(help="The certificate file.", show_default=False)],
    key: Annotated[
        Path, typer.Option(help="The issuer's public key (signer.pub.pem), obtained from them.")
    ],
    log_key: Annotated[Path, typer.Option(help="The ledger's verifier key (log.vkey).")],
    model: Annotated[
        Path | None, typer.Option(help="The published model's folder: is it the certified one?")
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="The data subject's receipt: is the certificate theirs?")
    ] = None,
) -> Answer:
    """Check a certificate offline: one line per check, exit code 5 if any fails.

    Keys are pinned: what the certificate itself says about keys is never believed.
    """
    from govsdk.certify.check import check

    report = check(
        _read(certificate),
        key_pem=_read(key),
        log_vkey=_read(log_key).decode("utf-8", "replace").strip(),
        model=model,
        receipt=None if receipt is None else _read(receipt),
    )
    lines = table(
        ("", "check", "", "detail"),
        [(c.number, c.name, c.outcome, c.detail) for c in report.checks],
    )
    verdict = Text(report.headline, style="bold green" if report.ok else "bold red")
    return Answer(report.to_dict(), Group(lines, verdict), report.exit_code)


def cert_list(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """List the certificates issued in a workspace."""
    opened = open_workspace(workspace, keys)
    found = []
    for request in opened.certificates():
        predicate = _predicate(opened.certificate(request).content)
        found.append({"request": request, "headline": predicate.get("headline")})
    rows = [tuple(row.values()) for row in found]
    return Answer(found, table(("request", "verdict"), rows))


def cert_show(
    request: Request, workspace: WorkspaceFolder = None, keys: KeysFolder = None
) -> Answer:
    """Print what a certificate states (its signed predicate)."""
    opened = open_workspace(workspace, keys)
    statement = _statement(opened.certificate(_full(request, opened.certificates())).content)
    text = json.dumps(statement, indent=2, ensure_ascii=False)
    return Answer(statement, Syntax(text, "json", background_color="default", word_wrap=True))


def cert_save(
    request: Request,
    file: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Write a certificate to a file."""
    opened = open_workspace(workspace, keys)
    name = _full(request, opened.certificates())
    opened.certificate(name).save(file)
    return Answer({"request": name, "file": str(file)}, str(file))


def head(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Show the ledger's size, root and origin."""
    found = open_workspace(workspace, keys).ledger.head()
    data = {"origin": found.origin, "size": found.size, "root": found.root.hex()}
    return Answer(data, fields(data))


def entries(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """List the ledger's entries."""
    found = open_workspace(workspace, keys).ledger.entries()
    data = [
        {"index": index, "kind": kind_of(envelope), "request": request_of(envelope)}
        for index, envelope in enumerate(found)
    ]
    rows = [tuple(row.values()) for row in data]
    return Answer(data, table(("index", "kind", "request"), rows))


def audit(
    export: Annotated[
        Path | None, typer.Option("--export", help="An exported ledger; needs no workspace.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="signer.pub.pem, for an export.")] = None,
    log_key: Annotated[Path | None, typer.Option(help="log.vkey, for an export.")] = None,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Re-hash every entry, check every signature and the tree, list plans left open."""


def export(
    folder: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Export the ledger for auditors: entries, tiles, checkpoint, keys."""
    open_workspace(workspace, keys).ledger.export(folder)
    return Answer({"folder": str(folder)}, str(folder))


def checkpoint(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Print the latest checkpoint, a signed note: give it to somebody who keeps it."""
    note = open_workspace(workspace, keys).ledger.head().note
    return Answer({"checkpoint": note}, Text(note.rstrip("\n")))
