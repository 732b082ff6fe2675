"""``disperse``: scatter a person in a face recogniser, and measure whether it still finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from govsdk.cli.forgetting import PolicyName, attacks, claims
from govsdk.cli.opening import KeysFolder, Subject, WorkspaceFolder, open_workspace
from govsdk.cli.progress import bars
from govsdk.cli.tables import cell, fields
from govsdk.cli.verb import Answer, add_verbs
from govsdk.errors import VerdictError


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    add_verbs(app, {"disperse": disperse}, panel="Forgetting")


def disperse(
    subject: Subject,
    recogniser: Annotated[
        Path,
        typer.Option(help="The recogniser in use.", metavar="MODEL.onnx", show_default=False),
    ],
    calibration: Annotated[
        Path,
        typer.Option(help="Its calibration record.", metavar="FILE", show_default=False),
    ],
    network: Annotated[
        str,
        typer.Option(
            help="The class or function that makes its torch module; it is imported and called.",
            metavar="MODULE:NAME",
            show_default=False,
        ),
    ],
    weights: Annotated[
        Path,
        typer.Option(help="The module's tensors, safetensors.", metavar="FILE", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option(help="A new folder for the result.", metavar="DIR", show_default=False)
    ],
    policy: PolicyName = "quickstart",
    steps: Annotated[int, typer.Option(min=0, help="Steps of teaching.")] = 150,
    seed: Annotated[
        int, typer.Option(help="Same seed and machine, same recogniser, on a CPU.")
    ] = 0,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Scatter a person in a face recogniser; no certificate, nothing in the workspace changes."""
    from govsdk.govern.dispersing import RecogniserInUse
    from govsdk.unlearn.dispersion import DispersionSettings

    opened = open_workspace(workspace, keys)
    with bars() as progress:
        done = opened.disperse(
            subject,
            policy,
            recogniser=RecogniserInUse(recogniser, calibration, network, weights),
            out=out,
            settings=DispersionSettings(steps=steps),
            seed=seed,
            progress=progress,
        )
    found = done.examination
    reported = {
        f"{line.name} {line.model}": line.value
        if line.events is None
        else f"{line.events} of {line.trials}"
        for line in found.reported
    }
    controls = {
        f"control {each.name}": f"{each.events} of {each.trials}"
        + ("" if each.passed else ", NOT PASSED")
        for each in found.controls
    }
    shown = Group(
        Text(f"{found.verdict.value} ({done.policy})", style=cell(found.verdict.value).style),
        Text("measured on the recogniser alone; not certified"),
        Text(),
        claims(found.claims),
        Text(),
        attacks(found.attacks),
        Text(),
        fields({**controls, **reported, "folder": str(out)}),
    )
    data = {**done.to_dict(), "folder": str(out)}
    return Answer(data, shown, 0 if done.ok else VerdictError.exit_code)
