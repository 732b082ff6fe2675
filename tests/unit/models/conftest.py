"""Small real models: random weights in Arc2Face's layout, and recognisers as ONNX files."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.untrained import write_untrained

SIDE = 112
DIMENSION = 16


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator that nobody changes."""
    return write_untrained(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def recogniser_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear recogniser over average-pooled pixels: one convolution with a stride of 16."""
    path = tmp_path_factory.mktemp("recogniser") / "linear.onnx"
    path.write_bytes(linear_recogniser())
    return path


def linear_recogniser(seed: int = 0) -> bytes:
    """Return an ONNX network with InsightFace's conventions."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(4, 3, 16, 16)).astype(np.float32) / 16
    matrix = rng.normal(size=(4 * 49, DIMENSION)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["picture", "kernel"], ["features"], strides=[16, 16]),
            helper.make_node("Flatten", ["features"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
        ],
        "linear",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIMENSION])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(matrix, "matrix")],
    )
    return onnx.helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
