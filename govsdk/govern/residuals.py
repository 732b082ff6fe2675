"""What outlives erasure on purpose: a sealed file of embeddings, and what it is opened for.

- Under ``residuals: sealed`` one age file per forgotten subject is kept, readable only with the
  workspace's verifier key (held outside the workspace) and the auditors' keys.
- It is opened for nothing but re-verification, replay in later edits, and to keep anchors away
  from people who were forgotten; under ``residuals: none`` nothing is kept and none of that works.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from govsdk.certify.recipients import fingerprint
from govsdk.certify.residuals import open_sealed, seal
from govsdk.durable import write_file
from govsdk.govern.plan import PrivatePlan
from govsdk.records import Float32, Sha256, SubjectId, Templates

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace

RESIDUAL = "embeddings"
"""What certificates call the sealed file."""


@dataclass(frozen=True, eq=False)
class EarlierSubject:
    """Somebody forgotten earlier on this model line, as their residual remembers them."""

    templates: Templates
    """Embeddings only; the id is the request's name in the ledger."""
    edit: tuple[int, ...]
    anchor: Float32

    def keep_away(self) -> list[Float32]:
        """Return the embeddings that no later anchor may come near."""
        return [self.templates.centroid("A"), self.anchor]


def residual_path(workspace: Workspace, request: Sha256) -> Path:
    """Return where the residual of ``request`` lies or would lie."""
    return workspace.folder / "residuals" / f"{request}.age"


def keep_residual(
    workspace: Workspace, request: Sha256, templates: Templates, private: PrivatePlan
) -> bytes:
    """Seal the embeddings of ``templates`` into a residual file; return the sealed bytes."""
    content = json.dumps(
        {
            "version": 1,
            "embeddings": {role: _pack(rows) for role, rows in templates.by_recogniser.items()},
            "edit": private.split.edit,
            "sealed": private.split.sealed,
            "anchor": _pack(private.anchor.embedding[None]),
        }
    ).encode()
    sealed = seal(content, [workspace.keys.recipient, *workspace.config.auditors])
    write_file(residual_path(workspace, request), sealed)
    return sealed


def key_holders(workspace: Workspace) -> str:
    """Return who can open a residual that is sealed now, as the certificate names them."""
    auditors = ", ".join(map(fingerprint, workspace.config.auditors))
    return "workspace verifier key" + (f"; auditors {auditors}" if auditors else "")


def open_residual(workspace: Workspace, request: Sha256) -> EarlierSubject | None:
    """Return what the residual of ``request`` holds, or None where none is kept."""
    path = residual_path(workspace, request)
    if not path.exists():
        return None
    value = json.loads(open_sealed(path.read_bytes(), workspace.keys.verifier))
    return EarlierSubject(
        Templates(
            SubjectId(request),
            {role: _unpack(rows) for role, rows in value["embeddings"].items()},
        ),
        tuple(value["edit"]),
        _unpack(value["anchor"])[0],
    )


def earlier_subjects(workspace: Workspace) -> list[EarlierSubject]:
    """Return everybody forgotten on this model line whose residual is kept."""
    return list(_earlier(workspace))


def _earlier(workspace: Workspace) -> Iterator[EarlierSubject]:
    for request in workspace.certificates():
        residual = open_residual(workspace, request)
        if residual is not None:
            yield residual


def _pack(rows: Float32) -> dict[str, Any]:
    return {"shape": rows.shape, "float32": base64.b64encode(rows.tobytes()).decode()}


def _unpack(value: Mapping[str, Any]) -> Float32:
    rows = np.frombuffer(base64.b64decode(value["float32"]), dtype=np.float32)
    return rows.reshape(tuple(value["shape"]))
