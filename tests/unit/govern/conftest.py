from __future__ import annotations

from tests.unit.cli.conftest import built, enrolled, govsdk, models, place, populated

__all__ = ["built", "enrolled", "govsdk", "models", "place", "populated"]
