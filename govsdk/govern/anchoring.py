"""Anchoring: beginning a folder, outside the workspace, that gets a copy of every checkpoint.

Opening a ledger never begins one: an empty folder where heads were kept is how a rollback of the
whole workspace would be hidden. So it takes this call, in the name of whoever answers for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.errors import ConflictError
from govsdk.govern.config import WorkspaceConfig
from govsdk.govern.events import log
from govsdk.govern.places import require_apart
from govsdk.ledger.anchors import Anchor
from govsdk.tlog.checkpoints import SignedCheckpoint
from govsdk.tlog.notes import VerifierKey

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


def begin_anchor(workspace: Workspace, folder: Path) -> SignedCheckpoint:
    """Begin the anchor ``folder`` with the present head, and name it in the configuration.

    The other anchors are compared first; what ``folder`` may once have remembered is not known.

    Raises:
        RequestError: It lies in the workspace, or holds it.
        ConflictError: It remembers heads of this ledger already.
        LockedError: An edit, or another such call, is under way (retryable).
    """
    require_apart(workspace.folder, folder)
    place = str(folder.absolute())
    anchor = Anchor(Path(place), VerifierKey.parse(workspace.log_vkey))
    with workspace.editing():
        if anchor.begun():
            raise ConflictError(
                "the folder keeps heads of this ledger already",
                hint="it need not be begun; `govsdk doctor` says whether it is in use",
            )
        named = WorkspaceConfig.load(workspace.folder).anchors
        try:
            workspace.reconfigure(anchors=tuple(each for each in named if each != place))
            head = workspace.ledger.head()
            anchor.begin(head)
        finally:
            # Whatever failed, no head goes without its copy in the anchors that were named.
            workspace.reconfigure(anchors=named)
        if place not in named:
            workspace.save_config(anchors=(*named, place))
    log.info("govsdk.anchor.begun", size=head.size)
    return head
