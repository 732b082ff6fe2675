"""``demo``: the whole job on invented people, in one command.

::

    DIR/.govsdk-demo           empty: says that the folder is the demo's
    DIR/photos/<name>/NN.png   pictures of invented people, drawn here
    DIR/keys/                  passphrases made up for the demo
    DIR/workspace/             the workspace
    DIR/checkpoints/           copies of each checkpoint, outside the workspace
    DIR/out/                   certificate, keys to check it with, receipt, summary, picture

- It writes only into a folder that was empty or absent, and marks it first; any other is refused.
- Every step finds what an earlier run left: called again after a kill, the demo goes on.
- It writes pictures of people before and after. Nothing else in govsdk does; these are invented.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from govsdk.cli.verb import Answer, add_verbs


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    add_verbs(app, {"demo": demo}, panel="Try it")


def demo(
    workspace: Annotated[
        Path,
        typer.Option(
            "--workspace", "-w", help="Where the demo lives: a folder of its own.", metavar="DIR"
        ),
    ] = Path("demo-workspace"),
    again: Annotated[
        bool, typer.Option("--again", help="Forget one more person in the same workspace.")
    ] = False,
) -> Answer:
    """Forget an invented person, prove it, and show the pictures. Minutes on two cores."""
    from govsdk.cli.demo.run import run

    return run(workspace, again=again)
