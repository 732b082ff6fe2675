"""``verify`` and ``cert``: certificates. ``verify`` works without any extra."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

import govsdk
from govsdk.cli import keys as key_verbs
from govsdk.cli import summaries, sweeping, withdrawing
from govsdk.cli.inputs import read_input, read_key
from govsdk.cli.naming import Request, full_name
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.outputs import require_file
from govsdk.cli.tables import document, table
from govsdk.cli.verb import Answer, Verb, add_group, add_verbs
from govsdk.errors import MalformedEvidenceError, VerdictError
from govsdk.tlog.findings import Finding, Status, first_failure

if TYPE_CHECKING:
    from govsdk.certify.check import Report

MALFORMED = 2
"""Exit code for a certificate that cannot be read: the input is wrong, not the evidence."""

UNFIT = {
    "model": "is not about the model of --model",
    "receipt": "does not belong to the receipt of --receipt",
    "policy": "does not meet the policy of --require",
}
"""Checks of something that the verifier named: the certificate itself may hold where they fail."""


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    add_verbs(app, {"verify": verify}, panel="Evidence")
    certificates: dict[str, Verb] = {
        "list": cert_list,
        "show": cert_show,
        "save": cert_save,
        **withdrawing.VERBS,
        **summaries.VERBS,
    }
    purpose = "List, show, save and withdraw certificates."
    add_group(app, "cert", certificates, purpose=purpose, panel="Evidence")
    sweeping.register(app)
    key_verbs.register(app)


def verify(
    certificate: Annotated[
        Path, typer.Argument(help="The certificate file.", metavar="CERT", show_default=False)
    ],
    key: Annotated[
        Path, typer.Option(help="The issuer's public key (signer.pub.pem), obtained from them.")
    ],
    log_key: Annotated[Path, typer.Option(help="The ledger's verifier key (log.vkey).")],
    ledger: Annotated[
        Path | None, typer.Option(help="An exported ledger: does it hold the plan, no withdrawal?")
    ] = None,
    ledger_key: Annotated[
        Path | None,
        typer.Option(help="The ledger's newer verifier key, if it was rotated since."),
    ] = None,
    since: Annotated[
        Path | None, typer.Option(help="An older checkpoint you kept: is it the same history?")
    ] = None,
    require: Annotated[
        str | None, typer.Option(help="A policy of your own that its figures must meet.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="The published model's folder: is it the certified one?")
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="The receipt: was the certificate made for the id in it?")
    ] = None,
    witness: Annotated[
        list[Path] | None, typer.Option(help="A witness's verifier key; may be repeated.")
    ] = None,
    quorum: Annotated[int, typer.Option(help="How many of the witnesses must have cosigned.")] = 1,
    proof: Annotated[
        Path | None, typer.Option(help="Its .tlog-proof under a cosigned or stamped head.")
    ] = None,
    timestamp: Annotated[
        Path | None, typer.Option(help="An RFC 3161 timestamp of its head, or of the proof's.")
    ] = None,
    timestamp_ca: Annotated[
        Path | None, typer.Option(help="The timestamp authority's root certificate, PEM.")
    ] = None,
    reproduction: Annotated[
        Path | None, typer.Option(help="An auditor's statement that they measured the same.")
    ] = None,
    auditor_key: Annotated[
        Path | None, typer.Option(help="That auditor's auditor.pub.pem, obtained from them.")
    ] = None,
) -> Answer:
    """Check a certificate offline: one line per check, exit code 5 if one does not hold.

    It is 2 where what the first failing check read makes no sense. A genuine certificate that was
    withdrawn, or does not meet --require, ends with 3.

    Keys are pinned: what the certificate itself says about keys is never believed.
    """
    report = govsdk.verify_certificate(
        certificate,
        key=key,
        log_key=log_key,
        ledger=ledger,
        ledger_key=ledger_key,
        since=since,
        require=require,
        model=model,
        receipt=receipt,
        witnesses=[read_key(path, "--witness") for path in witness or ()],
        quorum=quorum,
        proof=proof,
        reproduction=reproduction,
        auditor_key=auditor_key,
        timestamp=timestamp,
        timestamp_ca=timestamp_ca,
    )
    last = Text(_conclusion(report), style="bold green" if report.ok else "bold red")
    level = Text(f"assurance level: {report.assurance}" if report.ok else "")
    view = Group(findings(report.findings), Text(), level, last)
    return Answer(report.to_dict(), view, _code(report.findings))


def _conclusion(report: Report) -> str:
    """Return the last line: the headline, or what speaks against the certificate."""
    if report.ok:
        return str(report.headline)
    if report.withdrawn:
        return f"valid but {report.withdrawn}; do not rely on it"
    failed = [each.name for each in report.findings if each.status is Status.FAIL]
    if failed and set(failed) <= UNFIT.keys():
        return f"the certificate holds, but {' and '.join(UNFIT[name] for name in failed)}"
    return "the certificate does not hold; do not rely on it"


def findings(lines: Sequence[Finding]) -> RenderableType:
    """Return a numbered report as a table."""
    return table(
        ("", "check", "", ""),
        [(f.number, f.name, f.status.value, f.detail or f.reason) for f in lines],
    )


def _code(lines: Sequence[Finding]) -> int:
    """Return 0, 2 where the input cannot even be read, 5 where it does not hold, or 3 where it
    holds and its verdict does not (withdrawn, or weaker than the verifier's own policy)."""
    broken = [line for line in lines if not isinstance(line.error, VerdictError)]
    failure = first_failure(broken) or first_failure(lines)
    if failure is None:
        return 0
    return MALFORMED if isinstance(failure, MalformedEvidenceError) else failure.exit_code


def cert_list(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """List the certificates issued in a workspace, with those that no longer stand."""
    from govsdk.govern.withdrawing import standings

    opened = open_workspace(workspace, keys)
    later = standings(opened)
    issued = {request: opened.certificate(request) for request in opened.certificates()}
    found = [
        {
            "request": request,
            "verdict": (said := certificate.says).verdict.value,
            "headline": said.text,
            "verified": said.validity.verified_at,
            "standing": later.get(certificate.leaf.leaf_hash, "stands"),
        }
        for request, certificate in issued.items()
    ]
    columns = ("request", "headline", "verified", "standing")
    rows = [[row[column] for column in columns] for row in found]
    return Answer(found, table(columns, rows))


def cert_show(
    certificate: Annotated[
        str,
        typer.Argument(
            help="A certificate file, or a request of the workspace by its name in the ledger or "
            "the first characters of it.",
            metavar="FILE|REQUEST",
            show_default=False,
        ),
    ],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Print what a certificate states (its signed predicate); of a file, nothing is checked.

    A file needs no workspace; `govsdk verify` says whether it holds.
    """
    if os.path.isfile(certificate):
        found = govsdk.Certificate(read_input(Path(certificate), "FILE"))
    else:
        opened = open_workspace(workspace, keys)
        found = opened.certificate(full_name(certificate, opened.certificates()))
    said = found.bundle.statement
    data = {
        "predicateType": said.kind.predicate_type,
        "subject": [resource.public() for resource in said.subjects],
        "predicate": said.predicate,
    }
    return Answer(data, document(data))


def cert_save(
    request: Request,
    file: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Write a certificate to a file."""
    require_file(file, "FILE")
    opened = open_workspace(workspace, keys)
    name = full_name(request, opened.certificates())
    opened.certificate(name).save(file)
    return Answer({"request": name, "file": str(file)}, str(file))
