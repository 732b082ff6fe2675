"""What of earlier trials a later request may take up."""

from __future__ import annotations

from pathlib import Path

from govsdk import KeyProvider, Workspace
from govsdk.govern.judging import _cache


def test_trials_under_another_measure_of_quality_are_drawn_again(place: Path) -> None:
    """A trial holds a quality, and what is called so is decided by the calibration records."""
    workspace = Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))
    _cache(workspace).put({"trial": b"embeddings and quality"})
    assert _cache(workspace).get(["trial"]) == {"trial": b"embeddings and quality"}

    others = {
        name: record.model_copy(
            update={"quality": record.quality.model_copy(update={"metric": "PreFIQs"})}
        )
        for name, record in workspace.calibrations.items()
    }
    assert others
    workspace.calibrations = others
    assert _cache(workspace).get(["trial"]) == {}
