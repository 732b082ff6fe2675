"""Train the reference world: ``python -m govsdk.reference.train --stage all --out DIR``.

- Stages, in order: data, recogniser-a, recogniser-b, calibration, autoencoder, generator, export,
  drawings, evaluation.
- Each resumes after ``kill -9`` from its last checkpoint. A finished stage returns at once, but for
  those that take seconds or a minute (calibration, export, evaluation): they are made again.
- Metrics are appended to ``DIR/metrics.jsonl``; a progress bar is drawn only on a terminal.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from govsdk.reference.autoencoder import train_autoencoder
from govsdk.reference.drawings import calibrate_drawings
from govsdk.reference.export import calibrate, export, measure
from govsdk.reference.photobook import draw_book
from govsdk.reference.plan import SHIPPED, TINY
from govsdk.reference.refine_autoencoder import refine_autoencoder
from govsdk.reference.runfolder import Run
from govsdk.reference.train_generator import train_generator
from govsdk.reference.train_recogniser import train_recogniser

PLANS = {"shipped": SHIPPED, "tiny": TINY}


def draw_data(run: Run) -> None:
    """Draw every photobook of the plan."""
    for name, (people, per_person) in run.plan.books().items():
        for done in draw_book(run.photos, name, people, per_person, workers=os.cpu_count() or 1):
            run.log("data", book=name, people=done)


def stages(to: Path, commands: list[str]) -> dict[str, Callable[[Run], object]]:
    """Return every stage by name, in order."""
    return {
        "data": draw_data,
        "recogniser-a": lambda run: train_recogniser(run, "a"),
        "recogniser-b": lambda run: train_recogniser(run, "b"),
        "calibration": calibrate,
        "autoencoder": lambda run: (train_autoencoder(run), refine_autoencoder(run)),
        "generator": train_generator,
        "export": lambda run: export(run, to, commands=commands),
        "drawings": lambda run: calibrate_drawings(run, to),
        "evaluation": lambda run: measure(run, to, commands=commands),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage or all of them; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m govsdk.reference.train", description="Train the reference world."
    )
    parser.add_argument("--stage", default="all", choices=["all", *stages(Path(), [])])
    parser.add_argument(
        "--out", type=Path, required=True, help="run folder: photos, checkpoints, metrics"
    )
    parser.add_argument("--weights", type=Path, help="where export writes (default: OUT/weights)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--plan", default="shipped", choices=sorted(PLANS))
    parser.add_argument(
        "--generator-steps", type=int, help="train the generator for another number of steps"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    plan = PLANS[given.plan]
    if given.generator_steps is not None:
        plan = replace(plan, generator_steps=given.generator_steps)
    device = (
        given.device if given.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    )
    run = Run(given.out, plan, given.seed, torch.device(device), progress=sys.stderr.isatty())
    to = given.weights or given.out / "weights"
    command = "python -m govsdk.reference.train --stage all --out DIR"
    command += f" --seed {given.seed} --plan {given.plan}"
    if given.generator_steps is not None:
        command += f" --generator-steps {given.generator_steps}"
    chosen = stages(to, [command])
    for name in [given.stage] if given.stage != "all" else list(chosen):
        run.log(name, event="start")
        chosen[name](run)
        run.log(name, event="end")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
