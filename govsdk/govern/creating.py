"""Making a workspace's folder: models copied in, keys made, registry and ledger begun.

- A folder becomes a workspace with its last file, ``workspace.yaml``, which the caller saves: a
  killed ``create`` leaves none.
- A ``create`` that fails takes back what it made, so that the mended call finds the folder empty.
- The models are copied: whatever happens to their source, version 0 stays what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from govsdk.canonical import sha256_hex
from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.durable import PUBLIC, disk_error, remove_tree, write_file
from govsdk.errors import ConflictError, MissingModelError, RequestError
from govsdk.govern.config import FILE, RecogniserFiles, Sampling, WorkspaceConfig
from govsdk.govern.places import Places, require_apart
from govsdk.ledger import Ledger
from govsdk.models import layout
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.lines import ModelLine
from govsdk.ports import GovernedModels, RecogniserSource, Role
from govsdk.records import instant
from govsdk.registry import Registry
from govsdk.registry.vault import Entropy


@contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """Make the absent ``folder``, or take the empty one, for the block; leave it so if that fails.

    Raises:
        ConflictError: The folder is not empty, or no folder.
    """
    existed = folder.exists()
    if existed and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            "the folder for the new workspace is not empty",
            hint=f"name another one; without {FILE} in it, it may be what a killed `govsdk init` "
            "left: look, and remove it",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise disk_error(cause, "making the workspace's folder") from cause
    try:
        yield
    except BaseException:
        made = Places(folder)
        for part in (made.keys, made.recognisers, made.models, made.registry, made.ledger):
            remove_tree(part)
        if not existed:
            with suppress(OSError):  # somebody put something there meanwhile
                folder.rmdir()
        raise


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
    """Fill the ``fresh`` ``folder``; return the workspace's configuration and keys.

    Raises:
        RequestError, MissingKeyError, MissingModelError, ModelCorruptError, DigestMismatchError: As
            ``Workspace.create``.
    """
    for anchor in anchors:
        require_apart(folder, Path(anchor))
    sampling = _sampling(models)
    origin = f"w-{entropy(4).hex()}.ledger.invalid"
    # Keys before models: what is most often forgotten is found before gigabytes are copied.
    places = Places(folder)
    opened = WorkspaceKeys.create(places.keys, keys, origin=origin, entropy=entropy)
    config = WorkspaceConfig(
        name=name or folder.name,
        created_at=instant(created_at),
        origin=origin,
        recognisers=_adopt(folder, models),
        sampling=sampling,
        anchors=tuple(str(Path(anchor).absolute()) for anchor in anchors),
    )
    Registry.create(places.registry, vault=opened.vault, entropy=entropy)
    Ledger.create(places.ledger, keys=opened, anchors=[Path(anchor) for anchor in config.anchors])
    return config, opened


def _sampling(models: GovernedModels) -> Sampling:
    try:
        return Sampling(steps=models.steps, guidance=models.guidance)
    except ValidationError as cause:
        raise RequestError(
            f"{models.steps} steps, guidance {models.guidance}: give 1 to 1,000 steps, and a scale "
            "from 0 to 30"
        ) from cause


def _adopt(folder: Path, models: GovernedModels) -> dict[Role, RecogniserFiles]:
    """Copy the models into ``folder``; return where the recognisers lie."""
    generator = layout.resolve(models.generator)
    try:
        recognisers = {
            role: _adopt_recogniser(folder, role, source)
            for role, source in models.recognisers.items()
        }
        _require_different(folder, recognisers.values())
        ModelLine.create(Places(folder).models, generator)
    except OSError as cause:
        raise disk_error(cause, "copying the models") from cause
    return recognisers


def _require_different(folder: Path, recognisers: Collection[RecogniserFiles]) -> None:
    """Accept recognisers of which none is another's copy: that much of independence can be seen."""
    digests = {sha256_hex((folder / each.onnx).read_bytes()) for each in recognisers}
    if len(digests) < len(recognisers):
        raise RequestError(
            "two recognisers are the same file",
            hint="a verdict needs two that share neither weights nor the people they learnt from",
        )


def _adopt_recogniser(folder: Path, role: Role, source: RecogniserSource) -> RecogniserFiles:
    place = f"recognisers/{role.lower()}"
    onnx, calibration = f"{place}/recogniser.onnx", f"{place}/calibration.json"
    if not source.onnx.is_file():
        raise MissingModelError(
            f"the ONNX file of recogniser {role}", hint="check the path", recogniser=role
        )
    network = source.onnx.read_bytes()
    write_file(folder / onnx, network, mode=PUBLIC)
    if source.calibration is None:
        return RecogniserFiles(onnx=onnx)
    # Here, not at its first use: a record of another recogniser would make a useless workspace.
    record = CalibrationRecord.load(source.calibration)
    record.fits(sha256_hex(network))
    write_file(folder / calibration, source.calibration.read_bytes(), mode=PUBLIC)
    return RecogniserFiles(onnx=onnx, calibration=calibration)
