"""The receipt: put aside before anything is destroyed, delivered once, then kept nowhere.

- Until it is delivered its opening lies in the job's folder, sealed under the workspace's vault.
- Where ``forget`` was told a file, the opening goes after that file is on the disk: killed in
  between, the same call writes the same bytes again, and what was half written goes. Otherwise
  the receipt is in the result alone, and lost with a caller who dies before keeping it.
- A place that cannot be written to is refused before the edit: afterwards the person is gone, and
  the receipt has to wait for a better one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.certify.receipts import receipt, receipt_bytes
from govsdk.durable import clear_leftovers, disk_error, locked, write_file
from govsdk.errors import ConflictError, RequestError
from govsdk.records import Receipt, Sha256
from govsdk.registry.vault import Vault, drop

if TYPE_CHECKING:
    from govsdk.govern.parts import Parts
    from govsdk.govern.workflow import Forgetting

OPENING = "opening"
"""The job's file of the receipt's key and template-set digest."""

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


def receipt_file(workspace: Parts, request: Sha256, where: str | Path) -> Path:
    """Return the file for the receipt: ``where``, or one named after ``request`` in that folder.

    A string that ends in a separator is a folder, and made if it is not there.

    Raises:
        RequestError: It would lie in the workspace, which is to forget the person named in it; or
            the place cannot be looked at, or the folder not be made.
    """
    place = Path(where)
    try:
        inside = place.resolve().is_relative_to(workspace.folder.resolve())
        folder = place.is_dir()
    except (OSError, RuntimeError, ValueError):  # no right; a link to itself; a null character
        raise RequestError("the receipt's place cannot be looked at") from None
    if inside:
        raise RequestError("the receipt names the person and must not lie in the workspace")
    if not folder and isinstance(where, str) and where.endswith(_SEPARATORS):
        _make(place)
        folder = True
    return place / f"receipt-{request[:16]}.json" if folder else place


def require_place(path: Path) -> None:
    """Accept a place where the receipt of a request that is yet to be carried out can go.

    Raises:
        RequestError: Its folder is not there, or cannot be written to.
        ConflictError: Something lies there already.
    """
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)):
        raise RequestError("the receipt's folder is not there, or cannot be written to")
    if path.exists() or path.is_symlink():
        raise _taken()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise RequestError("the receipt's folder cannot be made") from None


def _taken() -> ConflictError:
    return ConflictError(
        "another file lies where the receipt was to go",
        hint="make the same call again with another place for the receipt",
    )


def keep_opening(run: Forgetting) -> None:
    """Put aside what the receipt is made of; from now on the plan is not needed for it."""
    private = run.private
    opening = private.key + bytes.fromhex(private.template_set)
    _vault(run).put(run.folder / OPENING, OPENING, run.request, opening)


def deliver(run: Forgetting) -> Receipt | None:
    """Deliver the receipt and let go of its opening; None once that was done.

    Raises:
        ConflictError: Something else lies in the receipt's place; the receipt can still be had.
    """
    path = run.folder / OPENING
    # Two calls may find the request ended at once; one of them delivers.
    with locked(run.folder / "delivery.lock"):
        if not path.exists():
            return None
        opening = _vault(run).take(path, OPENING, run.request)
        handed = receipt(opening[:32], run.subject, opening[32:].hex())
        if run.receipt_path is not None:
            _write(run.receipt_path, receipt_bytes(handed))
            clear_leftovers(run.receipt_path)
        clear_leftovers(path)
        drop(path)
        return handed


def _write(path: Path, data: bytes) -> None:
    try:
        free = not path.exists() or path.read_bytes() == data
    except OSError as cause:
        raise disk_error(cause, "looking at the receipt's place") from cause
    if not free:
        raise _taken()
    write_file(path, data)


def _vault(run: Forgetting) -> Vault:
    return Vault(run.workspace.keys.vault, run.workspace.entropy)
