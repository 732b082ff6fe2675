"""``calibrate``: what a recogniser's scores mean, measured on the caller's own photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from govsdk.cli.outputs import require_file
from govsdk.cli.progress import bars
from govsdk.cli.tables import fields, table
from govsdk.cli.verb import Answer, add_verbs
from govsdk.durable import PUBLIC, write_file
from govsdk.models.calibration import CalibrationRecord


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    add_verbs(app, {"calibrate": calibrate}, panel="Policies and models")


def calibrate(
    people: Annotated[
        Path,
        typer.Argument(
            help="A folder with one folder of aligned face crops per person: people who serve "
            "nothing else.",
            metavar="PEOPLE",
            show_default=False,
        ),
    ],
    recogniser: Annotated[
        Path, typer.Argument(help="Its ONNX file.", metavar="MODEL.onnx", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The record to write.", metavar="FILE")] = Path(
        "calibration.json"
    ),
    name: Annotated[str, typer.Option(help="What the record calls it.")] = "recogniser",
    fmr: Annotated[
        list[str] | None,
        typer.Option(
            help="A false match rate to calibrate; may stand several times. Default: those of the "
            "shipped policies, 0.01, 0.001 and 0.0001.",
            metavar="RATE",
        ),
    ] = None,
    photos: Annotated[int, typer.Option(min=3, help="Photos used of each person.")] = 4,
    model: Annotated[
        Path | None,
        typer.Option(help="A generator: calibrate its drawings, too.", metavar="FOLDER"),
    ] = None,
    conditioner: Annotated[
        Path | None,
        typer.Option(
            help="The recogniser that --model draws from, where it is another one.",
            metavar="MODEL.onnx",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Sampling steps of a drawing.")] = 15,
    guidance: Annotated[
        float, typer.Option(min=0, max=30, help="Scale of a drawing's classifier-free guidance.")
    ] = 3.0,
    prefiqs: Annotated[
        bool,
        typer.Option(
            "--prefiqs",
            help="Measure quality by pruning (PreFIQs) instead of by the raw embedding's length.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the bootstrap and of the drawings.")] = 0,
) -> Answer:
    """Measure a recogniser's thresholds, with intervals; `init` takes the record."""
    from govsdk.govern import calibrating
    from govsdk.govern.config import Sampling
    from govsdk.models.calibrating import RATES

    require_file(out, "--out")
    with bars() as progress:
        done = calibrating.calibrate(
            people,
            recogniser,
            name=name,
            fmr=fmr or RATES,
            photos=photos,
            model=model,
            conditioner=conditioner,
            sampling=Sampling(steps=steps, guidance=guidance),
            metric="PreFIQs" if prefiqs else "raw embedding length",
            seed=seed,
            progress=progress,
        )
    record = done.record
    write_file(out, json.dumps(record.public(), indent=2).encode() + b"\n", mode=PUBLIC)
    data = {
        "file": str(out),
        "digest": record.digest,
        "people": record.people,
        "leftOut": done.left_out,
    }
    return Answer({**data, "record": record.public()}, Group(_points(record), "", fields(data)))


def _points(record: CalibrationRecord) -> RenderableType:
    """Return the thresholds as a table."""
    faces = {"photos": (record.thresholds, record.tar_at_fmr)}
    if record.generated is not None:
        faces["drawings"] = (record.generated.thresholds, record.generated.tar_at_fmr)
    return table(
        ("of", "FMR", "threshold", "low", "high", "TAR"),
        [
            (of, p.fmr, p.threshold, p.low, p.high, accepted[p.fmr])
            for of, (points, accepted) in faces.items()
            for p in points
        ],
    )
