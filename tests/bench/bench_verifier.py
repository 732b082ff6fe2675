"""What does it take to check a certificate where nothing else is installed?

Run: ``python -m tests.bench verifier``. Installs govsdk without extras in a fresh environment and
prints its size, the time of ``govsdk verify`` as a fresh process beside that of an interpreter
that does nothing, and the time of one check once everything is imported. The lowest of several
runs: other work on the machine can only add to it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.interop.conftest import hand_over
from tests.interop.core_install import install, megabytes
from tests.interop.forgeries import World

RUNS = 20

_LOOP = """
import sys, time
from pathlib import Path
from govsdk.certify.check import check
folder = Path(sys.argv[1])
certificate = (folder / "certificate.sigstore.json").read_bytes()
pinned = {
    "key_pem": (folder / "signer.pub.pem").read_bytes(),
    "log_vkey": (folder / "log.vkey").read_text(),
}
best = 1.0
for _ in range(300):
    start = time.perf_counter()
    report = check(certificate, **pinned)
    best = min(best, time.perf_counter() - start)
assert report.ok
print(best)
"""


def main() -> None:
    """Print the answer."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        python = install(folder / "environment")
        hand_over(World(folder / "world").honest, folder)
        sizes = megabytes(python)
        print(f"  installed: {sum(sizes.values()):.0f} MB in {len(sizes)} files and folders")
        print("   ", ", ".join(f"{name} {size:.1f}" for name, size in list(sizes.items())[:8]))
        nothing = fastest([str(python), "-c", "pass"], folder)
        verify = [str(python.with_name("govsdk")), "verify", "certificate.sigstore.json"]
        fresh = fastest([*verify, "--key", "signer.pub.pem", "--log-key", "log.vkey"], folder)
        print(f"  govsdk verify, fresh process: {fresh * 1000:.0f} ms")
        print(f"  the interpreter alone: {nothing * 1000:.0f} ms (ratio {fresh / nothing:.1f})")
        once = float(_output([str(python), "-c", _LOOP, str(folder)], folder))
        print(f"  one check, imported before: {once * 1000:.2f} ms")


def fastest(command: Sequence[str], folder: Path) -> float:
    """Return the seconds that the fastest of several runs took; each must succeed."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        _output(command, folder)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _output(command: Sequence[str], folder: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=clean, check=True, capture_output=True, text=True
    ).stdout
