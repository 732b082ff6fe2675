"""The model card: its table is the manifest's, and the manifest's figures are the weights'."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from govsdk.reference import world

CARD = Path(__file__).parents[3] / "docs" / "reference_world.md"
MANIFEST: Mapping[str, Any] = json.loads((world.weights_dir() / world.MANIFEST).read_text())

GOALS = {
    "recognisers/{}/rank1": (0.99, 0.99),
    "recognisers/{}/tar/0.001": (0.98, 0.98),
    "recognisers/{}/tar/0.0001": (0.95, 0.95),
    "recognisers/{}/pairTar/0.001": (0.98, 0.98),
    "recognisers/{}/pairTar/0.0001": (0.95, 0.95),
    "generator/{}/matchRate": (0.95, 0.90),
    "generator/{}/rank1": (0.90, 0.90),
}
"""The least that the reference world is to reach, under A and under B."""

ROWS = {
    "recogniser: rank-1": "recognisers/{}/rank1",
    "recogniser: TAR at FMR 1e-3": "recognisers/{}/tar/0.001",
    "recogniser: TAR at FMR 1e-4": "recognisers/{}/tar/0.0001",
    "photo against photo: TAR at FMR 1e-3": "recognisers/{}/pairTar/0.001",
    "photo against photo: TAR at FMR 1e-4": "recognisers/{}/pairTar/0.0001",
    "generator: match rate at FMR 1e-3": "generator/{}/matchRate",
    "generator: rank-1 of 200": "generator/{}/rank1",
    "generator: mean cosine (threshold at 1e-3)": "generator/{}/cosine",
    "generator: pictures above the quality floor": "generator/{}/aboveQualityFloor",
}


def at(metrics: Mapping[str, Any], path: str, recogniser: str) -> float:
    """Return the figure under ``path``."""
    value: Any = metrics
    for step in path.format(recogniser).split("/"):
        value = value[step]
    return float(value)


@pytest.mark.parametrize("row", ROWS)
def test_the_table_is_the_manifests(row: str) -> None:
    """Each figure of the card as it was measured, to three digits."""
    (cells,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", CARD.read_text(), re.MULTILINE)
    shown = [float(cell.split()[0]) for cell in cells.split("|")[:2]]

    assert shown == [round(at(MANIFEST["metrics"], ROWS[row], name), 3) for name in "ab"]


@pytest.mark.parametrize("path", GOALS)
def test_the_manifest_meets_the_goals(path: str) -> None:
    """Under both recognisers."""
    found = [at(MANIFEST["metrics"], path, name) for name in "ab"]
    assert all(value >= goal for value, goal in zip(found, GOALS[path], strict=True)), found


@pytest.mark.slow
def test_the_weights_are_measured_so() -> None:
    """Everything measured again: a percentage point or two may be the machine's."""
    from govsdk.reference.evaluate import evaluate

    found = evaluate()

    for path in {*GOALS, *ROWS.values()}:
        for name in "ab":
            kept = at(MANIFEST["metrics"], path, name)
            assert at(found, path, name) == pytest.approx(kept, abs=0.02), (path, name)
    swap = found["swap"]
    assert swap["piuBlocksReadOther/a"]["cosineToOther"] > 0.9
    assert abs(swap["piuBlocksReadOther/a"]["cosineToOwn"]) < 0.1
    assert swap["remainingBlocksReadOther/a"]["cosineToOwn"] > 0.9
