"""``ledger fsck``, ``prove`` and the exchange with witnesses: what auditors and their logs do.

``fsck`` and ``witness`` need no workspace and no extra: an auditor has files and pinned keys.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from govsdk.cli.evidence import findings
from govsdk.cli.inputs import read_input, read_key
from govsdk.cli.naming import full_name
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.outputs import require_file
from govsdk.cli.own_keys import passphrase_of, read_own_key
from govsdk.cli.tables import fields
from govsdk.cli.verb import Answer, Verb
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import IntegrityError, RequestError

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace
    from govsdk.ledger.audit import AuditReport
    from govsdk.tlog.cosignatures import WitnessSigner
    from govsdk.tlog.timestamps import Stamps

_KEY, _VKEY, _NAME = "witness.key.pem", "witness.vkey", "witness"

WitnessKeys = Annotated[
    list[Path], typer.Option("--witness", help="A witness's verifier key; may be repeated.")
]
Stamped = Annotated[
    list[Path] | None,
    typer.Option(
        "--timestamp", help="An RFC 3161 answer for the head of SIZE entries, named SIZE.tsr."
    ),
]
StampRoot = Annotated[
    Path | None, typer.Option(help="The timestamp authority's root certificate, PEM.")
]
Target = Annotated[Path, typer.Argument(help="The file to write.", show_default=False)]


def fsck(
    folder: Annotated[
        Path, typer.Argument(help="An exported ledger.", metavar="DIR", show_default=False)
    ],
    key: Annotated[Path, typer.Option(help="The issuer's signer.pub.pem.")],
    log_key: Annotated[Path, typer.Option(help="The ledger's log.vkey.")],
    kept: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A checkpoint kept elsewhere: is it in this ledger?"),
    ] = None,
    witness: Annotated[
        list[Path] | None,
        typer.Option(help="A witness's verifier key; may be repeated."),
    ] = None,
    quorum: Annotated[int, typer.Option(help="How many of the witnesses must have cosigned.")] = 1,
    timestamp: Stamped = None,
    timestamp_ca: StampRoot = None,
) -> Answer:
    """Check every byte of an exported ledger, from its public formats alone."""
    from govsdk.ledger.audit import audit
    from govsdk.tlog.cosignatures import WitnessKey

    if quorum != 1 and not witness:
        raise RequestError(f"no witnesses for a quorum of {quorum}", hint="add --witness")
    report = audit(
        folder,
        key_pem=read_input(key, "--key"),
        log_vkey=read_key(log_key, "--log-key"),
        checkpoints=[read_input(path, "--checkpoint") for path in kept or ()],
        witnesses=[WitnessKey.parse(read_key(path, "--witness")) for path in witness or ()],
        quorum=quorum,
        stamps=stamps_from(timestamp or (), timestamp_ca),
    )
    return audited(report)


def stamps_from(answers: Sequence[Path], roots: Path | None) -> Stamps | None:
    """Return the timestamps in files named after the size of their head; None if there are none.

    Raises:
        MissingError: One of the files is not there.
        RequestError: Answers without a root, a root without answers, or another name.
    """
    from govsdk.tlog.timestamps import Stamps

    if not answers and roots is None:
        return None
    if not answers or roots is None:
        raise RequestError(
            "timestamps and their authority's certificate go together",
            hint=f"add {'--timestamp' if roots else '--timestamp-ca'}",
        )
    if not all(_is_index(path.stem) for path in answers):
        raise RequestError(
            "--timestamp: which head is stamped is told by the file's name",
            hint="name it as the ledger does: SIZE.tsr",
        )
    found = {int(path.stem): read_input(path, "--timestamp") for path in answers}
    if len(found) < len(answers):
        raise RequestError("--timestamp: two files for one head", hint="give each head's once")
    return Stamps(found, read_input(roots, "--timestamp-ca"))


def audited(report: AuditReport) -> Answer:
    """Return what an audit found: its lines, the open plans, and what it could not see."""
    notes = [f"{report.size} entries, {len(report.open_plans)} open plans"]
    notes += [f"open: {request}" for request in report.open_plans]
    if not report.anchored:
        notes.append(
            "no checkpoint kept elsewhere was compared: a rollback of the whole folder is not "
            "detectable"
        )
    view = Group(findings(report.findings), Text(), *map(Text, notes))
    return Answer(report.to_dict(), view, 0 if report.ok else IntegrityError.exit_code)


def prove(
    entry: Annotated[
        str,
        typer.Argument(
            help="An entry's index, or a request: the first characters of its name.",
            metavar="INDEX|REQUEST",
            show_default=False,
        ),
    ],
    file: Target,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Write an entry's proof (.tlog-proof), under the newest head that witnesses cosigned if any.

    A request stands for its certificate.
    """
    from govsdk.ledger.cosigned import prove as place_of
    from govsdk.tlog.notes import VerifierKey
    from govsdk.tlog.proofs import proof_text

    require_file(file, "FILE")
    opened = open_workspace(workspace, keys)
    index = int(entry) if _is_index(entry) else _certificate_of(opened, entry)
    place = place_of(opened.ledger.log_folder, index, VerifierKey.parse(opened.log_vkey))
    write_file(file, proof_text(place).encode(), mode=PUBLIC)
    data = {"index": place.index, "size": place.tree_size, "leaf": place.leaf_hash}
    return Answer({**data, "file": str(file)}, fields(data))


def offer(
    file: Target,
    since: Annotated[int, typer.Option(help="Entries that the witness saw last.", min=0)] = 0,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Write what a witness needs to cosign the head: the head, and its proof since the last."""
    from govsdk.ledger.cosigned import offer as offered
    from govsdk.tlog.notes import VerifierKey

    require_file(file, "FILE")
    opened = open_workspace(workspace, keys)
    content = offered(opened.ledger.log_folder, VerifierKey.parse(opened.log_vkey), since=since)
    write_file(file, content, mode=PUBLIC)
    return Answer({"since": since, "file": str(file)}, str(file))


def cosign(
    file: Annotated[Path, typer.Argument(help="What the witness sent back.", show_default=False)],
    witness: WitnessKeys,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Keep a witness's cosignature: later proofs and exports carry it."""
    from govsdk.ledger.cosigned import keep
    from govsdk.tlog.cosignatures import WitnessKey, witnesses_of
    from govsdk.tlog.notes import VerifierKey

    opened = open_workspace(workspace, keys)
    pinned = [WitnessKey.parse(read_key(path, "--witness")) for path in witness]
    log = VerifierKey.parse(opened.log_vkey)
    head = keep(opened.ledger.log_folder, read_input(file, "FILE"), log, pinned)
    names = [key.name for key in witnesses_of(head.note.encode(), pinned)]
    data = {"size": head.size, "witnesses": names}
    return Answer(data, f"{head.size} entries, cosigned by {', '.join(names)}")


def timestamp(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Have the head stamped by the configured authority (RFC 3161), and keep the answer."""
    from govsdk.govern.stamping import stamp_head

    stamp = stamp_head(open_workspace(workspace, keys))
    data = {"size": stamp.size, "seen": stamp.seen, "file": str(stamp.path)}
    return Answer(data, fields(data))


def witness(
    offered: Annotated[
        Path, typer.Argument(help="The offer of a ledger.", metavar="OFFER", show_default=False)
    ],
    file: Target,
    log_key: Annotated[Path, typer.Option(help="The ledger's log.vkey, obtained from them.")],
    state: Annotated[Path, typer.Option(help="This witness's memory and key.", metavar="DIR")],
    passphrases: Annotated[
        Path,
        typer.Option(help="The folder that holds witness.passphrase; not in DIR.", metavar="DIR"),
    ],
    name: Annotated[
        str, typer.Option(help="This witness's name, when its key is made.")
    ] = "witness.invalid",
) -> Answer:
    """Cosign a ledger's head, if it continues the one cosigned last; remember it.

    The first call makes the witness's key; give witness.vkey to whoever verifies.
    """
    from govsdk.ledger.witness import Witness
    from govsdk.tlog.notes import VerifierKey

    require_file(file, "FILE")
    signer = _signer(state, passphrases, name)
    log = VerifierKey.parse(read_key(log_key, "--log-key"))
    note = Witness(state, signer).cosign(
        read_input(offered, "OFFER"), log, seconds=int(time.time())
    )
    write_file(file, note.encode(), mode=PUBLIC)
    size = int(note.split("\n")[1])
    data = {"origin": log.name, "size": size, "witness": str(signer.verifier)}
    return Answer({**data, "file": str(file)}, fields(data))


def _signer(state: Path, passphrases: Path, name: str) -> WitnessSigner:
    from govsdk.certify.key_files import encrypt_key, log_key, open_log_key
    from govsdk.tlog.cosignatures import WitnessKey, WitnessSigner
    from govsdk.tlog.signatures import Ed25519Key

    secret = passphrase_of(state / _KEY, passphrases, _NAME)
    if not (state / _KEY).exists():
        made = log_key(os.urandom)
        vkey = WitnessSigner(name, Ed25519Key(made)).verifier
        write_file(state / _VKEY, f"{vkey}\n".encode(), mode=PUBLIC)
        write_file(state / _KEY, encrypt_key(made, secret))
    key = Ed25519Key(open_log_key(read_own_key(state / _KEY), secret))
    return WitnessSigner(WitnessKey.parse(read_key(state / _VKEY, "--state")).name, key)


def _certificate_of(opened: Workspace, start: str) -> int:
    from govsdk.govern.entries import RequestEntries
    from govsdk.tlog.statements import Kind

    entries = RequestEntries(opened, full_name(start, opened.certificates()))
    return entries.envelope(Kind.CERTIFICATE)[1].index


def _is_index(text: str) -> bool:
    """Return whether ``text`` is an index; request names are far longer than any."""
    return text.isascii() and text.isdecimal() and len(text) < 10


VERBS: dict[str, Verb] = {
    "fsck": fsck,
    "prove": prove,
    "offer": offer,
    "witness": witness,
    "cosign": cosign,
    "timestamp": timestamp,
}
"""Of ``ledger``."""
