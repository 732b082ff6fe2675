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
from govsdk.durable import PUBLIC, new_folder, write_file
from govsdk.errors import (
    LegalHoldError,
    RequestError,
    TooFewPeopleError,
    TooFewPhotosError,
)
from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Picture, Progress, SubjectId
from govsdk.records import Sha256, Verdict
from govsdk.verify.folds import split_photos
from govsdk.verify.recognition import Budget, Examination, Faces, examine
from govsdk.verify.seeds import picture_seeds, stream
from govsdk.verify.trials import BATCH

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace
    from govsdk.unlearn.dispersion import DispersionSettings

NAME = "R"
"""The role under which the recogniser stands in what is measured."""


@dataclass(frozen=True)
class RecogniserInUse:
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
    people_taught: int
    people_examined: int
    examination: Examination

    @property
    def ok(self) -> bool:
        """Whether every claim passed."""
        return self.examination.verdict is Verdict.FORGOTTEN

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
            "peopleTaught": self.people_taught,
            "peopleExamined": self.people_examined,
            "claims": [each.public() for each in found.claims],
            "controls": [each.public() for each in found.controls],
            "attacks": [each.public() for each in found.attacks],
            "reported": [each.public() for each in found.reported],
        }


def disperse(
    workspace: Workspace,
    subject: SubjectId,
    policy: Policy,
    files: RecogniserInUse,
    out: Path,
    *,
    settings: DispersionSettings,
    seed: int,
    budget: Budget,
    progress: Progress,
) -> Dispersal:
    """Write the recogniser, with ``subject`` scattered, into the new folder ``out``; see
    ``Workspace.disperse``."""
    from govsdk.models.generator import pick_device
    from govsdk.models.modules import (
        ONNX,
        load_module,
        require_written,
        twin_of,
        write_module,
    )
    from govsdk.models.recognisers import Recogniser
    from govsdk.unlearn.dispersion import disperse as scatter

    if not 0 <= seed < 2**63:
        raise RequestError("the seed is a whole number from 0 to 2**63 - 1")
    if workspace.registry.held(subject):
        raise LegalHoldError()
    device = workspace.config.device
    record = CalibrationRecord.load(files.calibration)
    before = Recogniser.load(files.onnx, NAME, record, device=device)
    module = load_module(files.network, files.weights).to(pick_device(device))
    secret = canonical_bytes({"seed": str(seed), "recogniser": before.sha256})
    people = _people(workspace, subject, budget, secret)
    twin = twin_of(before, module, people.edit)
    with new_folder(out) as folder:
        faces = people.faces(_drawn(workspace, subject, policy, secret, progress))
        scattered = scatter(
            module,
            subject=people.edit,
            retained=[photo for photos in people.taught for photo in photos],
            blob=twin.blob,
            span=twin.span,
            settings=settings,
            seed=seed,
            progress=progress,
        )
        write_module(scattered.network, folder, before)
        after = Recogniser.load(folder / ONNX, NAME, metric=record.quality.metric, device=device)
        require_written(after, scattered.network, before, people.edit)
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
            edit_photos=len(people.edit),
            held_out_photos=len(faces.held_out),
            people_taught=len(people.taught),
            people_examined=len(faces.people),
            examination=found,
        )
        write_file(folder / "report.json", canonical_bytes(done.to_dict()) + b"\n", mode=PUBLIC)
    return done


@dataclass(frozen=True, eq=False)
class _People:
    """Whose photos may be learned from, and whose are looked at: nobody's are both."""

    edit: Sequence[Picture]
    held_out: Sequence[Picture]
    taught: Sequence[Sequence[Picture]]
    examined: Sequence[Sequence[Picture]]

    def faces(self, drawn: Sequence[Picture]) -> Faces:
        return Faces(self.edit, self.held_out, drawn, self.examined)


def _people(workspace: Workspace, subject: SubjectId, budget: Budget, secret: bytes) -> _People:
    """Return the subject's photos in two parts, and other people in two halves."""
    registry = workspace.registry
    photos = registry.photos(subject)
    if not photos:
        raise TooFewPhotosError("embeddings were enrolled, and a recogniser is taught by photos")
    split = split_photos(len(photos), 1, digest=secret)
    people = [registry.photos(person.subject) for person in registry.gallery(exclude=(subject,))]
    people = [each for each in people if len(each) > 1]
    # The larger half is looked at.
    needed = 2 * budget.looked_at - 1
    if len(people) < needed:
        raise TooFewPeopleError(
            f"{len(people)} others are enrolled with at least two photos, {needed} needed",
            hint="enrol more people from photos: half of them are taught to stay, half looked at",
            people=len(people),
            needed=needed,
        )
    order = stream(secret, "recognition/halves").permutation(len(people))
    examined, taught = order[: -(-len(order) // 2)], order[-(-len(order) // 2) :]
    return _People(
        [photos[i] for i in split.edit],
        [photos[i] for fold in split.sealed for i in fold],
        [people[i] for i in taught],
        [people[i] for i in examined],
    )


def _drawn(
    workspace: Workspace,
    subject: SubjectId,
    policy: Policy,
    secret: bytes,
    progress: Progress,
) -> list[Picture]:
    """Return fresh pictures of the subject: the generator in force, for conditions from D."""
    import numpy as np

    from govsdk.models.distribution import draw_conditions

    registry, trials = workspace.registry, policy.claims.forget.trials
    gallery = registry.gallery(exclude=(subject,))
    conditions = draw_conditions(
        registry.templates(subject).centroid(CONDITIONING),
        np.stack([person.centroid(CONDITIONING) for person in gallery]),
        trials,
        radius=float(workspace.calibration(CONDITIONING).genuine_angle.p999),
        rng=stream(secret, "recognition/conditions"),
    ).embeddings
    generator, pictures = workspace.generator(), []
    seeds = picture_seeds(secret, "recognition/drawn", trials)
    for start in range(0, trials, BATCH):
        progress("draw fresh pictures", start, trials)
        rows = slice(start, start + BATCH)
        pictures += generator.draw(conditions[rows], seeds[rows])
    progress("draw fresh pictures", trials, trials)
    return pictures
