"""``screen``: has anybody come back whom the model had forgotten?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Group
from rich.text import Text

from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.progress import bars
from govsdk.cli.tables import table
from govsdk.cli.verb import Answer, add_verbs
from govsdk.errors import VerdictError

if TYPE_CHECKING:
    from govsdk.govern.screening import Screened


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    add_verbs(app, {"screen": screen}, panel="Forgetting")


def screen(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Measure again whoever was forgotten, on the model in force; exit code 3 if anybody is back.

    The certificate of whoever came back is revoked, unless its policy says `regression: report`.
    """
    opened = open_workspace(workspace, keys)
    with bars() as progress:
        found = opened.screen(progress=progress)
    back = sum(each.came_back for each in found)
    columns = ("request", "policy", "hits", "of", "upper", "outcome", "certificate")
    view = Group(
        table(columns, map(_row, found)),
        Text(f"{back} of {len(found)} came back", style="bold red" if back else "green"),
    )
    return Answer([each.to_dict() for each in found], view, VerdictError.exit_code if back else 0)


def _row(each: Screened) -> tuple[object, ...]:
    said = each.screen
    return (
        *(each.request, each.policy, said.hits, said.probes_each, said.upper),
        "FAIL" if each.came_back else "PASS",
        "revoked" if each.revoked else "stands",
    )
