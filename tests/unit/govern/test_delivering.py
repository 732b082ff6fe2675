"""The receipt reaches the person even if the process dies, and stays nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from govsdk import KeyProvider, Policy, Workspace
from govsdk.certify.receipts import check_receipt, commitment
from govsdk.errors import BackendError, ConflictError, RequestError, TooFewPhotosError
from govsdk.govern.delivering import OPENING, _write, deliver
from govsdk.govern.workflow import Forgetting
from govsdk.ports import SubjectId, silent
from govsdk.registry.vault import Vault

SUBJECT = SubjectId("canary-ada")
KEY, TEMPLATES = bytes(range(32)), bytes(32)
COMMITTED = commitment(KEY, SUBJECT, TEMPLATES.hex())

_CHILD = """
import os, signal, sys
from pathlib import Path
from govsdk.govern import delivering
from tests.unit.govern.test_delivering import request

place, dies_in = Path(sys.argv[1]), sys.argv[2]
setattr(delivering, dies_in, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
delivering.deliver(request(place, place / "receipt.json"))
"""


def request(place: Path, receipt_to: str | Path | None) -> Forgetting:
    """Return a request as it is called, or called again."""
    keys = KeyProvider.from_folder(place / "keys")
    return Forgetting(
        Workspace.open(place / "workspace", keys=keys),
        SUBJECT,
        Policy.load("quickstart"),
        request_id="r-1",
        receipt_to=receipt_to,
        progress=silent,
    )


def opening(place: Path) -> Path:
    return request(place, None).folder / OPENING


@pytest.fixture
def certified(place: Path) -> Path:
    """A workspace in which the request has come to its end, but for the receipt."""
    run = request(place, None)
    vault = Vault(run.workspace.keys.vault, os.urandom)
    vault.put(run.folder / OPENING, OPENING, run.request, KEY + TEMPLATES)
    return place


def test_what_killed_writes_left_goes_with_the_delivery(certified: Path) -> None:
    """Half-written, or whole and not yet in place, they would open the receipt for ever."""
    file, kept = certified / "receipt.json", opening(certified)
    left = [
        path.with_name(f".{path.name}.0123456789abcdef.tmp")
        for path in (file, kept, kept.with_name("job.json"))
    ]
    for each in left:
        each.write_bytes(kept.read_bytes())

    assert deliver(request(certified, file)) is not None

    assert [each.exists() for each in left] == [False, False, True]
    assert file.exists()


def kill_in(step: str, place: Path) -> None:
    """Deliver in a process of its own, killed instead of the step."""
    child = subprocess.run([sys.executable, "-c", _CHILD, str(place), step], check=False)
    assert child.returncode == -signal.SIGKILL


def test_a_kill_before_or_after_the_file_loses_no_receipt(certified: Path) -> None:
    """Killed just before it is written, then just after: the next call delivers the same bytes."""
    file, kept = certified / "receipt.json", opening(certified)

    kill_in("write_file", certified)
    assert (file.exists(), kept.exists()) == (False, True)
    kill_in("drop", certified)
    assert (file.exists(), kept.exists()) == (True, True)
    written = file.read_bytes()

    assert deliver(request(certified, file)) == check_receipt(written, COMMITTED)
    assert (file.read_bytes(), kept.exists()) == (written, False)
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("to_folder", [False, True])
def test_a_receipt_is_delivered_once(certified: Path, to_folder: bool) -> None:
    """With a folder or without one; afterwards the workspace cannot make it again."""
    folder = certified / "out"
    folder.mkdir()
    run = request(certified, folder if to_folder else None)

    assert deliver(run) is not None
    written = [f"receipt-{run.request[:16]}.json"] if to_folder else []
    assert [path.name for path in folder.iterdir()] == written
    assert deliver(request(certified, folder)) is None
    assert not opening(certified).exists()


def test_a_place_that_cannot_be_looked_at_is_refused(certified: Path) -> None:
    """A link that leads to itself, no name at all; the error does not repeat the path."""
    loop = certified / "loop"
    loop.symlink_to(loop)
    for place in (loop, f"{certified}/a\0b", certified / ("x" * 300)):
        with pytest.raises(RequestError) as refused:
            request(certified, place)
        assert str(certified) not in str(refused.value)
    assert request(certified, certified / "straight").receipt_path


def test_a_string_that_ends_in_a_separator_is_a_folder(certified: Path) -> None:
    """One that is not there yet is made; without the separator it is the file."""
    run = request(certified, f"{certified}/new/out/")
    assert run.receipt_path == certified / "new" / "out" / f"receipt-{run.request[:16]}.json"
    assert run.receipt_path.parent.is_dir()
    assert request(certified, f"{certified}/file").receipt_path == certified / "file"
    (certified / "file").write_bytes(b"")
    with pytest.raises(RequestError, match="cannot be made"):
        request(certified, f"{certified}/file/out/")


def test_a_bad_place_is_refused_before_the_edit(enrolled: Path) -> None:
    """Nothing is logged or begun; once the person is erased, the place is looked at last."""
    workspace = request(enrolled, None).workspace
    size, taken = workspace.ledger.size, enrolled / "taken.json"
    taken.write_text("somebody else's")
    for place, refusal in ((taken, ConflictError), (enrolled / "no" / "where", RequestError)):
        with pytest.raises(refusal, match="receipt"):
            workspace.forget("ada", "quickstart", receipt_to=place)
    assert workspace.ledger.size == size
    assert not workspace.places.jobs.exists()
    with pytest.raises(TooFewPhotosError):
        workspace.forget("ada", "quickstart", receipt_to=enrolled / "free.json")


def test_a_receipt_takes_nobody_elses_place(certified: Path) -> None:
    """Another person's lies there: it stays, and the same call delivers elsewhere."""
    file = certified / "receipt.json"
    file.write_text("somebody else's")
    with pytest.raises(ConflictError):
        deliver(request(certified, file))
    assert file.read_text() == "somebody else's"
    (certified / "loop.json").symlink_to(certified)
    with pytest.raises(BackendError):
        _write(certified / "loop.json", b"{}")

    assert deliver(request(certified, certified / "mine.json")) is not None
    assert check_receipt((certified / "mine.json").read_bytes(), COMMITTED)


def test_a_receipt_that_cannot_be_written_waits_for_the_next_call(certified: Path) -> None:
    """The disk refuses: an error, and the next call delivers."""
    (certified / "file").write_bytes(b"")
    with pytest.raises(BackendError):
        deliver(request(certified, certified / "file" / "receipt.json"))
    assert deliver(request(certified, certified / "receipt.json")) is not None


def test_a_receipt_cannot_lie_in_the_workspace(certified: Path) -> None:
    """It names the person whom the workspace forgets: refused before anything is done."""
    with pytest.raises(RequestError, match="must not lie in the workspace"):
        request(certified, certified / "workspace" / "receipt.json")
