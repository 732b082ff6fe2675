"""OpenCV and InsightFace, which tests compare with and govsdk does without."""

from __future__ import annotations

from types import ModuleType

import pytest

_WHY = "OpenCV needs system libraries: apt-get install libgl1 libglib2.0-0"


def opencv() -> ModuleType:
    """Return OpenCV; where its libraries are missing, skip."""
    return pytest.importorskip("cv2", exc_type=ImportError, reason=_WHY)


def insightface_zoo() -> ModuleType:
    """Return InsightFace's model zoo, which imports OpenCV; where that fails, skip."""
    opencv()
    return pytest.importorskip("insightface.model_zoo")
