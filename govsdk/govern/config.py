"""What a workspace remembers about itself (``workspace.yaml``): readable, editable, no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from govsdk.certify.recipients import is_recipient
from govsdk.documents import Place, document, dotted
from govsdk.durable import disk_error, write_file
from govsdk.errors import MissingWorkspaceError, RequestError
from govsdk.govern.places import require_apart
from govsdk.ports import Role
from govsdk.records import Instant

FILE = "workspace.yaml"


def _recipient(text: str) -> str:
    if not is_recipient(text):
        raise ValueError("not an age recipient, or mistyped (age1 and 58 characters)")
    return text


class RecogniserFiles(BaseModel):
    """Where one recogniser lies, relative to the workspace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    onnx: str
    calibration: str | None = None
    """Its calibration record. Without A's no anchor can be chosen, so every request is refused;
    without B's every verdict is INCONCLUSIVE."""


class Sampling(BaseModel):
    """How the governed generator draws, in production and before the judge alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=15, ge=1, le=1000)
    guidance: float = Field(default=3.0, ge=0, le=30)
    """Classifier-free guidance scale; 1 turns guidance off."""

    def public(self) -> dict[str, object]:
        """Return the sampler as plans have it."""
        return {"steps": self.steps, "guidance": str(self.guidance)}


class TimestampAuthority(BaseModel):
    """Who stamps the ledger's heads with the time (RFC 3161)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(default=None, pattern=r"^https?://")
    command: tuple[str, ...] = ()
    """In place of a URL: a program that reads a request and writes the answer."""
    certificates: str
    """PEM file of the authority's root: every answer is checked against it."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (not self.command):
            raise ValueError("a timestamp authority has a url or a command")
        return self


class WorkspaceConfig(BaseModel):
    """The contents of ``workspace.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    name: str
    created_at: Instant
    origin: str
    """The ledger's origin: a bare host name."""
    recognisers: dict[Role, RecogniserFiles]
    sampling: Sampling = Sampling()
    anchors: tuple[str, ...] = ()
    """Folders outside the workspace that get a copy of each checkpoint; see ``require_apart``."""
    signer: str | None = None
    """URI of the token or key service that holds the certificate key, e.g. ``hsm:2?label=acme``;
    None: the encrypted file in ``keys/``."""
    auditors: tuple[Annotated[str, AfterValidator(_recipient)], ...] = ()
    """age recipients (``age1...``) that can open residuals besides the workspace's verifier."""
    inception: str | None = None
    """FID's Inception weights (``.pth``, relative to the workspace): KID and FID of retained
    people's pictures are then reported, too. Needs the extra ``fidelity``."""
    timestamps: TimestampAuthority | None = None
    """None: heads are not stamped."""
    lock_timeout_seconds: float = Field(default=30.0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def save(self, workspace: Path) -> None:
        """Write the configuration into ``workspace``."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        write_file(workspace / FILE, text.encode())

    @classmethod
    def load(cls, workspace: Path) -> WorkspaceConfig:
        """Return the configuration of ``workspace``.

        Raises:
            MissingWorkspaceError: There is no ``workspace.yaml``.
            RequestError: It is no such configuration, or a folder in ``anchors`` does not lie apart
                from the workspace; line, field and fix are named.
            BackendError: It cannot be read.
        """
        try:
            text = (workspace / FILE).read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError) as cause:
            raise MissingWorkspaceError(f"no {FILE} in that folder") from cause
        except UnicodeDecodeError as cause:
            raise RequestError(f"{FILE} is no UTF-8 text") from cause
        except OSError as cause:
            raise disk_error(cause, f"reading {FILE}") from cause
        config = document(text, cls, _fault)
        for anchor in config.anchors:
            require_apart(workspace, Path(anchor))
        return config


def _fault(line: int, message: str, place: Place) -> RequestError:
    return RequestError(f"{FILE}:{line}: {message}", line=line, field=dotted(place) or FILE)
