"""``audit reproduce``: an auditor measures again, with files and keys alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from govsdk.certify.reproductions import SUFFIX
from govsdk.cli.forgetting import claims as claims_table
from govsdk.cli.inputs import read_input, read_key
from govsdk.cli.outputs import require_file
from govsdk.cli.own_keys import passphrase_of, read_own_key
from govsdk.cli.progress import bars
from govsdk.cli.setup import REFERENCE, governed
from govsdk.cli.tables import table
from govsdk.cli.verb import Answer, add_group, note
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import VerdictError

if TYPE_CHECKING:
    from govsdk.govern.reproducing import Remeasured
    from govsdk.tlog.signatures import FileSigner

_KEY, _PEM, _NAME = "auditor.key.pem", "auditor.pub.pem", "auditor"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    purpose = "Measure again what a certificate says."
    add_group(app, "audit", {"reproduce": reproduce}, purpose=purpose, panel="Evidence")


def reproduce(
    certificate: Annotated[
        Path, typer.Argument(help="The certificate file.", metavar="CERT", show_default=False)
    ],
    evidence: Annotated[Path, typer.Option(help="The sealed residual (.age).")],
    identity: Annotated[
        Path, typer.Option(help="Your age identity: the residual was sealed to it.")
    ],
    model: Annotated[Path, typer.Option(help="The published model's folder.")],
    key: Annotated[Path, typer.Option(help="The issuer's signer.pub.pem, obtained from them.")],
    log_key: Annotated[Path, typer.Option(help="The ledger's log.vkey.")],
    state: Annotated[
        Path, typer.Option(help="The folder of your signing key; made at the first call.")
    ],
    passphrases: Annotated[
        Path, typer.Option(help="The folder that holds auditor.passphrase; not the same.")
    ],
    before: Annotated[
        Path | None,
        typer.Option(
            help="The model before the edit: the control, without which the statement "
            "does not raise the assurance level."
        ),
    ] = None,
    photo: Annotated[
        list[Path] | None,
        typer.Option(help="A fresh photo of the person to try as well; may be repeated."),
    ] = None,
    recogniser: Annotated[
        list[str] | None,
        typer.Option(
            help="ROLE=MODEL.onnx:CALIBRATION.json of both recognisers; by default the built-in.",
            metavar="ROLE=FILE",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the statement goes.", metavar="DIR")] = Path(),
) -> Answer:
    """Repeat a verification: the same seeds, then others; sign a statement if both agree.

    Exit code 3 if they do not: nothing is signed then.
    """
    from govsdk.govern.case import judges, open_case
    from govsdk.govern.reproducing import Remeasurement, require_other_key, statement_of
    from govsdk.registry import photos_from
    from govsdk.verify.harness import harness_digest

    file = out / f"{certificate.name.removesuffix('.sigstore.json')}{SUFFIX}"
    require_file(file, "--out")
    signer = _signer(state, passphrases)
    case = open_case(
        read_input(certificate, "CERT"),
        read_input(evidence, "--evidence"),
        identity=_identity(identity),
        key_pem=read_input(key, "--key"),
        log_vkey=read_key(log_key, "--log-key"),
        model=model,
    )
    require_other_key(case, signer)
    bench = judges(case, governed(REFERENCE, recogniser or []).recognisers, device="auto")
    seed = os.urandom(32)
    with bars() as progress:
        found = Remeasurement(case, bench, seed=seed, progress=progress).run(
            model,
            before=before,
            photos=photos_from(photo or []),
        )
    if found.disagreements:
        if case.said.harness != harness_digest():
            note("measured with another version of the judge than the certificate's")
        return Answer(_data(found), _view(found), VerdictError.exit_code)
    said = statement_of(found, case, seed=seed, auditor=signer, clock=lambda: datetime.now(UTC))
    write_file(file, said, mode=PUBLIC)
    return Answer({**_data(found), "file": str(file)}, Group(_view(found), Text(str(file))))


def _data(found: Remeasured) -> dict[str, object]:
    return {
        "agrees": not found.disagreements,
        "disagreements": found.disagreements,
        "agreements": [each.public() for each in found.agreements],
        "claims": [each.public() for each in found.claims],
        "controls": [each.public() for each in found.controls],
    }


def _view(found: Remeasured) -> Group:
    lines = [
        (a.stage, a.part, a.recogniser, a.compared, a.largest_difference, a.p)
        for a in found.agreements
    ]
    columns = ("stage", "of", "by", "compared", "largest difference", "p of other seeds")
    said = "; ".join(found.disagreements) or "reproduced"
    style = "bold red" if found.disagreements else "bold green"
    return Group(
        table(columns, lines),
        Text(),
        claims_table(found.claims),
        Text(),
        table(
            ("control", "by", "rate", "lower", "trials"),
            [(c.name, c.recogniser, c.rate, c.lower, c.trials) for c in found.controls],
        ),
        Text(),
        Text(said, style=style),
    )


def _signer(state: Path, passphrases: Path) -> FileSigner:
    """Return the auditor's signing key, made at the first call."""
    from govsdk.certify.key_files import certificate_key, encrypt_key, open_certificate_key
    from govsdk.tlog.signatures import FileSigner

    secret = passphrase_of(state / _KEY, passphrases, _NAME)
    if not (state / _KEY).exists():
        made = certificate_key(os.urandom)
        write_file(state / _PEM, FileSigner(made).public_pem, mode=PUBLIC)
        write_file(state / _KEY, encrypt_key(made, secret))
    return FileSigner(open_certificate_key(read_own_key(state / _KEY), secret))


def _identity(path: Path) -> str:
    """Return the secret key in an age identity file, whose comments are left out."""
    lines = read_input(path, "--identity").decode("ascii", "replace").splitlines()
    return next((line for line in lines if line.strip() and not line.startswith("#")), "")
