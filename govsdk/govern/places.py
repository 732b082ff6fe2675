"""What lies where in a workspace's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
