"""Stamping: the ledger's head goes to a timestamp authority, and its answer is kept.

The answer lies in ``timestamps/<size>.tsr`` beside the log folder, once it was verified; the log is
complete without it. Off unless the configuration names an authority.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from govsdk.durable import PUBLIC, disk_error, write_file
from govsdk.errors import BackendError, RequestError
from govsdk.records import Instant
from govsdk.tlog.timestamps import MAX_TOKEN_BYTES, obtain_timestamp

if TYPE_CHECKING:
    from govsdk.govern.config import TimestampAuthority
    from govsdk.govern.workspace import Workspace

TIMESTAMPS = "timestamps"
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Stamp:
    """A head that was stamped."""

    size: int
    seen: Instant
    path: Path


def stamp_head(workspace: Workspace) -> Stamp:
    """Have the present head stamped by the configured authority; return where the answer lies.

    Raises:
        RequestError: The configuration names no authority, or a file without its certificate.
        BackendError: The authority does not answer.
        SignatureError, MalformedEvidenceError: Its answer does not verify; it was not kept.
    """
    authority = workspace.config.timestamps
    if authority is None:
        raise RequestError("no timestamp authority", hint="name one under `timestamps:`")
    head = workspace.ledger.head()
    answer, seen = obtain_timestamp(
        head, _certificates(authority), lambda request: _ask(authority, request)
    )
    path = workspace.ledger.folder / TIMESTAMPS / f"{head.size}.tsr"
    write_file(path, answer, mode=PUBLIC)
    return Stamp(head.size, seen, path)


def _certificates(authority: TimestampAuthority) -> bytes:
    try:
        return Path(authority.certificates).read_bytes()
    except OSError as cause:
        raise disk_error(cause, "reading the timestamp authority's certificate") from cause


def _ask(authority: TimestampAuthority, request: bytes) -> bytes:
    """Return the authority's answer, at most one byte too long."""
    try:
        if authority.url is None:
            done = subprocess.run(
                authority.command,
                input=request,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
                timeout=_TIMEOUT_SECONDS,
            )
            return done.stdout
        sent = Request(
            authority.url, data=request, headers={"Content-Type": "application/timestamp-query"}
        )
        with urlopen(sent, timeout=_TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(MAX_TOKEN_BYTES + 1)
            return content
    except (OSError, HTTPException, subprocess.SubprocessError) as cause:
        raise BackendError(f"the timestamp authority: {type(cause).__name__}") from cause
