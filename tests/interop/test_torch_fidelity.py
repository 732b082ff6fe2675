"""KID and FID by torch-fidelity's own network and functions, beside ours.

The pretrained weights cannot be had here: the network gets random ones, in a file like theirs. Its
package wants torchvision, which is built for another torch; what Inception never calls of it is
declared and left empty.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[2]
TORCHVISION = """
import re, sys, torch
while "torchvision" not in sys.modules:
    try:
        import torchvision
    except RuntimeError as missing:
        name = re.search(r"torchvision::\\w+", str(missing))[0]
        torch.library.define(name, "(Tensor x) -> Tensor")
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
"""
WEIGHTS = """
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

class Untrained(FeatureExtractorInceptionV3):
    def load_state_dict(self, state):
        pass

torch.manual_seed(0)
torch.save({}, place / "empty.pth")
network = Untrained("i", ["2048"], feature_extractor_weights_path=str(place / "empty.pth"))
torch.save(network.state_dict(), place / "weights.pth")
"""
COMPARED = """
import numpy as np
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kernel_poly, mmd2
from govsdk.errors import ModelCorruptError
from govsdk.models.inception import Inception
from govsdk.reference import people, renderer
from govsdk.verify.distances import frechet_distance, kernel_distance

shown = [renderer.photo(renderer.person(seed), 0) for seed in people.DEMO_PEOPLE[:40]]
dimmed = [(picture // 2).astype(np.uint8) for picture in shown]
network = Inception.load(place / "weights.pth")
first, second = (network.embed(each).embeddings for each in (shown, dimmed))
one, other = (torch.from_numpy(each.astype(np.float64)) for each in (first, second))
theirs = fid_statistics_to_metric(*map(fid_features_to_statistics, (one, other)), False)
pairs = ((first, first), (first, second), (second, second))
kernels = [kernel_poly(a.astype(float), b.astype(float)) for a, b in pairs]
refused = []
for name in ("empty.pth", "code.pth"):
    if name == "code.pth":
        torch.save({"x": Path(name)}, place / name)
    try:
        Inception.load(place / name)
    except ModelCorruptError:
        refused.append(name)
found = {
    "shape": first.shape,
    "frechet": [frechet_distance(first, second), theirs["frechet_inception_distance"]],
    "kernel": [
        kernel_distance(first, second, scale=first.shape[1]),
        float(mmd2(*kernels, mmd_est="u-statistic")),
    ],
    "same": kernel_distance(first, first, scale=first.shape[1]),
    "refused": refused,
}
"""
FORGOTTEN = """
import shutil
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.statements import Kind, parse_statement
from tests.workflow import world

world.build(place / "w")
shutil.copy(place / "weights.pth", place / "w" / "workspace" / "inception.pth")
opened = world.open_workspace(place / "w")
opened.config.model_copy(update={"inception": "inception.pth"}).save(opened.folder)
opened = world.open_workspace(place / "w")
result = opened.forget(world.SUBJECT, world.POLICY, request_id="r")
said = [parse_statement(parse_envelope(each).payload) for each in opened.ledger.entries()]
(plan,) = [each for each in said if each.kind is Kind.PLAN]
found = {
    "lines": sorted(
        f"{line.metric} {line.model}"
        for line in result.verifications[0].reported
        if line.recogniser == "inception"
    ),
    "claims": sorted({claim.recogniser for claim in result.verifications[0].claims}),
    "named": plan.predicate["features"] == [
        {"name": "inception", "digest": {"sha256": opened.features["inception"].sha256}}
    ],
}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torch-fidelity and torchvision, without what they would pull in."""
    folder = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = ["torch-fidelity==0.4.0", "torchvision", "tqdm"]
    subprocess.run([*pip, "--no-deps", "--target", str(folder), *wanted], check=True)
    return folder


@pytest.fixture(scope="module")
def place(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of weights."""
    folder = tmp_path_factory.mktemp("place")
    run(packages, folder, WEIGHTS + "\nfound = {}")
    return folder


def run(packages: Path, place: Path, program: str) -> dict[str, object]:
    """Return what ``program`` found, in a process that has the packages."""
    begin = f"import json\nfrom pathlib import Path\nplace = Path({str(place)!r})\n"
    code = begin + TORCHVISION + program + "\nprint(json.dumps(found))\n"
    path = f"{HERE}{os.pathsep}{packages}"
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_distances_are_those_of_torch_fidelity(packages: Path, place: Path) -> None:
    """FID and KID as its own functions compute them from its features; files of anything but the
    network's tensors are refused."""
    found = run(packages, place, COMPARED)

    assert found["shape"] == [40, 2048]
    for name in ("frechet", "kernel"):
        ours, theirs = found[name]
        assert ours == pytest.approx(theirs, rel=1e-3)
        assert ours > 0
    assert abs(found["same"]) < found["kernel"][0] / 10
    assert found["refused"] == ["empty.pth", "code.pth"]


def test_a_request_reports_them_and_judges_nothing_by_them(packages: Path, place: Path) -> None:
    """The network is named in the plan, its lines stand among those reported, no claim is its."""
    found = run(packages, place, FORGOTTEN)

    assert found["lines"] == [
        "frechet-distance after",
        "frechet-distance before",
        "kernel-distance after",
        "kernel-distance before",
    ]
    assert found["claims"] == ["A", "B"]
    assert found["named"] is True
