"""Anchoring: beginning a folder, outside the workspace, that gets a copy of every checkpoint.

Opening a ledger never begins one: an empty folder where heads were kept is how a rollback of the
whole workspace would be hidden. So it takes this call, in the name of whoever answers for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.errors import ConflictError
from govsdk.govern.events import log
from govsdk.ledger.anchors import Anchor
from govsdk.tlog.checkpoints import SignedCheckpoint
from govsdk.tlog.notes import VerifierKey

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


def begin_anchor(workspace: Workspace, folder: Path) -> SignedCheckpoint:
    """Begin the anchor ``folder`` with the present head, and name it in the configuration.

    The other anchors are compared first; what ``folder`` may once have remembered is not known.

    Raises:
        ConflictError: It remembers heads of this ledger already.
    """
    place = str(folder.absolute())
    anchor = Anchor(Path(place), VerifierKey.parse(workspace.log_vkey))
    if anchor.begun():
        raise ConflictError("the folder keeps heads of this ledger already")
    before = workspace.config
    others = tuple(each for each in before.anchors if each != place)
    try:
        workspace.reconfigure(before.model_copy(update={"anchors": others}))
        head = workspace.ledger.head()
        anchor.begin(head)
    finally:
        # Whatever failed, no head goes without its copy in the anchors that were named.
        workspace.reconfigure(before)
    if place not in before.anchors:
        named = before.model_copy(update={"anchors": (*before.anchors, place)})
        named.save(workspace.folder)
        workspace.reconfigure(named)
    log.info("govsdk.anchor.begun", size=head.size)
    return head
