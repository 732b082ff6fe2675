"""Write what a run has learnt as the files govsdk ships, and the manifest that names each of them.

- Half-precision safetensors for what torch loads, single-precision ONNX for the recognisers;
  nothing pickled.
- The folder is built beside its place and renamed; a manifest is written last, when every digest
  is final.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from govsdk.models.calibrating import calibration_record, quality
from govsdk.models.modules import onnx_bytes
from govsdk.models.quiet import quiet
from govsdk.ports import Embedded
from govsdk.reference import world
from govsdk.reference.autoencoder import load_autoencoder
from govsdk.reference.evaluate import evaluate
from govsdk.reference.generator import build_scheduler, write_tokenizer
from govsdk.reference.parts import load_average
from govsdk.reference.photobook import open_book
from govsdk.reference.pictures import RECOGNISER_SIZE
from govsdk.reference.runfolder import Run
from govsdk.reference.train_recogniser import embed, load_recogniser

MANIFEST_VERSION = 1


def calibrate(run: Run) -> None:
    """Write both recognisers and their calibration records into ``recognisers`` of the run."""
    folder = run.folder / "recognisers"
    folder.mkdir(parents=True, exist_ok=True)
    people, per_person = run.plan.books()["calibration"]
    book = open_book(run.photos, "calibration", people, per_person)
    for name in ("a", "b"):
        net = load_recogniser(run, name)
        onnx = folder / f"recogniser_{name}.onnx"
        onnx.write_bytes(onnx_bytes(net.cpu(), side=RECOGNISER_SIZE))
        _write_tensors(net, folder / f"recogniser_{name}.safetensors")
        raw = embed(net.to(run.device), book.reshape(-1, *book.shape[2:])).numpy()
        record = calibration_record(
            Embedded(raw, quality(raw).astype(np.float32)),
            per_person,
            recogniser=f"govsdk-reference-{name}",
            sha256=hashlib.sha256(onnx.read_bytes()).hexdigest(),
            seed=run.seed,
            resamples=run.plan.bootstrap,
        ).public()
        write_json(folder / f"calibration_{name}.json", record)
        run.log(
            "calibration",
            recogniser=name,
            thresholds=record["thresholds"],
            angle=record["genuineAngle"],
        )


def export(
    run: Run, to: Path, *, commands: list[str], metrics: dict[str, Any] | None = None
) -> None:
    """Replace the folder ``to`` by the shipped form of what ``run`` has learnt so far."""
    staging = to.with_name(to.name + ".staging")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(run.folder / "recognisers", staging)
    _write_generator(run, staging / "generator")
    for path in staging.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    write_manifest(staging, run, commands=commands, metrics=metrics or {})
    old = to.with_name(to.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if to.exists():
        os.replace(to, old)
    os.replace(staging, to)
    shutil.rmtree(old, ignore_errors=True)


def measure(run: Run, weights: Path, *, commands: list[str]) -> None:
    """Evaluate an exported folder and put the figures into its manifest and the run's metrics."""
    plan = run.plan
    figures = evaluate(
        weights,
        people=plan.people_evaluation,
        photos=plan.photos_evaluation,
        conditions=plan.conditions_evaluation,
        workers=os.cpu_count() or 1,
        pictures=run.folder / "grids",
    )
    run.log("evaluation", **figures)
    write_manifest(weights, run, commands=commands, metrics=figures)


def write_manifest(folder: Path, run: Run, *, commands: list[str], metrics: dict[str, Any]) -> None:
    """Write (or rewrite) the manifest of an exported folder."""
    state = run.load("generator")
    manifest = {
        "version": MANIFEST_VERSION,
        "name": "govsdk reference world",
        "seed": run.seed,
        "plan": run.plan.to_dict(),
        "generatorSteps": int(state["step"]) if state else 0,
        "history": _history(run),
        "commands": commands,
        "metrics": metrics,
        "files": world.list_files(folder),
    }
    write_json(folder / world.MANIFEST, manifest)


def _history(run: Run) -> list[str]:
    """Return what was changed by hand while a run went on: one line each in ``history.txt``."""
    path = run.folder / "history.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _write_generator(run: Run, folder: Path) -> None:
    parts, vae = load_average(run), load_autoencoder(run)
    with quiet():
        parts.unet.half().save_pretrained(folder / "arc2face")
        parts.text_encoder.half().save_pretrained(folder / "encoder")
        vae.half().save_pretrained(folder / "vae")
    write_tokenizer(folder / "tokenizer")
    build_scheduler().save_pretrained(folder / "scheduler")
    for path in folder.rglob("config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        write_json(path, config)


def _write_tensors(net: torch.nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    save_file(
        {
            k: (v.half() if v.is_floating_point() else v).contiguous()
            for k, v in net.state_dict().items()
        },
        path,
    )


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as a file that people read, too."""
    path.write_text(json.dumps(value, indent=2, default=_plain) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    if isinstance(value, (np.floating, np.integer)):
        return value.item()
    raise TypeError(type(value).__name__)
