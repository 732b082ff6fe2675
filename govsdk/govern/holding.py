"""What a verifier holds beside a certificate, given as files: for ``verify`` and the SDK.

Needs no workspace and no extra: neither DuckDB nor a model library is loaded, and what reads a
ledger or a policy only where one is held.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.certify.standing import Held
from govsdk.errors import MissingError
from govsdk.tlog.notes import MAX_NOTE_BYTES, VerifierKey
from govsdk.tlog.signatures import PublicKey

if TYPE_CHECKING:
    from govsdk.policy import Policy


def held_from(
    key: str | Path,
    log_key: str | Path,
    *,
    ledger: str | Path | None = None,
    ledger_key: str | Path | None = None,
    since: str | Path | None = None,
    require: str | Path | Policy | None = None,
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
    view, later = None, () if ledger_key is None else (_log_key(ledger_key, "ledger_key"),)
    if ledger is not None:
        from govsdk.ledger.view import ExportedLog

        view = ExportedLog(
            Path(ledger),
            key=PublicKey.from_pem(_read(Path(key), "key")),
            log_key=later[0] if later else _log_key(log_key, "log_key"),
        )
    older = None if since is None else _read(Path(since), "since")
    return Held(view, older, None if require is None else _policy(require), later)


def _log_key(path: str | Path, what: str) -> VerifierKey:
    return VerifierKey.parse(_read(Path(path), what).decode("ascii", "replace"))


def _policy(given: str | Path | Policy) -> Policy:
    from govsdk.policy import Policy

    return given if isinstance(given, Policy) else Policy.load(given)


def _read(path: Path, what: str) -> bytes:
    """Return the file that the caller named as ``what``: its own name may hold a person's id."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except OSError as cause:
        raise MissingError(
            f"{what}: there is no file that can be read", hint="check the path"
        ) from cause
