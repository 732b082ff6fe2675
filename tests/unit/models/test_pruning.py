"""PreFIQs: what a recogniser says of a good face hardly moves when it is pruned."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from govsdk.models.pruning import pruned, stability
from govsdk.models.recognisers import Recogniser
from govsdk.reference import world
from govsdk.reference.renderer import person, photo


def weights(network: bytes) -> np.ndarray:
    graph = onnx.load_from_string(network).graph
    kept = [numpy_helper.to_array(t).ravel() for t in graph.initializer if len(t.dims) >= 2]
    return np.concatenate(kept)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_the_smallest_weights_become_zero(recogniser_file: Path, share: float) -> None:
    """That share of them, over all layers; the others stay."""
    before = weights(recogniser_file.read_bytes())
    after = weights(pruned(recogniser_file.read_bytes(), share))

    assert (after == 0).mean() == pytest.approx(share, abs=0.001)
    assert (after[after != 0] == before[after != 0]).all()
    assert np.abs(before[after == 0]).max(initial=0) <= np.abs(before[after != 0]).min()


def test_stability_is_the_distance_of_unit_embeddings() -> None:
    """0 for equal ones, -2 for opposite ones."""
    rows = np.eye(3, dtype=np.float32)

    assert (stability(rows, rows) == 0).all()
    assert stability(rows, -rows) == pytest.approx(-2)


def test_noise_is_worse_than_any_photo() -> None:
    """On the shipped recogniser B; embeddings are those of the same network without PreFIQs."""
    judge = Recogniser.load(world.recogniser_paths()["B"], "B", device="cpu", metric="PreFIQs")
    plain = Recogniser.load(world.recogniser_paths()["B"], "B", device="cpu")
    photos = [photo(person(700_600 + i), 0) for i in range(6)]
    noise = list(np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), dtype=np.uint8))
    real, ruined = judge.embed(photos), judge.embed(noise)

    assert 0 >= real.quality.min() > ruined.quality.max() >= -2
    assert (real.embeddings == plain.embed(photos).embeddings).all()
