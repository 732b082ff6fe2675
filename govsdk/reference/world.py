"""Where the shipped reference world lies and what its manifest says. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"

GUIDANCE = 1.5
"""Scale of classifier-free guidance that the generator is drawn with: more of it damages eyes, and
adds nothing to identity."""

STEPS = 8
"""Denoising steps for one picture: 15 add nothing to identity, and take 1.7 times as long."""


def weights_dir() -> Path:
    """Return the folder of the shipped weights."""
    return Path(__file__).resolve().parent / "weights"


def generator_dir() -> Path:
    """Return the generator's folder, in Arc2Face's layout."""
    return weights_dir() / "generator"


def recogniser_paths() -> dict[str, Path]:
    """Return the ONNX files of recognisers "A" and "B"."""
    return {name: weights_dir() / f"recogniser_{name.lower()}.onnx" for name in ("A", "B")}


def calibration_paths() -> dict[str, Path]:
    """Return the calibration records of recognisers "A" and "B"."""
    return {name: weights_dir() / f"calibration_{name.lower()}.json" for name in ("A", "B")}


def info(weights: Path | None = None) -> dict[str, Any]:
    """Return the manifest: seed, plan, commands, measured figures, size and digest of every file.

    Raises:
        FileNotFoundError: the weights are not installed.
    """
    text = ((weights or weights_dir()) / MANIFEST).read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and SHA-256 of every file below ``folder`` except the manifest, by POSIX path."""
    return {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
