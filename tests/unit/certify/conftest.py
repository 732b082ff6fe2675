from __future__ import annotations

from tests.unit.cli.conftest import built, models, place

__all__ = ["built", "models", "place"]
