"""Requests on the command line: by the first characters of their name in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from govsdk.errors import RequestError

Request = Annotated[
    str,
    typer.Argument(
        help="The request's name in the ledger, or the first characters of it.",
        metavar="REQUEST",
        show_default=False,
    ),
]


def full_name(start: str, requests: Sequence[str]) -> str:
    """Return the one request whose name begins with ``start``."""
    found = [request for request in requests if request.startswith(start)]
    if len(found) != 1:
        raise RequestError(
            f"{len(found)} certificates begin so", hint="list them with `govsdk cert list`"
        )
    return found[0]
