"""Rotating keys: a new key comes in, both are valid for a while, the old one is retired.

- Certificate key: the old key names the new one, the new one names itself and the old one, and from
  then on the new one signs. Entries of processes that still hold the old one are taken until it is
  retired.
- Log key: the new key signs every head beside the old one, until the old one is retired.
- Each step is an entry of kind ``key``; a ledger begins with those of its first keys. A call that
  was killed is carried on by the same call.
- No key changes while a request is under way: the seeds of its trials come from signed heads, whose
  bytes a new signature would change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from govsdk.certify.keys import CERTIFICATE_FILE, LOG_FILE, SIGNER_FILE, VKEY_FILE
from govsdk.certify.rotation import (
    NEXT_CERTIFICATE,
    NEXT_LOG,
    keep_public,
    keys_in_use,
    log_key_in,
    next_certificate_key,
    next_log_key,
    retire_public,
    take_over,
)
from govsdk.certify.statements import sign
from govsdk.certify.tokens import TokenSigner
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import ConflictError
from govsdk.govern.events import log
from govsdk.govern.job import jobs_of
from govsdk.records import Instant, Position, instant
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.key_events import KeyEvent, Role, event_name
from govsdk.tlog.notes import FileNoteSigner, VerifierKey
from govsdk.tlog.signatures import Ed25519Key, PublicKey, Signer
from govsdk.tlog.statements import Kind, parse_statement, statement

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


def record_first_keys(workspace: Workspace) -> None:
    """Begin a new ledger with its keys: who may sign stands in the log from entry 0."""
    certificate = PublicKey.from_pem(workspace.keys.certificate.public_pem)
    vkey = workspace.keys.log.vkey
    at = instant(workspace.clock())
    said = [
        (_created("certificate", certificate.pem.decode(), at), certificate.keyid),
        (_created("log", vkey, at), _name_of(vkey)),
    ]
    workspace.ledger.sign_and_append([_payload(workspace, *each)[0] for each in said])


def rotate_certificate_key(
    workspace: Workspace, *, uri: str | None = None, public_pem: bytes = b""
) -> Position:
    """Let a new key sign entries from here on; return where it was created.

    Args:
        uri: A token or service that holds the new key, ``public_pem`` its public half; None: a new
            key file.

    Raises:
        ConflictError: A request is under way, or the last rotation was not concluded.
    """
    folder, keys = workspace.places.keys, workspace.keys
    with workspace.editing():
        _require_idle(workspace)
        new: Signer = (
            TokenSigner.open(uri, public_pem, keys.provider)
            if uri is not None
            else next_certificate_key(folder, keys.provider, workspace.entropy)
        )
        new.sign(b"does it sign?")  # a token that does not is noticed before an entry names it
        about = PublicKey.from_pem(new.public_pem)
        old = PublicKey.from_pem(keys.certificate.public_pem)
        named = workspace.ledger.find(event_name("certificate", about.keyid, "created"))
        if named is not None and old.keyid == about.keyid:
            position = named[1]  # killed while it took over: its public half is in place
        else:
            position = _name(workspace, old, new)
        _let_sign(workspace, new, uri)
    log.info("govsdk.key.rotated", role="certificate", key=about.keyid[:16])
    return position


def retire_certificate_key(workspace: Workspace) -> Position:
    """End the overlap: entries of the old certificate key are refused from here on.

    Raises:
        ConflictError: A request is under way, no rotation is to be concluded, or the last one was
            killed before the new key signs.
    """
    folder, current = workspace.places.keys, workspace.keys.certificate
    with workspace.editing():
        _require_idle(workspace)
        old = [key for key in keys_in_use(folder) if key.keyid != current.keyid]
        if not old:
            raise ConflictError(
                "no certificate key is waiting to be retired",
                hint="`govsdk keys rotate certificate` brings in a new one first",
            )
        if old[0].pem.decode() != _predecessor(workspace, current):
            raise ConflictError(
                "the last rotation was not concluded", hint="make the call that rotates again"
            )
        said = KeyEvent(
            role="certificate",
            event="retired",
            key=old[0].pem.decode(),
            occurred_at=instant(workspace.clock()),
        )
        position = _append(workspace, said, current, old[0].keyid)
        retire_public(folder, old[0])
        workspace.reopen_ledger()
    log.info("govsdk.key.retired", role="certificate", key=old[0].keyid[:16])
    return position


def _name(workspace: Workspace, old: PublicKey, new: Signer) -> Position:
    """Let ``old`` name ``new`` in the ledger, and ``new`` itself; return where it did."""
    folder, about = workspace.places.keys, PublicKey.from_pem(new.public_pem)
    if {key.keyid for key in keys_in_use(folder)} - {old.keyid, about.keyid}:
        raise ConflictError(
            "retire the older certificate key first", hint="`govsdk keys retire certificate`"
        )
    keep_public(folder, old, about)
    workspace.reopen_ledger()
    said = KeyEvent(
        role="certificate",
        event="rotated",
        key=about.pem.decode(),
        occurred_at=instant(workspace.clock()),
    )
    _append(workspace, said, workspace.keys.certificate, about.keyid)
    created = said.model_copy(update={"event": "created", "predecessor": old.pem.decode()})
    return _append(workspace, created, new, about.keyid)


def _let_sign(workspace: Workspace, new: Signer, uri: str | None) -> None:
    """Put ``new``, which the ledger names, in force.

    A token's URI is written before its public half, a file's public half before the URI is removed:
    killed in between, the workspace opens, and what it would sign with is refused by the public
    half until the same call is made again.
    """
    folder = workspace.places.keys
    if uri is not None:
        workspace.save_config(signer=uri)
    write_file(folder / SIGNER_FILE, new.public_pem, mode=PUBLIC)
    if uri is None:
        workspace.save_config(signer=None)
        take_over(folder, NEXT_CERTIFICATE, CERTIFICATE_FILE)
    workspace.keys = replace(workspace.keys, certificate=new)
    workspace.reopen_ledger()


def _predecessor(workspace: Workspace, current: Signer) -> object:
    """Return the key, in PEM, in whose place the ledger says that ``current`` came; None: it is
    the first."""
    named = workspace.ledger.find(event_name("certificate", current.keyid, "created"))
    said = {} if named is None else parse_statement(parse_envelope(named[0]).payload).predicate
    return said.get("predecessor")


def rotate_log_key(workspace: Workspace) -> Position:
    """Let a new log key sign every head beside the present one; return where that began.

    Raises:
        ConflictError: A request is under way.
    """
    keys = workspace.keys
    with workspace.editing():
        _require_idle(workspace)
        _finish_retiring(workspace)
        coming = next_log_key(workspace.places.keys, keys.provider, workspace.entropy)
        assert coming is not None, "made where there is none"
        workspace.keys = replace(keys, log=replace(keys.log, next=coming))
        workspace.reopen_ledger()
        position = _append_log_event(workspace, "rotated", _vkey(workspace, coming))
    log.info("govsdk.key.rotated", role="log")
    return position


def retire_log_key(workspace: Workspace) -> Position:
    """End the overlap: heads are signed by the new log key alone, which becomes ``log.vkey``.

    Raises:
        ConflictError: A request is under way, or no rotation is to be concluded.
    """
    folder, keys = workspace.places.keys, workspace.keys
    with workspace.editing():
        _require_idle(workspace)
        retired, coming = _finish_retiring(workspace), keys.log.next
        if retired is not None:
            position = _append_log_event(workspace, "retired", retired)
            log.info("govsdk.key.retired", role="log")
            return position
        if coming is None:
            raise ConflictError(
                "no log key is waiting to be retired",
                hint="`govsdk keys rotate log` brings in a new one first",
            )
        # This head still has both signatures, so it opens under the new key as under the old.
        position = _append_log_event(workspace, "retired", keys.log.vkey)
        vkey = _vkey(workspace, coming)
        write_file(folder / VKEY_FILE, f"{vkey}\n".encode(), mode=PUBLIC)
        take_over(folder, NEXT_LOG, LOG_FILE)
        workspace.keys = replace(keys, log=FileNoteSigner(keys.log.origin, coming))
        workspace.reopen_ledger()
    log.info("govsdk.key.retired", role="log")
    return position


def _finish_retiring(workspace: Workspace) -> str | None:
    """Carry on a retirement that was killed once the new key's public half was in place.

    Returns:
        The verifier key that was being retired; None if no call was killed there.
    """
    folder, keys = workspace.places.keys, workspace.keys
    coming = next_log_key(folder, keys.provider)
    if coming is None or _vkey(workspace, coming) != keys.log.vkey:
        return None
    retired = log_key_in(folder / LOG_FILE, keys.provider)
    assert retired is not None, "replaced by the last step alone"
    take_over(folder, NEXT_LOG, LOG_FILE)
    return _vkey(workspace, retired)


def _vkey(workspace: Workspace, key: Ed25519Key) -> str:
    return str(VerifierKey(workspace.keys.log.origin, key.public))


def _append_log_event(workspace: Workspace, event: str, vkey: str) -> Position:
    said = KeyEvent.model_validate(
        {"role": "log", "event": event, "key": vkey, "occurredAt": instant(workspace.clock())}
    )
    return _append(workspace, said, workspace.keys.certificate, _name_of(vkey))


def _append(workspace: Workspace, said: KeyEvent, signer: Signer, name: str) -> Position:
    payload, once = _payload(workspace, said, name)
    # Looked for first: where a call is carried on, the key that signed may no longer be at hand.
    there = workspace.ledger.find(once)
    return there[1] if there else workspace.ledger.append(sign(payload, signer), once=once)


def _payload(workspace: Workspace, said: KeyEvent, name: str) -> tuple[bytes, str]:
    """Return the statement of a key event, and what it is called."""
    once = event_name(said.role, name, said.event)
    subject = workspace.line.current().resource
    return statement(Kind.KEY, [subject], said.public(), once=once), once


def _created(role: Role, key: str, at: Instant) -> KeyEvent:
    return KeyEvent(role=role, event="created", key=key, occurred_at=at)


def _name_of(vkey: str) -> str:
    return VerifierKey.parse(vkey).fingerprint.hex()


def _require_idle(workspace: Workspace) -> None:
    if not all(job.state.stage.terminal for job in jobs_of(workspace.places.jobs)):
        raise ConflictError(
            "a request is under way; carry it to its end first",
            hint="`govsdk requests` lists it; `govsdk abandon` gives it up",
        )
