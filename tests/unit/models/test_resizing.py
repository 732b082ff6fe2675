"""Pictures at a network's size are OpenCV's, to the bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from govsdk.models.recognisers import Recogniser
from govsdk.models.resizing import resized
from govsdk.ports import Picture
from tests.opencv import opencv

cv2 = opencv()

SIDE = 112
SHAPES = [(64, 64), (512, 512), (111, 113), (16, 16), (97, 1001), (112, 64), (224, 112), (225, 224)]


def noise(height: int, width: int) -> Picture:
    rng = np.random.default_rng(height * width)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_any_picture_is_resized_as_opencv_does(height: int, width: int) -> None:
    """Smaller, larger, oblong: every grey level is the same."""
    picture = noise(height, width)
    assert np.array_equal(resized(picture, SIDE), cv2.resize(picture, (SIDE, SIDE)))


def test_a_picture_of_twice_the_size_is_averaged() -> None:
    """OpenCV's own exception from fixed-point weights, which would round otherwise."""
    picture = noise(2 * SIDE, 2 * SIDE)
    assert np.array_equal(resized(picture, SIDE), cv2.resize(picture, (SIDE, SIDE)))


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    """Not a level changes."""
    picture = noise(SIDE, SIDE)
    assert np.array_equal(resized(picture, SIDE), picture)


def test_what_the_network_reads_is_what_opencv_hands_over(recogniser_file: Path) -> None:
    """Order of axes and channels, mean and deviation, in the same floats."""
    recogniser = Recogniser.load(recogniser_file, "A", device="cpu")
    pictures = [noise(*shape) for shape in SHAPES]
    theirs = cv2.dnn.blobFromImages(pictures, 1 / 127.5, (SIDE, SIDE), (127.5, 127.5, 127.5))
    assert np.array_equal(recogniser.blob(pictures), theirs)


def test_pictures_are_drawn_and_seen_where_opencv_cannot_be_loaded(
    recogniser_file: Path, tmp_path: Path
) -> None:
    """As on machines without libGL; the control is that the import does fail there."""
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text("raise ImportError('libGL.so.1')\n")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import numpy as np
from pathlib import Path
from govsdk.models.generator import Generator
from govsdk.models.recognisers import Recogniser
from govsdk.reference import world
generator = Generator.load(world.generator_dir(), device="cpu", steps=2)
drawn = generator.draw(np.eye(1, 128, dtype=np.float32), [1])
seen = Recogniser.load(Path({str(recogniser_file)!r}), "A", device="cpu").embed(drawn)
print(seen.embeddings.shape)
try:
    import cv2
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:2] == ["(1, 16)", "libGL.so.1"], done.stderr
