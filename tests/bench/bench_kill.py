"""What does it cost to kill a forget of the demo's size, and does it always end the same?

Run: ``python -m tests.bench kill``. Enrols the demo's people once and forgets the first of them
from copies of that workspace: once undisturbed, then with kill -9 at moments drawn over the whole
of that life, calling the same again each time. A request that ends is followed by another, until
ten kills have struck; each is told with its second and the stage that was recorded last.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from govsdk.certify.keys import KeyProvider
from govsdk.cli.demo.people import cast, draw_photos
from govsdk.cli.reference import shipped_models
from govsdk.govern.job import jobs_of
from govsdk.govern.workspace import Workspace
from govsdk.ports import silent

KILLS = 10
POLICY = "quickstart"
CHILD = """
import sys
from pathlib import Path
from tests.bench.bench_kill import POLICY, opened, subject
opened(Path(sys.argv[1])).forget(subject(), POLICY)
"""


def subject(person: int = 1) -> str:
    """Return the id of a person of the demo's cast, counted from 1."""
    return cast()[person - 1].subject


def opened(place: Path) -> Workspace:
    return Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))


def build(place: Path, least_photos: int = 0) -> None:
    """Enrol the demo's people in ``place``, each with ``least_photos`` at least."""
    people = [replace(extra, photos=max(extra.photos, least_photos)) for extra in cast()]
    draw_photos(people, place / "photos", silent)
    keys = KeyProvider.generate(place / "keys")
    workspace = Workspace.create(place / "workspace", models=shipped_models(), keys=keys)
    for extra in people:
        workspace.enroll(extra.subject, extra.files(place / "photos"))


def forget(place: Path, kill_after: float | None = None) -> tuple[float, bool]:
    """Forget in a process of its own, killed after so many seconds.

    Return the seconds it ran, and whether it was killed.
    """
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", CHILD, str(place)]) as child:
        try:
            child.wait(kill_after)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
    return time.monotonic() - started, child.returncode == -signal.SIGKILL


def stage_in(place: Path) -> str:
    """Return the last stage that the request in ``place`` has recorded."""
    stages = [job.state.stage.value for job in jobs_of(place / "workspace" / "jobs")]
    return stages[0] if stages else "nothing"


def ended(place: Path) -> str:
    """Return how the request in ``place`` ended, by what lies there."""
    workspace = opened(place)
    audit = workspace.ledger.audit()
    staging = list((place / "workspace" / "models" / "staging").iterdir())
    return (
        f"certificates {len(workspace.certificates())}, versions {len(workspace.line.versions())}, "
        f"staged {len(staging)}, ledger {'clean' if audit.ok else 'NOT CLEAN'}"
    )


def main() -> None:
    moments = random.Random(20261120)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "built"
        build(built)
        whole = shutil.copytree(built, Path(folder) / "whole")
        undisturbed, _ = forget(whole)
        print(f"undisturbed: {undisturbed:.0f} s; {ended(whole)}", flush=True)
        kills = requests = 0
        while kills < KILLS:
            requests += 1
            place = shutil.copytree(built, Path(folder) / f"request-{requests}")
            ran, struck, killed = [], [], True
            while killed:
                limit = moments.uniform(0.02, 1.0) * undisturbed if kills < KILLS else None
                seconds, killed = forget(place, limit)
                ran.append(seconds)
                if killed:
                    kills += 1
                    struck.append(f"{seconds:.0f} s (after {stage_in(place)})")
            print(
                f"killed at {', '.join(struck) or 'no time'}, ended after {ran[-1]:.0f} s more "
                f"({sum(ran) / undisturbed:.2f}x); {ended(place)}",
                flush=True,
            )
