"""``init``: create a workspace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from govsdk.cli.opening import KeysFolder
from govsdk.cli.outputs import require_folder
from govsdk.cli.reference import shipped_models
from govsdk.cli.tables import fields
from govsdk.cli.verb import Answer, add_verbs
from govsdk.errors import MissingKeyError, RequestError
from govsdk.ports import GovernedModels, RecogniserSource

if TYPE_CHECKING:
    from govsdk.certify.passphrases import KeyProvider

REFERENCE = "reference"

REUSED = (
    "The passphrases that lay in the folder of --keys were kept and used: what they opened before, "
    "if anything, they still open, and this workspace besides."
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    add_verbs(app, {"init": init}, panel="Workspace")


def init(
    folder: Annotated[
        Path, typer.Argument(help="The folder to create.", metavar="DIR", show_default=False)
    ],
    model: Annotated[
        str,
        typer.Option(
            help="The generator to govern: a folder in Arc2Face's layout, a hub name in the local "
            "cache, or 'reference' for the small built-in world of invented people.",
        ),
    ] = REFERENCE,
    guidance: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=30,
            help="Scale of classifier-free guidance that the generator is drawn with. Default: 3, "
            "Arc2Face's; 'reference' has its own.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            help="Denoising steps that a picture is drawn in. Default: 15; 'reference' has its "
            "own.",
        ),
    ] = None,
    recogniser: Annotated[
        list[str] | None,
        typer.Option(
            help="ROLE=MODEL.onnx[:CALIBRATION.json]. A conditions the generator and may steer an "
            "edit, B only judges. Give both with a model of your own.",
            metavar="ROLE=FILE",
        ),
    ] = None,
    keys: KeysFolder = None,
    generate_keys: Annotated[
        bool,
        typer.Option("--generate-keys", help="Write random passphrases into the folder of --keys."),
    ] = False,
    name: Annotated[str | None, typer.Option(help="A name for people to read.")] = None,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder outside the workspace that gets a copy of every checkpoint: what makes "
            "a rollback of the whole workspace detectable.",
            metavar="DIR",
        ),
    ] = None,
) -> Answer:
    """Create a workspace around a generator and its two recognisers."""
    from govsdk.certify.passphrases import NAMES, filed
    from govsdk.govern.workspace import Workspace

    keys = _apart(keys, folder)
    require_folder(folder, "DIR")
    reused = filed(keys)
    if generate_keys and len(reused) < len(NAMES):
        require_folder(keys, "--keys")
    for place in anchor or ():
        require_folder(place, "--anchor")
    if recogniser and model == REFERENCE:
        raise RequestError(
            "--recogniser without --model",
            hint="name the generator with --model: the built-in world has recognisers of its own",
        )
    models = governed(model, recogniser or [])
    if guidance is not None:
        models = replace(models, guidance=guidance)
    if steps is not None:
        models = replace(models, steps=steps)
    workspace = Workspace.create(
        folder,
        models=models,
        keys=passphrases(keys, generate=generate_keys),
        name=name,
        anchors=anchor or (),
    )
    data = {
        "workspace": str(workspace.folder),
        "name": workspace.config.name,
        "origin": workspace.config.origin,
        "model": workspace.line.current().digest,
        "recognisers": sorted(workspace.config.recognisers),
        "checkpointCopies": list(workspace.config.anchors),
        "passphrasesReused": reused,
    }
    said = Text(f"{REUSED}\n" if generate_keys and reused else "", end="")
    return Answer(data, Group(said, fields(data)))


def _apart(keys: Path | None, workspace: Path) -> Path:
    """Return the folder of passphrases, if one was given that does not lie in the workspace."""
    if keys is None:
        raise MissingKeyError(
            "no folder of passphrases was given",
            hint="add --keys DIR; with --generate-keys, new passphrases are written there. Keep "
            "the folder apart from the workspace: together they open everything",
        )
    if keys.resolve().is_relative_to(workspace.resolve()):
        raise RequestError(
            "the folder of --keys lies inside the workspace",
            hint="keep them apart: together they open everything",
        )
    return keys


def passphrases(folder: Path, *, generate: bool) -> KeyProvider:
    """Return the passphrases in ``folder``; those that it lacks are written if ``generate``.

    Raises:
        MissingKeyError: It lacks some, and none is to be written.
    """
    from govsdk.certify.passphrases import NAMES, KeyProvider, file_of, filed

    if generate:
        return KeyProvider.generate(folder)
    lacking = [file_of(name) for name in NAMES if name not in filed(folder)]
    if lacking:
        raise MissingKeyError(
            f"the folder of --keys has no {', '.join(lacking)}",
            hint="check the path; with --generate-keys, random passphrases are written there",
        )
    return KeyProvider.from_folder(folder)


def governed(model: str, recognisers: list[str]) -> GovernedModels:
    """Return the models that ``--model`` and ``--recogniser`` name.

    Raises:
        RequestError: A recogniser is not ``ROLE=FILE``, or none was given for a model of one's own.
    """
    if model == REFERENCE and not recognisers:
        return shipped_models()
    sources = dict(_source(text) for text in recognisers)
    if set(sources) != {"A", "B"}:
        raise RequestError(
            f"recognisers given: {', '.join(sorted(sources)) or 'none'}",
            hint="give --recogniser A=FILE and --recogniser B=FILE",
        )
    return GovernedModels(generator=Path(model), recognisers=sources)


def _source(text: str) -> tuple[str, RecogniserSource]:
    role, equals, files = text.partition("=")
    if not equals or not files:
        raise RequestError("--recogniser", hint="write ROLE=MODEL.onnx:CALIBRATION.json")
    onnx, _, calibration = files.partition(":")
    return role, RecogniserSource(Path(onnx), Path(calibration) if calibration else None)
