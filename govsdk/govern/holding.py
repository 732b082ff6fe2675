"""What a verifier holds, given as files: for ``verify`` and the SDK.

Needs no workspace and no extra: neither DuckDB nor a model library is loaded, and what reads a
ledger or a policy only where one is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.certify.bundles import MAX_BUNDLE_BYTES
from govsdk.certify.reproductions import Attached
from govsdk.certify.standing import Held
from govsdk.certify.timestamps import Timestamping
from govsdk.certify.witnesses import Witnessing
from govsdk.errors import MissingError, RequestError
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey

if TYPE_CHECKING:
    from govsdk.policy import Policy

Named = str | Path
"""A file, as the caller names it."""


def file(path: Named, what: str) -> bytes:
    """Return the file that the caller named as ``what``: its own name may hold a person's id.

    Of one that is larger than any evidence, so much that whatever reads it sees that.

    Raises:
        MissingError: It is not there.
    """
    try:
        with Path(path).open("rb") as opened:
            return opened.read(MAX_BUNDLE_BYTES + 1)
    except OSError as cause:
        raise MissingError(
            f"{what}: there is no file that can be read", hint="check the path"
        ) from cause


def vkey(path: Named, what: str) -> str:
    """Return the verifier key as the file spells it.

    Raises:
        MissingError: It is not there.
    """
    return file(path, what).decode("ascii", "replace")


def held_from(
    key: Named,
    log_key: Named,
    *,
    ledger: Named | None = None,
    ledger_key: Named | None = None,
    since: Named | None = None,
    require: Named | Policy | None = None,
) -> Held:
    """Return what the files hold; an absent one is nothing held.

    Args:
        ledger_key: The log's present key, under which ``ledger``, ``since`` and a later proof may
            be signed, if it is not ``log_key``.

    Raises:
        MissingError: A file is not there.
        RequestError: A key is not one.
        PolicyError: ``require`` is no policy.
    """
    view = None
    later = None if ledger_key is None else VerifierKey.parse(vkey(ledger_key, "ledger_key"))
    if ledger is not None:
        from govsdk.ledger.view import ExportedLog

        view = ExportedLog(
            Path(ledger),
            key=PublicKey.from_pem(file(key, "key")),
            log_key=later or VerifierKey.parse(vkey(log_key, "log_key")),
        )
    return Held(
        view,
        None if since is None else file(since, "since"),
        None if require is None else _policy(require),
        () if later is None else (later,),
    )


def attached_from(reproduction: Named | None, auditor_key: Named | None) -> Attached | None:
    """Return the reproduction that the files hold; None if there is none.

    Raises:
        MissingError: A file is not there.
        RequestError: One was given without the other, or the auditor's key is not a key.
    """
    if reproduction is None and auditor_key is None:
        return None
    if reproduction is None or auditor_key is None:
        raise RequestError(
            "a reproduction and its auditor's key go together",
            hint=f"add {'--reproduction' if reproduction is None else '--auditor-key'}",
        )
    auditor = PublicKey.from_pem(file(auditor_key, "auditor_key"))
    return Attached(file(reproduction, "reproduction"), auditor)


def proof_from(proof: Named | None, vkeys: Sequence[str], token: Named | None) -> bytes | None:
    """Return the ``.tlog-proof`` in a file; None if there is none.

    Raises:
        MissingError: There is no file ``proof``.
        RequestError: Neither witnesses nor a timestamp were given, so that nothing would read it.
    """
    if proof is None:
        return None
    if not vkeys and token is None:
        raise RequestError(
            "a proof leads to a head that witnesses cosigned or an authority stamped",
            hint="add --witness or --timestamp",
        )
    return file(proof, "proof")


def witnesses_from(vkeys: Sequence[str], quorum: int, proof: bytes | None) -> Witnessing | None:
    """Return the witnesses that ``vkeys`` spell; None if there are none.

    Raises:
        RequestError: A key is not one, or a quorum was asked of no witnesses.
    """
    if not vkeys:
        if quorum != 1:
            raise RequestError(f"no witnesses for a quorum of {quorum}", hint="add --witness")
        return None
    return Witnessing.parse(vkeys, quorum=quorum, proof=proof)


def timestamp_from(
    token: Named | None, authority: Named | None, proof: bytes | None
) -> Timestamping | None:
    """Return the timestamp in a file and whom to trust for it; None if there is none.

    Raises:
        MissingError: One of the files is not there.
        RequestError: One was given without the other.
    """
    if token is None and authority is None:
        return None
    if token is None or authority is None:
        raise RequestError(
            "a timestamp and its authority's certificate go together",
            hint=f"add {'--timestamp' if token is None else '--timestamp-ca'}",
        )
    return Timestamping(file(token, "timestamp"), file(authority, "timestamp_ca"), proof)


def _policy(given: Named | Policy) -> Policy:
    from govsdk.policy import Policy

    return given if isinstance(given, Policy) else Policy.load(given)
