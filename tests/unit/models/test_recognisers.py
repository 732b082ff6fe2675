"""Recognisers from ONNX files and torch modules."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from govsdk.errors import (
    BackendError,
    DigestMismatchError,
    MissingModelError,
    ModelCorruptError,
    NonFiniteError,
    RequestError,
)
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.recognisers import Recogniser
from tests.opencv import insightface_zoo

from .conftest import SIDE


def pictures(*sides: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in sides]


def record(digest: str) -> dict[str, object]:
    return {
        "version": 1,
        "recogniser": "A",
        "recogniserSha256": digest,
        "scoreType": "image-vs-centroid cosine",
        "people": 2000,
        "photosPerPerson": 4,
        "impostorComparisons": 15992000,
        "genuineComparisons": 8000,
        "thresholds": [
            {"fmr": "0.001", "threshold": "0.31", "low": "0.29", "high": "0.33"},
            {"fmr": "0.0001", "threshold": "0.41", "low": "0.39", "high": "0.43"},
        ],
        "genuineAngle": {"p50": "0.4", "p95": "0.6", "p999": "0.9"},
        "quality": {"metric": "raw embedding length", "p01": "6.5"},
        "seed": 1,
    }


@pytest.mark.parametrize("side", [64, 112, 200])
def test_embeddings_equal_insightface(recogniser_file: Path, side: int) -> None:
    """The numbers are InsightFace's own for the same file and picture, at any size of picture."""
    theirs = insightface_zoo().get_model(str(recogniser_file), providers=["CPUExecutionProvider"])
    faces = pictures(side, side)

    ours = Recogniser.load(recogniser_file, "A", device="cpu").embed(faces)

    raw = theirs.get_feat([face[:, :, ::-1].copy() for face in faces])
    norms = np.linalg.norm(raw, axis=1)
    np.testing.assert_allclose(ours.quality, norms, rtol=1e-6)
    np.testing.assert_allclose(ours.embeddings, raw / norms[:, None], atol=1e-6)
    assert not np.allclose(ours.embeddings[0], ours.embeddings[1])


def test_many_pictures_of_mixed_sizes(recogniser_file: Path) -> None:
    """More pictures than one batch, of different sizes, keep their order."""
    recogniser = Recogniser.load(recogniser_file, "A", device="cpu")
    faces = pictures(*([64, 112] * 40))

    together = recogniser.embed(faces)

    assert together.embeddings.shape == (80, recogniser.dimension)
    alone = recogniser.embed(faces[70:71])
    np.testing.assert_allclose(together.embeddings[70], alone.embeddings[0], atol=1e-5)
    assert recogniser.embed([]).embeddings.shape == (0, 16)


def test_torch_module_as_recogniser() -> None:
    """A torch module gives unit embeddings, its raw length as quality."""
    module = torch.nn.Sequential(torch.nn.AvgPool2d(28), torch.nn.Flatten())
    recogniser = Recogniser.of_module(module.float(), "B", sha256="0" * 64, dimension=48)
    module.register_parameter("unused", torch.nn.Parameter(torch.zeros(1)))

    seen = recogniser.embed([np.full((112, 112, 3), 255, np.uint8)])

    np.testing.assert_allclose(seen.embeddings, np.full((1, 48), 48**-0.5), rtol=1e-5)
    np.testing.assert_allclose(seen.quality, [48**0.5], rtol=1e-5)


def test_files_that_are_no_recognisers(tmp_path: Path, recogniser_file: Path) -> None:
    """A missing and a truncated file are told apart."""
    with pytest.raises(MissingModelError, match="recogniser B"):
        Recogniser.load(tmp_path / "none.onnx", "B")
    data = recogniser_file.read_bytes()
    (tmp_path / "half.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelCorruptError, match="recogniser A"):
        Recogniser.load(tmp_path / "half.onnx", "A")


def test_what_is_not_one_picture_in_and_one_vector_out(
    tmp_path: Path, recogniser_file: Path
) -> None:
    """A vector of unknown length, a second output and a device that is none are typed errors."""
    unknown, two = onnx.load(recogniser_file), onnx.load(recogniser_file)
    unknown.graph.node.append(helper.make_node("NonZero", ["embedding"], ["places"]))
    places = helper.make_tensor_value_info("places", TensorProto.INT64, [2, "d"])
    unknown.graph.output[0].CopyFrom(places)
    two.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["n", 196]))

    for network in (unknown, two):
        onnx.save(network, tmp_path / "odd.onnx")
        with pytest.raises(ModelCorruptError, match="one picture in, one vector out"):
            Recogniser.load(tmp_path / "odd.onnx", "A", device="cpu")
    with pytest.raises(RequestError, match="cpu, cuda, not on 'mps'"):
        Recogniser.load(recogniser_file, "A", device="mps")


@pytest.mark.parametrize(
    ("reads", "gives"),
    [
        (["n", SIDE, SIDE, 3], ["n", 8]),
        (["n", 3, SIDE, 96], ["n", 8]),
        (["n", 1, SIDE, SIDE], ["n", 8]),
        (["n", 3, "h", "w"], ["n", 8]),
        (["n", 3, SIDE, SIDE], ["n", 1, 8]),
    ],
)
def test_what_reads_other_pictures_is_no_recogniser(
    tmp_path: Path, reads: list[str | int], gives: list[str | int]
) -> None:
    """Channels last, not square, grey, of any size; or a vector in a row: told when it is loaded,
    with what was found."""
    flat_network(tmp_path / "odd.onnx", reads, gives)
    with pytest.raises(ModelCorruptError, match=re.escape(f"not {reads} and {gives}")):
        Recogniser.load(tmp_path / "odd.onnx", "A", device="cpu")

    flat_network(tmp_path / "sound.onnx", ["n", 3, SIDE, SIDE], ["n", 8])
    assert Recogniser.load(tmp_path / "sound.onnx", "A", device="cpu").dimension == 8


def test_a_fixed_number_of_pictures_is_filled_up(tmp_path: Path) -> None:
    """A network that reads four at a time gives for five what it gives for any number."""
    flat_network(tmp_path / "any.onnx", ["n", 3, SIDE, SIDE], ["n", 8])
    flat_network(tmp_path / "four.onnx", [4, 3, SIDE, SIDE], [4, 8])
    five = pictures(*[SIDE] * 5)
    whole, filled = (
        Recogniser.load(tmp_path / name, "A", device="cpu").embed(five).embeddings
        for name in ("any.onnx", "four.onnx")
    )

    np.testing.assert_allclose(filled, whole, atol=1e-5)


def flat_network(path: Path, reads: list[str | int], gives: list[str | int]) -> None:
    """Write a network that reads and gives such shapes: one matrix over all values."""
    values = int(np.prod([side if isinstance(side, int) else SIDE for side in reads[1:]]))
    matrix = np.random.default_rng(0).normal(size=(values, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["picture"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["rows"]),
        helper.make_node("Reshape", ["rows", "shape"], ["embedding"]),
    ]
    shape = np.array([-1 if isinstance(side, str) else side for side in gives])
    graph = helper.make_graph(
        nodes,
        "flat",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, reads)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, gives)],
        [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(shape, "shape")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="an onnxruntime without CUDA is not in this machine",
)
def test_a_gpu_that_onnxruntime_does_not_know(recogniser_file: Path) -> None:
    """The library is named, not the recogniser's file, which is sound."""
    assert Recogniser.load(recogniser_file, "A", device="auto").sha256
    with pytest.raises(BackendError, match="has no CUDAExecutionProvider"):
        Recogniser.load(recogniser_file, "A", device="cuda")


class Elsewhere:
    """onnxruntime as it is where it lists a GPU; ``asked`` says what happens there."""

    def __init__(self, asked: str) -> None:
        self.asked = asked
        self.made = onnxruntime.InferenceSession

    def __call__(self, data: bytes, options: object, providers: list[Any], **_: object) -> object:
        if providers[0][0] == "CUDAExecutionProvider" and self.asked == "fails":
            raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected")
        session = self.made(data, options, providers=["CPUExecutionProvider"])
        if providers[0][0] == "CUDAExecutionProvider" and self.asked == "runs":
            session.get_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
        return session


@pytest.mark.parametrize("asked", ["fails", "goes to the CPU", "runs"])
def test_a_gpu_that_is_listed_and_cannot_be_used(
    recogniser_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str
) -> None:
    """Unasked, the CPU serves; whoever asked for the GPU is told, and so is who has a bad file."""
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Elsewhere(asked))

    assert Recogniser.load(recogniser_file, "A", device="auto").embed(pictures(112))
    if asked == "runs":
        assert Recogniser.load(recogniser_file, "A", device="cuda").embed(pictures(112))
        return
    with pytest.raises(BackendError, match="does not run on cuda") as caught:
        Recogniser.load(recogniser_file, "A", device="cuda")
    assert "`device: cpu`" in caught.value.hint
    (tmp_path / "odd.onnx").write_bytes(b"no network")
    with pytest.raises(ModelCorruptError, match="recogniser A"):
        Recogniser.load(tmp_path / "odd.onnx", "A", device="cuda")


def test_a_failure_of_onnxruntime_is_an_error_of_ours(
    recogniser_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises while it runs; the same file is read without it."""
    made = onnxruntime.InferenceSession

    def runs(*_: object) -> object:
        raise RuntimeError("CUBLAS failure 13")

    def failing(*args: Any, **options: Any) -> object:  # noqa: ANN401  passed on as they came
        session = made(*args, **options)
        session.run = runs
        return session

    assert Recogniser.load(recogniser_file, "A", device="cpu").embed(pictures(112))
    monkeypatch.setattr(onnxruntime, "InferenceSession", failing)
    with pytest.raises(BackendError, match="while it embedded"):
        Recogniser.load(recogniser_file, "A", device="cpu").embed(pictures(112))


def test_non_finite_embedding_is_an_error() -> None:
    """A NaN is never compared with a threshold."""
    recogniser = Recogniser(
        "A", lambda blob: np.full((len(blob), 4), np.nan, np.float32), sha256="", dimension=4
    )
    with pytest.raises(NonFiniteError, match="recogniser A"):
        recogniser.embed(pictures(112))


def test_calibration_belongs_to_one_file(tmp_path: Path, recogniser_file: Path) -> None:
    """A record loads with the weights it was made with, and with no others."""
    digest = hashlib.sha256(recogniser_file.read_bytes()).hexdigest()
    (tmp_path / "right.json").write_text(json.dumps(record(digest)))
    (tmp_path / "wrong.json").write_text(json.dumps(record("0" * 64)))
    right = CalibrationRecord.load(tmp_path / "right.json")

    assert Recogniser.load(recogniser_file, "A", right, device="cpu").sha256 == digest
    with pytest.raises(DigestMismatchError):
        Recogniser.load(recogniser_file, "A", CalibrationRecord.load(tmp_path / "wrong.json"))


def test_thresholds_by_rate_and_end() -> None:
    """A rate is found however it is written; one that was not calibrated is an error."""
    calibration = CalibrationRecord.model_validate(record("0" * 64))

    assert calibration.threshold("0.001") == 0.31
    assert calibration.threshold("1e-3", "low") == 0.29
    assert calibration.threshold("1e-4", "high") == 0.43
    with pytest.raises(RequestError, match=r"0\.001, 0\.0001"):
        calibration.threshold("0.5")
    with pytest.raises(RequestError, match="not a rate"):
        calibration.threshold("rarely")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"thresholds": []}, "thresholds"),
        ({"surprise": 1}, "surprise"),
        ({"people": "many"}, "people"),
        ({"quality": {"metric": "beauty", "p01": "1.0"}}, "quality.metric"),
    ],
)
def test_record_that_is_none(tmp_path: Path, change: dict[str, object], match: str) -> None:
    """A file that says something else is refused, and the error names the field."""
    (tmp_path / "record.json").write_text(json.dumps(record("0" * 64) | change))
    with pytest.raises(ModelCorruptError, match=match):
        CalibrationRecord.load(tmp_path / "record.json")
    with pytest.raises(MissingModelError):
        CalibrationRecord.load(tmp_path / "none.json")
