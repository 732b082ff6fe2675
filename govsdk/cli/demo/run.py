"""The demo's steps, each of which finds what an earlier run left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.cli.demo.checking import CERTIFICATE, check_offline, check_tampered
from govsdk.cli.demo.people import FORGETTABLE, Extra, cast, draw_photos
from govsdk.cli.demo.pictures import Stars, Studio
from govsdk.cli.demo.summary import summarise, view
from govsdk.cli.forgetting import describe
from govsdk.cli.progress import bars
from govsdk.cli.reference import shipped_models
from govsdk.cli.stopwatch import Stopwatch
from govsdk.cli.verb import Answer
from govsdk.durable import PUBLIC, disk_error, remove_tree, write_file
from govsdk.errors import (
    ConflictError,
    EvidenceError,
    RequestError,
    SubjectExistsError,
    VerdictError,
)
from govsdk.govern.config import FILE
from govsdk.ports import Progress

if TYPE_CHECKING:
    from govsdk.govern.result import ForgetResult
    from govsdk.govern.workspace import Workspace
    from govsdk.models.lines import ModelLine

POLICY = "quickstart"
RETAINED = 4
"""People on the picture besides the forgotten one and the anchor."""
MARKER = ".govsdk-demo"
RETRY = "To try again, start in another folder: govsdk demo --workspace DIR."


def run(folder: Path, *, again: bool = False) -> Answer:
    """Carry the demo out, or on.

    Raises:
        ConflictError: ``folder`` holds something that is not the demo's.
        RequestError: Everybody who has photos enough was forgotten.
    """
    _claim(folder)
    number = _next(folder) if again else 1
    people = cast()
    person = people[number - 1]
    with bars() as shown:
        progress = Stopwatch(shown)
        photos = draw_photos(people, folder / "photos", progress)
        workspace = _workspace(folder, progress)
        _enrol(workspace, people, folder / "photos", progress)
        out = _out(folder, number)
        out.mkdir(exist_ok=True)
        result = workspace.forget(
            person.subject,
            POLICY,
            request_id=f"demo-{number}",
            receipt_to=out / "receipt.json",
            progress=progress,
        )
        if not (result.ok and result.forgotten):
            told = describe(result, {}, retry=RETRY)
            return Answer(result.to_dict(), told, VerdictError.exit_code)
        _write_evidence(workspace, result, out)
        progress("check offline", 0, 2)
        checked = check_offline(out, result.model_path)
        progress("check offline", 1, 2)
        tampered = check_tampered(out)
        progress("check offline", 2, 2)
        stars = _draw(workspace, result, person, people, folder, progress)
    data = summarise(
        result,
        stars=stars,
        people=len(people),
        photos=photos,
        checked=checked,
        tampered=tampered,
        seconds=progress.figures(),
        out=out,
    )
    write_file(out / "summary.json", json.dumps(data, indent=2).encode() + b"\n", mode=PUBLIC)
    held = checked.ok and not tampered.ok
    return Answer(data, view(data, folder), 0 if held else EvidenceError.exit_code)


def _claim(folder: Path) -> None:
    """Mark the empty or absent ``folder`` as the demo's, who may then write and remove in it."""
    marker = folder / MARKER
    if marker.is_file():
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            "the folder holds something that the demo did not put there",
            hint="name a new folder: `govsdk demo --workspace DIR`",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.touch()  # there or not, never half: a killed demo finds its folder again
    except OSError as cause:
        raise disk_error(cause, "making the demo's folder") from cause


def _out(folder: Path, number: int) -> Path:
    return folder / ("out" if number == 1 else f"out-{number}")


def _next(folder: Path) -> int:
    """Return the first person whose run has not ended; the summary is written last."""
    for number in range(1, FORGETTABLE + 1):
        if not (_out(folder, number) / "summary.json").exists():
            return number
    raise RequestError(
        f"all {FORGETTABLE} people with photos enough are forgotten", hint="start in a new folder"
    )


def _workspace(folder: Path, progress: Progress) -> Workspace:
    """Open the demo's workspace, or create it."""
    from govsdk.certify.keys import KeyProvider
    from govsdk.govern.workspace import Workspace

    place = folder / "workspace"
    keys = KeyProvider.generate(folder / "keys")
    if (place / FILE).exists():
        return Workspace.open(place, keys=keys)
    remove_tree(place)  # without that file it is what a killed `create` left
    progress("create workspace", 0, 1)
    workspace = Workspace.create(
        place,
        models=shipped_models(),
        keys=keys,
        name="demo",
        anchors=[folder / "checkpoints"],
    )
    progress("create workspace", 1, 1)
    return workspace


def _enrol(workspace: Workspace, people: list[Extra], photos: Path, progress: Progress) -> None:
    """Enrol from the picture files everybody who is neither enrolled nor forgotten."""
    known = {summary.subject for summary in workspace.subjects()}
    for done, extra in enumerate(people):
        progress("enrol", done, len(people), extra.name)
        if extra.subject in known:
            continue
        try:
            workspace.enroll(extra.subject, extra.files(photos))
        except SubjectExistsError:
            continue  # forgotten in an earlier run, and not to be brought back
    progress("enrol", len(people), len(people))


def _write_evidence(workspace: Workspace, result: ForgetResult, out: Path) -> None:
    """Write what an auditor is handed."""
    assert result.certificate is not None, "a result that is ok has its certificate"
    result.certificate.save(out / CERTIFICATE)
    write_file(out / "signer.pub.pem", workspace.signer_pem, mode=PUBLIC)
    write_file(out / "log.vkey", workspace.log_vkey.encode() + b"\n", mode=PUBLIC)
    write_file(out / "checkpoint.txt", workspace.ledger.head().note.encode(), mode=PUBLIC)


def _published(line: ModelLine, path: Path | None) -> int:
    """Return the version in ``path``; the one in force may be that of a later run."""
    return next(number for number in line.versions() if line.version(number).path == path)


def _draw(
    workspace: Workspace,
    result: ForgetResult,
    person: Extra,
    people: list[Extra],
    folder: Path,
    progress: Progress,
) -> Stars:
    """Draw and write the picture before and after; return who is on it."""
    from govsdk.report.pillow import draw, write_png

    after = _published(workspace.line, result.model_path)
    studio = Studio(workspace, folder / "photos", after - 1, after, progress)
    place = people.index(person)
    earlier = tuple(people[:place])
    anchor = studio.anchor(result.request, people)
    others = [extra for extra in people[FORGETTABLE:] if extra is not anchor]
    stars = Stars(person, anchor, earlier, tuple(others[: RETAINED - len(earlier)]))
    write_png(
        _out(folder, place + 1) / "before_after.png", draw(studio.sheet(stars, result.headline))
    )
    return stars
