"""The shipped files: complete, small, as the manifest says, readable by the stock libraries."""

import json

import numpy as np
import pytest
import torch

from govsdk.models.calibration import CalibrationRecord
from govsdk.reference import world
from govsdk.reference.people import DEMO_PEOPLE
from govsdk.reference.pictures import recogniser_input, to_tensor
from govsdk.reference.recogniser import build
from govsdk.reference.renderer import person, photo
from tests.opencv import insightface_zoo

pytestmark = pytest.mark.skipif(
    not world.weights_dir().exists(), reason="no weights in this checkout"
)


@pytest.fixture(scope="module")
def pictures():
    return np.stack([photo(person(seed), 0) for seed in DEMO_PEOPLE[:3]])


def test_every_file_is_the_one_the_manifest_names():
    """No file is missing, changed or extra."""
    assert world.list_files(world.weights_dir()) == world.info()["files"]


def test_the_weights_stay_small():
    """At most 25 MB in all, and nothing pickled."""
    files = world.info()["files"]

    assert sum(entry["size"] for entry in files.values()) <= 25_000_000
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pth", ".pkl"))]


@pytest.mark.parametrize("name", ["A", "B"])
def test_insightface_reads_the_recogniser(name, pictures):
    """InsightFace routes the ONNX file as a recogniser, and embeds what torch embeds."""
    from safetensors.torch import load_file

    path = world.recogniser_paths()[name]
    model = insightface_zoo().get_model(str(path), providers=["CPUExecutionProvider"])
    found = model.get_feat([picture[:, :, ::-1] for picture in pictures])
    net = build(name.lower())
    net.load_state_dict(load_file(path.with_suffix(".safetensors")))
    with torch.no_grad():
        expected = net.float().eval()(recogniser_input(to_tensor(pictures))).numpy()

    assert model.taskname == "recognition"
    assert found.shape == (3, 128)
    cosines = (
        (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    )
    assert cosines.min() > 0.999


def network(name):
    """Return the operators of a shipped recogniser, and its weights' bytes, each tensor once."""
    import onnx

    graph = onnx.load(world.recogniser_paths()[name]).graph
    tensors = (onnx.numpy_helper.to_array(each) for each in graph.initializer)
    return {node.op_type for node in graph.node}, {each.tobytes() for each in tensors}


def test_the_recognisers_share_neither_architecture_nor_weights():
    """Each is built of operators that the other lacks, and no tensor of one is in the other."""
    (a_operators, a_weights), (b_operators, b_weights) = network("A"), network("B")

    assert {"PRelu", "BatchNormalization"} <= a_operators - b_operators
    assert {"Erf", "ReduceMean"} <= b_operators - a_operators
    assert min(len(a_weights), len(b_weights)) > 40
    assert not a_weights & b_weights
    assert network("A") == (a_operators, a_weights)


@pytest.mark.parametrize("name", ["A", "B"])
def test_the_calibration_record_belongs_to_its_recogniser(name):
    """Each record fits the ONNX file beside it and covers the three rates."""
    record = CalibrationRecord.load(world.calibration_paths()[name])
    record.fits(world.info()["files"][world.recogniser_paths()[name].name]["sha256"])

    assert record.threshold("0.01") < record.threshold("0.001") < record.threshold("0.0001")
    assert record.people >= 2000


@pytest.mark.parametrize("name", ["A", "B"])
def test_ruined_pictures_fall_below_the_quality_floor(name, pictures):
    """Noise and flat grey are no faces; photos are."""
    from govsdk.reference.evaluate import load_judge

    judge = load_judge(world.weights_dir(), name.lower())
    floor = float(judge.record["quality"]["p01"])
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    flat = np.full((1, 64, 64, 3), 128, np.uint8)

    assert np.linalg.norm(judge.raw(pictures), axis=1).min() > floor
    assert np.linalg.norm(judge.raw(np.concatenate([noise, flat])), axis=1).max() < floor


def test_the_generator_draws_with_stock_classes():
    """Two steps of the shipped generator give pictures; a row does not depend on its batch."""
    from govsdk.models.generator import Generator

    generator = Generator.load(world.generator_dir(), device="cpu", steps=2)
    given = np.random.default_rng(0).normal(size=(2, 128)).astype(np.float32)
    both = generator.draw(given, [1, 2])
    alone = generator.draw(given[1:], [2])

    assert both[1].shape == (64, 64, 3)
    assert np.abs(both[1].astype(int) - alone[0].astype(int)).max() <= 2


def test_the_grids_of_the_model_card(tmp_path):
    """Every photo, and a photo beside each generation, each 128 pixels wide."""
    from PIL import Image

    from govsdk.reference.evaluate import evaluate

    evaluate(people=4, photos=3, conditions=6, steps=1, pictures=tmp_path / "grids")
    grids = {path.name: Image.open(path) for path in (tmp_path / "grids").iterdir()}

    assert {name: grid.size for name, grid in grids.items()} == {
        "photos.jpg": (8 * 128, 2 * 128),
        "generations.jpg": (12 * 128, 1 * 128),
    }
    first, drawn = (np.asarray(grids["generations.jpg"], int)[:, i : i + 128] for i in (0, 128))
    assert np.abs(first - np.asarray(grids["photos.jpg"], int)[:128, :128]).mean() < 2
    assert np.abs(first - drawn).mean() > 10


def test_a_grid_that_cannot_be_written_is_a_typed_error(tmp_path):
    """A file stands where its folder would be; told before anything is drawn from the generator."""
    from govsdk.errors import BackendError
    from govsdk.reference.evaluate import evaluate

    (tmp_path / "file").write_bytes(b"")
    stages = []
    with pytest.raises(BackendError, match="writing a file"):
        evaluate(
            people=2,
            photos=3,
            pictures=tmp_path / "file",
            progress=lambda stage, *_: stages.append(stage),
        )
    assert set(stages) == {"photos"}


def test_the_layout_is_arc2faces():
    """The folder names and block names are those PIU's layer list is written for."""
    folder = world.generator_dir()
    config = json.loads((folder / "arc2face" / "config.json").read_text())

    assert {path.name for path in folder.iterdir()} == {
        "arc2face",
        "encoder",
        "vae",
        "tokenizer",
        "scheduler",
    }
    assert config["down_block_types"] == ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
    assert config["up_block_types"] == ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3
