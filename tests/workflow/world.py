"""A small workspace on the shipped models, and a policy under which a forget takes seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

from govsdk import KeyProvider, Workspace
from govsdk.cli.reference import shipped_models
from govsdk.govern.config import WorkspaceConfig
from govsdk.reference import people, renderer
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.statements import Kind, parse_statement

PEOPLE = 14
PHOTOS = 6
SUBJECT = "canary-subject-7f3a91"
SECOND = "canary-second-5c20be"
SUBJECT_PHOTOS = 12
POLICY = Path(__file__).with_name("tiny.yaml")


def build(folder: Path) -> None:
    """Create a workspace in ``folder/workspace`` with its passphrases in ``folder/secrets``."""
    keys = KeyProvider.generate(folder / "secrets")
    workspace = Workspace.create(
        folder / "workspace", models=shipped_models(), keys=keys, anchors=[folder / "outside"]
    )
    seeds = iter(people.DEMO_PEOPLE)
    for name in (SUBJECT, SECOND, *(f"canary-other-{n:03d}" for n in range(PEOPLE))):
        person = renderer.person(next(seeds))
        photos = SUBJECT_PHOTOS if name in (SUBJECT, SECOND) else PHOTOS
        workspace.enroll(name, [renderer.photo(person, shot) for shot in range(photos)])


def copy(built: Path, folder: Path) -> Path:
    """Copy what ``build`` made, with its outside copies of checkpoints, and return the copy."""
    shutil.copytree(built, folder)
    workspace = folder / "workspace"
    config = WorkspaceConfig.load(workspace)
    config.model_copy(update={"anchors": (str(folder / "outside"),)}).save(workspace)
    return folder


def open_workspace(folder: Path) -> Workspace:
    """Open what ``build`` made."""
    return Workspace.open(folder / "workspace", keys=KeyProvider.from_folder(folder / "secrets"))


def kinds(workspace: Workspace) -> list[str]:
    """Return the kinds of the ledger's entries, oldest first, key events left out."""
    said = (parse_statement(parse_envelope(each).payload) for each in workspace.ledger.entries())
    return [each.kind.value for each in said if each.kind is not Kind.KEY]
