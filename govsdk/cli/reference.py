"""``reference info|evaluate``: the built-in world of invented people and what its models achieve."""

from __future__ import annotations

import typer

from govsdk.cli.progress import bars
from govsdk.cli.tables import fields
from govsdk.cli.verb import Answer, verb


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    reference = typer.Typer(
        help="The built-in world of invented people.", no_args_is_help=True
    )
    verb(reference, "info")(info)
    verb(reference, "evaluate")(evaluate)
    app.add_typer(reference, name="reference", rich_help_panel="Try it")


def info() -> Answer:
    """Show what is shipped: files, digests, seeds, how it was trained."""
    from govsdk.reference import world

    data = world.info()
    return Answer(data, fields(data))


def evaluate() -> Answer:
    """Recompute every figure of the model card from the shipped weights (minutes)."""
    from govsdk.reference.evaluate import evaluate as measure

    with bars() as progress:
        data = measure(progress=progress)
    return Answer(data, fields(data))
