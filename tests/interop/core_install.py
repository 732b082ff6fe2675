"""govsdk as an auditor installs it: in an environment of its own, without any extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.interop.pages import DOCS


def install(folder: Path) -> Path:
    """Install govsdk with its core dependencies only; return the environment's interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(DOCS.parent)], check=True)
    return python


def megabytes(python: Path) -> dict[str, float]:
    """Return the size of each installed package in MB (10**6 bytes), largest first."""
    (libraries,) = python.parents[1].glob("lib/python*/site-packages")
    sizes = {place.name: _bytes(place) / 1e6 for place in libraries.iterdir()}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _bytes(place: Path) -> int:
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file())
