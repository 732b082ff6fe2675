"""``reference info|evaluate``: the built-in world of invented people, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from govsdk.cli.outputs import require_folder
from govsdk.cli.progress import bars
from govsdk.cli.tables import fields, table
from govsdk.cli.verb import Answer, Verb, add_group
from govsdk.errors import MissingModelError
from govsdk.ports import GovernedModels, RecogniserSource


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {"info": info, "evaluate": evaluate}
    purpose = "The built-in world of invented people."
    add_group(app, "reference", verbs, purpose=purpose, panel="Try it")


def shipped_models() -> GovernedModels:
    """Return the reference world's generator and recognisers.

    Raises:
        MissingModelError: Its weights are not installed.
    """
    from govsdk.reference import world

    if not (world.weights_dir() / world.MANIFEST).is_file():
        raise MissingModelError(
            "the reference world's weights", hint="train them: python -m govsdk.reference.train"
        )
    records = world.calibration_paths()
    sources = {
        r: RecogniserSource(onnx, records[r]) for r, onnx in world.recogniser_paths().items()
    }
    return GovernedModels(
        world.generator_dir(), sources, guidance=world.GUIDANCE, steps=world.STEPS
    )


def info() -> Answer:
    """Show what is shipped: files, digests, seeds, how it was trained."""
    from govsdk.reference import world

    shipped_models()
    data = world.info()
    files = [(name, f"{f['size']:,}", f["sha256"]) for name, f in data["files"].items()]
    rest = {name: value for name, value in data.items() if name != "files"}
    return Answer(data, Group(fields(rest), Text(), table(("file", "bytes", "sha256"), files)))


def evaluate(
    pictures: Annotated[
        Path | None,
        typer.Option(help="Also write grids of photos and generations there.", metavar="DIR"),
    ] = None,
) -> Answer:
    """Recompute every figure of the model card from the shipped weights (minutes)."""
    from govsdk.reference.evaluate import evaluate as measure

    shipped_models()
    if pictures is not None:
        require_folder(pictures, "--pictures")
    with bars() as progress:
        data = measure(pictures=pictures, progress=progress)
    return Answer(data, fields(data))
