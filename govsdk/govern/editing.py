"""The stage that changes weights: an edit, staged and named in the ledger, not yet judged.

- The editor sees the edit photos, the anchor, retained people and recogniser A; never a sealed
  photo, the subject's or anybody's, never recogniser B. One thing goes beyond: the anchor is the
  centroid of all their photos, chosen before any were sealed.
- Its checkpoints lie in the job's folder under the subject's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from govsdk.errors import GovsdkError
from govsdk.govern.residuals import replayed
from govsdk.models.manifest import manifest_of
from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Float32, Templates
from govsdk.records import Resource
from govsdk.tlog.statements import Kind
from govsdk.verify.folds import split_retained
from govsdk.verify.seeds import derive

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting
    from govsdk.unlearn.looking import Looks


def require_editable(policy: Policy) -> Policy:
    """Return ``policy`` if the editor knows its method, its preset and every override.

    Raises:
        PolicyError: It does not; names the key and what was probably meant.
    """
    from govsdk.unlearn import methods, presets

    methods.require(policy.unlearning.method)
    presets.settings(policy.unlearning.preset, policy.unlearning.overrides)
    return policy


def edit(run: Forgetting, attempt: int) -> None:
    """Edit the model for ``attempt``, stage it, and name its digest in the ledger."""
    from govsdk.unlearn import methods, presets

    workspace, private, templates = run.workspace, run.private, run.templates
    wanted = run.policy.unlearning
    settings = presets.settings(wanted.preset, wanted.overrides)
    line = workspace.line
    before, first = line.current(), line.version(0)
    # The folds of failed attempts are spent: what was judged once may teach the next edit.
    photos = private.split.edit + tuple(
        photo for fold in private.split.sealed[:attempt] for photo in fold
    )
    taught = templates.only(photos)
    radius = float(workspace.calibrations[CONDITIONING].genuine_angle.p999)
    note = run.entries.note(Kind.PLAN)
    seed = int.from_bytes(derive(note, f"edit/{attempt}", 4))
    retained = [rows for person in run.gallery if len(rows := _taught(person, note))]
    staged = run.staging(attempt)
    edited = methods.find(wanted.method)(
        before.path,
        staged,
        subject=taught.by_recogniser[CONDITIONING],
        anchor=private.anchor.embedding,
        retained=retained,
        settings=settings,
        seed=seed,
        radius=radius,
        replay=replayed(workspace, templates, private.anchor.embedding),
        teacher=first.path if before.number else None,
        guidance=workspace.config.sampling.guidance,
        device=workspace.config.device,
        checkpoints=_SealedCheckpoints(run, attempt),
        progress=run.progress,
        watch=_looks(run, taught, retained, radius, settings.margin, seed),
    )
    model = Resource(name=f"staged/{attempt}", sha256=manifest_of(staged).digest())
    report = edited.report(model, wanted.preset)
    run.entries.append(Kind.STAGED, model, report.public(), part=str(attempt))
    run.log.info(
        "govsdk.forget.edited",
        attempt=attempt,
        steps=report.steps,
        stopped_early=report.stopped_early,
    )


def _taught(person: Templates, note: bytes) -> Float32:
    """Return what the editor may see of a retained person: embeddings ``[photos, d]``."""
    return person.only(split_retained(person, note=note).edit).by_recogniser[CONDITIONING]


def _looks(
    run: Forgetting,
    taught: Templates,
    retained: Sequence[Float32],
    radius: float,
    margin: float,
    seed: int,
) -> Looks:
    """Return the early-stop signal, as strict as the policy by ``margin``."""
    from govsdk.unlearn.looking import Looks
    from govsdk.unlearn.mixtures import unit

    workspace, fmr = run.workspace, str(run.policy.claims.forget.fmr)
    return Looks(
        subject=taught.by_recogniser[CONDITIONING],
        others=unit(np.stack([rows.mean(axis=0) for rows in retained])),
        radius=radius,
        embedder=workspace.embedders[CONDITIONING],
        threshold=workspace.calibrations[CONDITIONING].strictest(fmr, "low") - margin,
        steps=workspace.config.sampling.steps,
        guidance=workspace.config.sampling.guidance,
        seed=seed,
    )


class _SealedCheckpoints:
    """Keeps the edit's newest checkpoint under the subject's key."""

    def __init__(self, run: Forgetting, attempt: int) -> None:
        self._run = run
        self._name = f"checkpoint-{attempt}"

    def save(self, data: bytes) -> None:
        registry = self._run.workspace.registry
        self._run.job.save_private(self._name, registry.seal(self._run.subject, self._name, data))

    def load(self) -> bytes | None:
        sealed = self._run.job.load_private(self._name)
        if sealed is None:
            return None
        try:
            return self._run.workspace.registry.unseal(self._run.subject, self._name, sealed)
        except GovsdkError:
            # A checkpoint saves time, nothing else: a damaged one costs that time.
            return None
