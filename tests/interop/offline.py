"""Programs in a fresh interpreter that ends at the first touch of the network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

NETWORK = 99
"""Exit code of a program that touched it."""

_HOOK = f"""
import os, sys
def refuse(event, arguments):
    if event.startswith("socket."):
        os._exit({NETWORK})
sys.addaudithook(refuse)
"""

GOVSDK = """
from govsdk.cli.main import call
code = call(sys.argv[1:])
heavy = {"numpy", "torch", "faiss", "duckdb", "onnxruntime", "diffusers", "transformers"}
print(*sorted(heavy & sys.modules.keys()), file=sys.stderr)
sys.exit(code)
"""
"""Runs one verb; the last line of stderr names the heavy libraries that it loaded."""


def offline(
    program: str,
    *arguments: object,
    interpreter: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Return how ``program`` ended.

    The interpreter reports every socket made and every name looked up, by whichever module, to an
    audit hook, which cannot be taken away again.
    """
    return subprocess.run(
        [interpreter, "-c", _HOOK + program, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
