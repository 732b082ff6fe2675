"""What lies where in a workspace's folder, and what must not lie there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from govsdk.errors import RequestError


def require_apart(workspace: Path, anchor: Path) -> None:
    """Accept ``anchor`` if neither it nor the folder ``workspace`` lies in the other.

    Who puts an old copy of one back puts back the other with it: such an anchor would tell of no
    rollback, and make the audit say that it would. Links are followed.

    Raises:
        RequestError: One lies in the other.
    """
    one, other = (Path(os.path.realpath(path)) for path in (workspace, anchor))
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise RequestError(
            f"anchors: {anchor} lies in the workspace, or holds it",
            hint="name one apart from it, best on another machine; what `anchors` in workspace.yaml"
            " names can be taken out there, and another one begun with `govsdk ledger anchor DIR`",
            field="anchors",
            folder=str(anchor),
        )


@dataclass(frozen=True)
class Places:
    """The parts of the workspace in ``folder``, beside its ``workspace.yaml``."""

    folder: Path

    @property
    def keys(self) -> Path:
        """Signing keys, encrypted; their passphrases lie elsewhere (``KeyProvider``)."""
        return self.folder / "keys"

    @property
    def registry(self) -> Path:
        """Identities, every biometric byte under its subject's key."""
        return self.folder / "registry"

    @property
    def models(self) -> Path:
        """The governed model line, one folder per version."""
        return self.folder / "models"

    @property
    def recognisers(self) -> Path:
        """The two recognisers with their calibration records."""
        return self.folder / "recognisers"

    @property
    def ledger(self) -> Path:
        """The append-only ledger and its exported tiles."""
        return self.folder / "ledger"

    @property
    def certificates(self) -> Path:
        """Issued certificates, one file each."""
        return self.folder / "certificates"

    @property
    def residuals(self) -> Path:
        """What outlives erasure on purpose, sealed."""
        return self.folder / "residuals"

    @property
    def jobs(self) -> Path:
        """One folder per forget request."""
        return self.folder / "jobs"

    @property
    def cache(self) -> Path:
        """Retained people's trials under the model in force, sealed; dropped with every erasure."""
        return self.folder / "cache"
