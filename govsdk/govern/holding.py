"""What a verifier holds beside a certificate, given as files: for ``verify`` and the SDK.

Needs no workspace and no extra: neither DuckDB nor a model library is loaded.
"""

from __future__ import annotations

from pathlib import Path

from govsdk.certify.standing import Held
from govsdk.errors import MissingError
from govsdk.ledger.view import ExportedLog
from govsdk.policy import Policy
from govsdk.tlog.notes import MAX_NOTE_BYTES, VerifierKey
from govsdk.tlog.signatures import PublicKey


def held_from(
    key: str | Path,
    log_key: str | Path,
    *,
    ledger: str | Path | None = None,
    since: str | Path | None = None,
    require: str | Path | Policy | None = None,
) -> Held:
    """Return what the files hold; an absent one is nothing held.

    Raises:
        MissingError: A file is not there.
        RequestError: ``key`` or ``log_key`` is not a key.
        PolicyError: ``require`` is no policy.
    """
    view = None
    if ledger is not None:
        view = ExportedLog(
            Path(ledger),
            key=PublicKey.from_pem(_read(Path(key))),
            log_key=VerifierKey.parse(_read(Path(log_key)).decode("ascii", "replace")),
        )
    policy = require if isinstance(require, Policy) or require is None else Policy.load(require)
    return Held(view, None if since is None else _read(Path(since)), policy)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except OSError as cause:
        raise MissingError(f"no file {path.name}") from cause
