from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from govsdk.canonical import sha256_hex
from govsdk.cli.main import call
from govsdk.models import layout
from govsdk.reference.renderer import person, photo
from govsdk.report.pillow import write_png

DIMENSION = 16
PEOPLE = ("ada", "bo", "cleo")


@dataclass(frozen=True)
class Called:
    """How a call ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  JSON has no narrower type
        return json.loads(self.out)


Govsdk = Callable[..., Called]


@pytest.fixture
def govsdk(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Govsdk:
    """The command line, called in this process, outside of any workspace."""
    for name in ("GOVSDK_WORKSPACE", "GOVSDK_KEYS", "GOVSDK_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Called:
        capfd.readouterr()
        code = call([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Called(code, out, err)

    return run


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options of `init` for two linear recognisers and a generator that is files without a use."""
    folder = tmp_path_factory.mktemp("models")
    for component in layout.COMPONENTS:
        place = folder / "generator" / component.name
        place.mkdir(parents=True)
        for name in (component.config, *component.weights[:1], *component.extras):
            (place / name).write_bytes(b"{}")
    options = ["--model", str(folder / "generator")]
    for seed, role in enumerate("AB"):
        file, record = folder / f"{role}.onnx", folder / f"{role}.json"
        file.write_bytes(_linear_recogniser(seed))
        record.write_text(json.dumps(_calibration(role, file)))
        options += ["--recogniser", f"{role}={file}:{record}"]
    return options


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, models: list[str]) -> Path:
    """A new workspace, its keys, and photos of people who are not enrolled; to be copied."""
    folder = tmp_path_factory.mktemp("built")
    init = ["init", str(folder / "workspace"), *models, "--keys", str(folder / "keys")]
    assert call([*init, "--generate-keys", "--quiet"]) == 0
    for seed, name in enumerate(PEOPLE):
        for number in range(2):
            write_png(folder / "people" / name / f"{number}.png", photo(person(seed), number))
    return folder


@pytest.fixture(scope="session")
def populated(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with everybody enrolled; to be copied."""
    folder = tmp_path_factory.mktemp("populated") / "place"
    shutil.copytree(built, folder)
    where = ["--workspace", str(folder / "workspace"), "--keys", str(folder / "keys")]
    assert call(["enroll", str(folder / "people"), "--people", *where, "--quiet"]) == 0
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the new workspace, named by the environment."""
    return _enter(built, tmp_path / "place", monkeypatch)


@pytest.fixture
def enrolled(populated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workspace with everybody enrolled, named by the environment."""
    return _enter(populated, tmp_path / "place", monkeypatch)


def _enter(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(source, target)
    monkeypatch.setenv("GOVSDK_WORKSPACE", str(target / "workspace"))
    monkeypatch.setenv("GOVSDK_KEYS", str(target / "keys"))
    return target


def _linear_recogniser(seed: int) -> bytes:
    """Return an ONNX network with InsightFace's conventions: pooled pixels times a matrix."""
    matrix = np.random.default_rng(seed).normal(size=(3 * 7 * 7, DIMENSION)).astype(np.float32)
    window = {"kernel_shape": [16, 16], "strides": [16, 16]}
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["picture"], ["pooled"], **window),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
        ],
        "linear",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIMENSION])],
        [numpy_helper.from_array(matrix, "matrix")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _calibration(role: str, file: Path) -> dict[str, object]:
    """Return a record that accepts nearly everything."""
    return {
        "recogniser": role,
        "recogniserSha256": sha256_hex(file.read_bytes()),
        "people": 776,
        "photosPerPerson": 2,
        "impostorComparisons": 4,
        "genuineComparisons": 2,
        "thresholds": [
            {"fmr": fmr, "threshold": "0.0", "low": "-0.9", "high": "0.5"}
            for fmr in ("0.01", "0.001", "0.0001")
        ],
        "genuineAngle": {"p50": "0.1", "p95": "0.2", "p999": "0.3"},
        "quality": {"metric": "raw embedding length", "p01": "0.000001"},
        "seed": 0,
    }
