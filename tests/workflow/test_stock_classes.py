"""Models load and draw where there is no govsdk: docs/reference_world.md, run as it stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from govsdk.models.generator import Generator
from govsdk.ports import SubjectId
from govsdk.reference.world import GUIDANCE, STEPS, generator_dir
from tests.interop.pages import Block, blocks, require, run
from tests.workflow import world

RECIPE = blocks("reference_world.md")["stock-classes"]
SEED = 7
"""The recipe's."""
_BLOCK = 'raise ImportError("govsdk is not installed here")\n'


@pytest.fixture(params=["shipped", "published"])
def model(request: pytest.FixtureRequest, forgotten: Path) -> Path:
    """The generator as shipped, and as a forgetting published it."""
    published = world.open_workspace(forgotten).line.current()
    assert published.number == 1
    return generator_dir() if request.param == "shipped" else published.path


def test_the_recipe_draws_what_govsdk_draws(model: Path, forgotten: Path, tmp_path: Path) -> None:
    """Same embedding and seed: the same picture up to two grey levels; another seed: another."""
    templates = world.open_workspace(forgotten).registry.templates(SubjectId(world.SECOND))
    embedding = templates.by_recogniser["A"][:1]
    (tmp_path / "model").symlink_to(model)
    np.save(tmp_path / "embedding.npy", 3 * embedding[0])  # its length says nothing
    (tmp_path / "govsdk.py").write_text(_BLOCK)  # Python looks here before all else

    importing = run(Block("control", "python3 - <<< 'import govsdk'", 1, ()), tmp_path)
    assert "govsdk is not installed here" in importing.err
    require(RECIPE, tmp_path)

    picture = np.asarray(Image.open(tmp_path / "picture.png"), dtype=int)
    generator = Generator.load(model, device="cpu", steps=STEPS, guidance=GUIDANCE)
    same, other = (generator.draw(embedding, [seed])[0] for seed in (SEED, SEED + 1))
    assert np.abs(picture - same).max() <= 2
    assert np.abs(picture - other).max() > 50
