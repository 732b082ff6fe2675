from __future__ import annotations

from tests.unit.cli.conftest import built, govsdk, models, place

__all__ = ["built", "govsdk", "models", "place"]
