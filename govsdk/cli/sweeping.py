"""``evidence sweep``: sealed evidence comes to its end."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.plain import plain
from govsdk.cli.tables import table
from govsdk.cli.verb import Answer, add_group


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    purpose = "Keep and destroy sealed evidence."
    add_group(app, "evidence", {"sweep": sweep}, purpose=purpose, panel="Evidence")


def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what expired.")] = False,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Destroy expired residuals and log it: their certificates are no longer re-verifiable."""
    from govsdk.govern.sweeping import sweep as destroy

    found = destroy(open_workspace(workspace, keys), dry_run=dry_run)
    if not found:
        return Answer([], "nothing has expired")
    word = "expired" if dry_run else "destroyed; these certificates are no longer re-verifiable"
    rows = [(each.request, each.expired_at, each.entry) for each in found]
    view = Group(table(("request", "expired", "entry"), rows), Text(f"{len(found)} {word}"))
    return Answer(plain(found), view)
