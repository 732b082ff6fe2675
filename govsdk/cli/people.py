"""``enroll``, ``subjects``, ``search``, ``hold``, ``lift-hold``, ``release``: who is enrolled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from govsdk.cli.opening import KeysFolder, Subject, WorkspaceFolder, open_workspace
from govsdk.cli.plain import plain
from govsdk.cli.progress import bars
from govsdk.cli.tables import cell, table
from govsdk.cli.verb import Answer, Verb, add_verbs
from govsdk.errors import RequestError

if TYPE_CHECKING:
    from govsdk.registry import Enrolment


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {
        "enroll": enroll,
        "subjects": subjects,
        "search": search,
        "hold": hold,
        "lift-hold": lift_hold,
        "release": release,
    }
    add_verbs(app, verbs, panel="People")


def enroll(
    photos: Annotated[
        list[Path],
        typer.Argument(
            help="Photos (aligned face crops) or folders of them; with --people, one folder that "
            "holds one folder per person.",
            show_default=False,
        ),
    ],
    subject: Annotated[
        str | None, typer.Option("--subject", "-s", help="Your own id of the person.")
    ] = None,
    people: Annotated[
        bool, typer.Option("--people", help="Enrol everybody in a folder of folders.")
    ] = False,
    may_anchor: Annotated[
        bool | None,
        typer.Option(
            help="Whether the person may serve as a replacement identity. Default: yes, or as it "
            "was where they are enrolled already.",
        ),
    ] = None,
    allow_forgotten: Annotated[
        bool,
        typer.Option("--allow-forgotten", help="Enrol even people who were forgotten before."),
    ] = False,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Enrol one person from photos, or everybody in a folder of folders."""
    if people == (subject is not None) or (people and len(photos) != 1):
        raise RequestError("who is to be enrolled?", hint="give --subject ID, or --people FOLDER")
    if people and may_anchor is not None:
        raise RequestError("--may-anchor with --people", hint="enrol them one by one")
    opened = open_workspace(workspace, keys)
    with bars() as progress:
        if subject is None:
            enrolled = opened.enroll_folder(
                photos[0], allow_forgotten=allow_forgotten, progress=progress
            )
        else:
            enrolled = [
                opened.enroll(
                    subject, photos, may_anchor=may_anchor, allow_forgotten=allow_forgotten
                )
            ]
    count, added = sum(each.photos for each in enrolled), sum(each.added for each in enrolled)
    data = {
        "people": len(enrolled),
        "photos": count,
        "added": added,
        "enrolments": plain(enrolled),
    }
    said = f"{len(enrolled)} people enrolled from {count} photos"
    if added < count:
        said += f", {added or 'none'} of them new"
    warnings = [lookalikes(enrolment) for enrolment in enrolled if enrolment.also_enrolled_as]
    return Answer(data, Group(Text(said), *warnings))


def lookalikes(enrolment: Enrolment) -> RenderableType:
    """Return the warning that somebody may be enrolled twice, for a human to judge."""
    others = ", ".join(f"{m.subject} ({m.cosine:.3f})" for m in enrolment.also_enrolled_as)
    return Text.assemble(
        ("warning  ", cell("warning").style),
        f"{enrolment.subject} looks like the same person as {others}: forgetting one id would "
        "leave the other",
    )


def subjects(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """List everybody enrolled."""
    found = open_workspace(workspace, keys).subjects()
    rows = [(s.subject, s.photos, s.state, "yes" if s.may_anchor else "no") for s in found]
    return Answer(plain(found), table(("subject", "photos", "state", "may anchor"), rows))


def search(
    who: Annotated[
        str, typer.Argument(help="A photo or a subject id.", metavar="WHO", show_default=False)
    ],
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many people to list.")] = 5,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """List the enrolled people nearest to a photo or to a subject."""
    matches = open_workspace(workspace, keys).search(who, top=top)
    rows = [(m.subject, f"{m.cosine:.3f}") for m in matches]
    return Answer(plain(matches), table(("subject", "cosine"), rows))


def hold(subject: Subject, workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Put a person under legal hold: `forget` refuses until it is lifted."""
    open_workspace(workspace, keys).hold(subject)
    return Answer({"subject": subject, "held": True}, "under legal hold")


def lift_hold(
    subject: Subject, workspace: WorkspaceFolder = None, keys: KeysFolder = None
) -> Answer:
    """Lift a person's legal hold."""
    lifted = open_workspace(workspace, keys).lift_hold(subject)
    said = (
        "the hold is lifted" if lifted else "the person was not under legal hold: nothing changed"
    )
    return Answer({"subject": subject, "held": False, "changed": lifted}, said)


def release(subject: Subject, workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Lift the restriction that a request put on a person which ended without forgetting."""
    lifted = open_workspace(workspace, keys).release(subject)
    said = (
        "the restriction is lifted" if lifted else "the person was not restricted: nothing changed"
    )
    return Answer({"subject": subject, "restricted": False, "changed": lifted}, said)
