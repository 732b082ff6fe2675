"""``cert svr``: a certificate for policy engines that do not know it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from govsdk.cli.naming import Request, full_name
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.outputs import require_file
from govsdk.cli.tables import fields
from govsdk.cli.verb import Answer, Verb
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import ConflictError


def cert_svr(
    request: Request,
    file: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Write a certificate's in-toto summary (SVR v0.2), e.g. GOVSDK_FORGOTTEN, for policy engines.

    Refused for a certificate that was revoked or superseded.
    """
    from govsdk.certify.summaries import properties, summary
    from govsdk.govern.withdrawing import is_withdrawn

    require_file(file, "FILE")
    opened = open_workspace(workspace, keys)
    name = full_name(request, opened.certificates())
    if is_withdrawn(opened, name):
        raise ConflictError(
            "the certificate was withdrawn: there is nothing to sum up",
            hint="`govsdk cert list` says which certificates stand",
        )
    certificate = opened.certificate(name)
    write_file(file, summary(certificate.bundle, opened.keys.certificate), mode=PUBLIC)
    found = properties(certificate.says)
    data = {"request": name, "file": str(file), "properties": found}
    return Answer(data, fields({**data, "properties": ", ".join(found)}))


VERBS: dict[str, Verb] = {"svr": cert_svr}
"""Of ``cert``."""
