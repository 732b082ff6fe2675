"""What does it take to check a certificate where nothing else is installed?

Run: ``python -m tests.bench verifier``. Installs govsdk without extras in a fresh environment and
prints its size, the time of ``govsdk verify`` as a fresh process beside that of an interpreter
that does nothing, and the time of one check once everything is imported. The lowest of several
runs: other work on the machine can only add to it. Processor time hardly depends on other work.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.interop.conftest import hand_over
from tests.interop.core_install import install, megabytes
from tests.interop.forgeries import World

RUNS = 10

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
        for name, (wall, processor) in {"govsdk verify": fresh, "python -c pass": nothing}.items():
            figures = f"{wall * 1000:.0f} ms, {processor * 1000:.0f} ms of processor time"
            print(f"  {name}, fresh process: {figures}")
        print(f"  ratio of processor times: {fresh[1] / nothing[1]:.1f}")
        once = float(_output([str(python), "-c", _LOOP, str(folder)], folder))
        print(f"  one check, imported before: {once * 1000:.2f} ms")


def fastest(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Return the fewest seconds that one of several runs took, and the fewest of processor time."""
    wall, processor = [], []
    for _ in range(RUNS):
        start, used = time.perf_counter(), _processor()
        _output(command, folder)
        wall.append(time.perf_counter() - start)
        processor.append(_processor() - used)
    return min(wall), min(processor)


def _processor() -> float:
    """Return the seconds of processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _output(command: Sequence[str], folder: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=clean, check=True, capture_output=True, text=True
    ).stdout
