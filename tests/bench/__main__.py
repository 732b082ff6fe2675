"""Run every benchmark in this folder, or those named: ``python -m tests.bench edit append``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
wanted = [f"bench_{name}" for name in sys.argv[1:]] or names
sys.argv[1:] = []  # a benchmark run on its own may take arguments; here none does
for name in wanted:
    module = import_module(f"tests.bench.{name}")
    print(f"\n{(module.__doc__ or name).splitlines()[0]}")
    module.main()
