"""`make bench` can call every benchmark; what they measure takes minutes and is not run here."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from tests.docs.test_pages import ROOT

NAMES = sorted(path.stem for path in (ROOT / "tests" / "bench").glob("bench_*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_needs_no_arguments(name: str) -> None:
    """It is called without any."""
    inspect.signature(import_module(f"tests.bench.{name}").main).bind()
