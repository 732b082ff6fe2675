"""Making a workspace's folder: models copied in, keys made, registry and ledger begun.

- A folder becomes a workspace with its last file, ``workspace.yaml``, which the caller saves: a
  killed ``create`` leaves none.
- The models are copied: whatever happens to their source, version 0 stays what it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.durable import disk_error, write_file
from govsdk.errors import ConflictError
from govsdk.govern.config import RecogniserFiles, WorkspaceConfig
from govsdk.ledger import Ledger
from govsdk.models.lines import ModelLine
from govsdk.ports import GovernedModels, Recogniser, RecogniserSource
from govsdk.records import instant
from govsdk.registry import Registry
from govsdk.registry.vault import Entropy


def create(
    folder: Path,
    models: GovernedModels,
    keys: KeyProvider,
    *,
    name: str | None,
    anchors: Sequence[str | Path],
    created_at: datetime,
    entropy: Entropy,
) -> tuple[WorkspaceConfig, WorkspaceKeys]:
    """Fill the empty or absent ``folder``; return the workspace's configuration and keys.

    Raises:
        ConflictError, MissingModelError: As ``Workspace.create``.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError("the folder for the new workspace is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    recognisers = _adopt(folder, models)
    config = WorkspaceConfig(
        name=name or folder.name,
        created_at=instant(created_at),
        origin=f"w-{entropy(4).hex()}.ledger.invalid",
        recognisers=recognisers,
        anchors=tuple(str(Path(anchor).absolute()) for anchor in anchors),
    )
    opened = WorkspaceKeys.create(folder / "keys", keys, origin=config.origin, entropy=entropy)
    Registry.create(folder / "registry", vault=opened.vault, entropy=entropy)
    Ledger.create(
        folder / "ledger", keys=opened, anchors=[Path(anchor) for anchor in config.anchors]
    )
    return config, opened


def _adopt(folder: Path, models: GovernedModels) -> dict[Recogniser, RecogniserFiles]:
    """Copy the models into ``folder``; return where the recognisers lie."""
    try:
        recognisers = {
            role: _adopt_recogniser(folder, role, source)
            for role, source in models.recognisers.items()
        }
        ModelLine.create(folder / "models", models.generator)
    except OSError as cause:
        raise disk_error(cause, "copying the models") from cause
    return recognisers


def _adopt_recogniser(folder: Path, role: Recogniser, source: RecogniserSource) -> RecogniserFiles:
    place = f"recognisers/{role.lower()}"
    onnx, calibration = f"{place}/recogniser.onnx", f"{place}/calibration.json"
    (folder / place).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.onnx, folder / onnx)
    if source.calibration is None:
        return RecogniserFiles(onnx=onnx)
    write_file(folder / calibration, source.calibration.read_bytes(), mode=0o644)
    return RecogniserFiles(onnx=onnx, calibration=calibration)
