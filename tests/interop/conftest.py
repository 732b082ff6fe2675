from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evidence import keys
from tests.interop.forgeries import FORGERIES, HONEST, World

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / "demo-workspace" / "out"
HANDED = ("certificate.sigstore.json", "signer.pub.pem", "log.vkey")

Handed = Callable[[str], Path]
"""Returns a folder as an auditor gets it, with the certificate that is named."""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One honest operator."""
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def handed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Handed:
    """Folders of certificate and keys, made once each; the keys are always the honest ones."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("handed")
            hand_over(FORGERIES[name](world), made[name])
        return made[name]

    return folder


@pytest.fixture(scope="session")
def demonstrated(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a finished demo of this checkout hands out; the honest one where none ran."""
    folder = tmp_path_factory.mktemp("demonstrated")
    if (DEMO / "summary.json").exists():
        for name in HANDED:
            shutil.copy(DEMO / name, folder)
    else:
        hand_over(FORGERIES[HONEST](world), folder)
    return folder


def hand_over(certificate: bytes, folder: Path) -> None:
    """Write what an auditor gets."""
    public = keys().certificate.public_pem
    for name, content in zip(
        HANDED, (certificate, public, f"{keys().log.vkey}\n".encode()), strict=True
    ):
        (folder / name).write_bytes(content)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """@sigstore/verify, installed from npm as locked in package-lock.json."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed, so @sigstore/verify cannot run")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        env={**os.environ, "npm_config_update_notifier": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "node_modules"
