"""Scatter an enrolled person in a face recogniser, examine what came out, and write it.

No certificate: the workspace's model line, ledger and erasure are the generator's. The person
stays enrolled, and what was measured goes to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.canonical import canonical_bytes
from govsdk.durable import remove_tree, sync_folder, write_file
from govsdk.errors import ConflictError, LegalHoldError, TooFewPhotosError
from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import Float32, Picture, Progress, SubjectId
from govsdk.records import Sha256
from govsdk.verify.folds import split_photos
from govsdk.verify.recognition import Budget, Examination, Faces, examine, require_people
from govsdk.verify.seeds import picture_seeds, stream

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace
    from govsdk.unlearn.dispersion import DispersionSettings

NAME = "R"
"""The role under which the recogniser stands in what is measured."""
SIDE = 112
_COMPARED = 16
"""Pictures by which network and file are found to be one recogniser."""


@dataclass(frozen=True)
class RecogniserFiles:
    """A recogniser in use, and what it was exported from."""

    onnx: Path
    calibration: Path
    network: str
    """``package.module:name`` of a class or function that makes its torch module."""
    weights: Path
    """The module's tensors, safetensors."""


@dataclass(frozen=True)
class Dispersal:
    """What was done, and what it came to."""

    policy: str
    before: Sha256
    """Digest of the recogniser's ONNX file."""
    after: Sha256
    steps: int
    seed: int
    edit_photos: int
    held_out_photos: int
    people: int
    examination: Examination

    @property
    def ok(self) -> bool:
        """Whether every claim passed."""
        return self.examination.verdict.value == "FORGOTTEN"

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON values; nothing in it identifies a person."""
        found = self.examination
        return {
            "verdict": found.verdict.value,
            "policy": self.policy,
            "method": "dispersion",
            "before": {"sha256": self.before},
            "after": {"sha256": self.after},
            "steps": self.steps,
            "seed": self.seed,
            "editPhotos": self.edit_photos,
            "heldOutPhotos": self.held_out_photos,
            "people": self.people,
            "claims": [each.public() for each in found.claims],
            "controls": [each.public() for each in found.controls],
            "attacks": [each.public() for each in found.attacks],
            "reported": [each.public() for each in found.reported],
        }


def disperse(
    workspace: Workspace,
    subject: SubjectId,
    policy: Policy,
    files: RecogniserFiles,
    out: Path,
    *,
    settings: DispersionSettings,
    seed: int,
    budget: Budget,
    progress: Progress,
) -> Dispersal:
    """Write the recogniser, with ``subject`` scattered, into the new folder ``out``; see
    ``Workspace.disperse``."""
    from govsdk.models.modules import ONNX, load_module, require_same, write_module
    from govsdk.models.recognisers import Recogniser
    from govsdk.unlearn.dispersion import disperse as scatter

    if out.exists():
        raise ConflictError("the folder for the recogniser exists")
    if workspace.registry.held(subject):
        raise LegalHoldError()
    record = CalibrationRecord.load(files.calibration)
    before = Recogniser.load(files.onnx, NAME, record, device=workspace.config.device)
    module = load_module(files.network, files.weights)
    secret = canonical_bytes({"seed": str(seed), "recogniser": before.sha256})
    edit, faces = _faces(workspace, subject, policy, budget, secret, progress)
    twin = Recogniser.of_module(module, NAME, sha256=before.sha256, dimension=before.dimension)
    require_same(before, twin, [*edit, *faces.held_out][:_COMPARED])
    retained = [photo for photos in faces.people for photo in photos]
    scattered = scatter(
        module,
        subject=edit,
        retained=retained,
        blob=twin.blob,
        settings=settings,
        seed=seed,
        progress=progress,
    )
    partial = out.with_name(f".{out.name}.partial")
    remove_tree(partial)
    try:
        write_module(scattered.network, partial, side=SIDE)
        after = Recogniser.load(partial / ONNX, NAME, metric=record.quality.metric)
        progress("examine", 0, 1)
        found = examine(
            policy,
            faces,
            before=before,
            after=after,
            calibration=record,
            budget=budget,
            seed=secret,
        )
        progress("examine", 1, 1)
        done = Dispersal(
            policy=policy.headline,
            before=before.sha256,
            after=after.sha256,
            steps=scattered.steps,
            seed=seed,
            edit_photos=len(edit),
            held_out_photos=len(faces.held_out),
            people=len(faces.people),
            examination=found,
        )
        write_file(partial / "report.json", canonical_bytes(done.to_dict()) + b"\n", mode=0o644)
        partial.rename(out)
        sync_folder(out.parent)
    finally:
        remove_tree(partial)
    return done


def _faces(
    workspace: Workspace,
    subject: SubjectId,
    policy: Policy,
    budget: Budget,
    secret: bytes,
    progress: Progress,
) -> tuple[Sequence[Picture], Faces]:
    """Return the photos that may be learned from, and everything that is looked at."""
    registry = workspace.registry
    photos = registry.photos(subject)
    if not photos:
        raise TooFewPhotosError("embeddings were enrolled, and a recogniser is taught by photos")
    split = split_photos(len(photos), 1, digest=secret)
    gallery = registry.gallery(exclude=(subject,))
    people = [registry.photos(person.subject) for person in gallery]
    people = [each for each in people if len(each) > 1]
    require_people(len(people), budget)
    templates = registry.templates(subject)
    others = [person.centroid("A") for person in gallery]
    drawn = _drawn(workspace, templates.centroid("A"), others, policy, secret, progress)
    edit = [photos[i] for i in split.edit]
    held_out = [photos[i] for fold in split.sealed for i in fold]
    return edit, Faces(edit, held_out, drawn, people)


def _drawn(
    workspace: Workspace,
    centroid: Float32,
    others: Sequence[Float32],
    policy: Policy,
    secret: bytes,
    progress: Progress,
) -> list[Picture]:
    """Return fresh pictures of the subject: the generator in force, for conditions from D."""
    import numpy as np

    from govsdk.models.distribution import draw_conditions

    trials = policy.claims.forget.trials
    radius = float(workspace.calibrations["A"].genuine_angle.p999)
    conditions = draw_conditions(
        centroid,
        np.stack(others),
        trials,
        radius=radius,
        rng=stream(secret, "recognition/conditions"),
    ).embeddings
    generator, pictures = workspace.generator(), []
    seeds = picture_seeds(secret, "recognition/drawn", trials)
    for start in range(0, trials, 32):
        progress("draw fresh pictures", start, trials)
        rows = slice(start, start + 32)
        pictures += generator.draw(conditions[rows], seeds[rows])
    progress("draw fresh pictures", trials, trials)
    return pictures
