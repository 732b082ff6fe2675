"""The stages that measure: the unedited model before the edit, the staged one after it.

- Seeds come from checkpoint notes: the plan's for the baseline, the staged model's for the verdict.
- Trials that a killed run has drawn are not drawn again: they lie in the job's folder under the
  subject's key; retained people's pictures under the model in force lie in the workspace's cache,
  which is dropped whenever somebody is erased.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.canonical import sha256_hex
from govsdk.durable import write_file
from govsdk.errors import DigestMismatchError, GovsdkError
from govsdk.govern.lapsing import unscreened
from govsdk.govern.residual_file import ScoreSheet, transcript_from, transcript_to
from govsdk.govern.residuals import earlier_subjects
from govsdk.govern.timing import Timed
from govsdk.govern.withdrawing import came_back
from govsdk.models.manifest import manifest_of
from govsdk.policy import Policy
from govsdk.records import Resource, Verdict, Verification
from govsdk.registry.vault import Vault, seal, unseal
from govsdk.tlog.statements import Kind
from govsdk.verify.inquiry import Inquiry
from govsdk.verify.screen import Forgotten
from govsdk.verify.transcript import Transcript
from govsdk.verify.trials import Model
from govsdk.verify.verification import Baseline, baseline, verify

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting
    from govsdk.govern.workspace import Workspace
    from govsdk.models.generator import Generator


def measure_baseline(run: Forgetting) -> Baseline:
    """Return what the unedited model draws for the subject's conditions."""
    workspace = run.workspace
    return baseline(
        _inquiry(run),
        sealed=run.private.split.sealed[0],
        before=_model(run.current, workspace.generator()),
        note=run.entries.note(Kind.PLAN),
        journal=_journal(run),
        keep=lambda said: _keep(run, "baseline", said),
        anchor=run.private.anchor,
        progress=Timed(run.progress),
    )


def judge(run: Forgetting, attempt: int) -> Verdict:
    """Measure the staged model of ``attempt``, log the report, and return its verdict."""
    part = str(attempt)
    if run.entries.predicate(Kind.VERIFICATION, part=part) is None:
        report = _verify(run, attempt)
        run.entries.append(Kind.VERIFICATION, report.model, report.public(), part=part)
    said = run.entries.predicate(Kind.VERIFICATION, part=part)
    return Verification.model_validate(said).verdict


def _verify(run: Forgetting, attempt: int) -> Verification:
    workspace = run.workspace
    measured = run.job.state.baseline
    assert measured is not None, "the baseline comes first"
    staged = run.staged_model(attempt)
    if manifest_of(run.staging(attempt)).digest() != staged.sha256:
        raise DigestMismatchError(
            "the staged model is not the one that the ledger names",
            hint="give the request up with `govsdk abandon` and make it again under a new id",
        )
    return verify(
        _inquiry(run),
        attempt=attempt + 1,
        sealed=run.private.split.sealed[attempt],
        baseline=measured,
        unscreened=len(unscreened(workspace)),
        before=_model(run.current, workspace.generator()),
        after=_model(staged, workspace.generator(run.staging(attempt))),
        note=run.entries.note(Kind.STAGED, part=str(attempt)),
        plan=run.entries.note(Kind.PLAN),
        journal=_journal(run),
        cache=_cache(workspace),
        keep=lambda said: _keep(run, f"forget-{attempt}", said),
        anchor=run.private.anchor,
        photos=workspace.registry.photos,
        features=workspace.features,
        progress=Timed(run.progress),
    )


def _inquiry(run: Forgetting) -> Inquiry:
    workspace = run.workspace
    return Inquiry(
        run.policy,
        run.templates,
        run.gallery,
        workspace.embedders,
        workspace.calibrations,
        people_to_screen(workspace, run.policy),
    )


def people_to_screen(workspace: Workspace, policy: Policy) -> list[Forgotten]:
    """Return everybody who must not come back, each with the policy of their certificate.

    Where a residual does not tell it, that is ``policy``, the one of this edit. Whoever is known to
    have come back before is replayed in the edit and not screened: that is on record, and would
    fail every later edit.
    """
    return [
        Forgotten(past.templates, past.policy or policy)
        for past in earlier_subjects(workspace)
        if past.screenable and not came_back(workspace, past.templates.subject)
    ]


def score_sheet(run: Forgetting) -> ScoreSheet:
    """Return what the verification of the last attempt can be repeated from."""
    last = str(run.job.state.attempt)
    return ScoreSheet(
        plan=run.entries.payload(Kind.PLAN),
        verification=run.entries.payload(Kind.VERIFICATION, part=last),
        notes={
            "baseline": run.entries.note(Kind.PLAN),
            "forget": run.entries.note(Kind.STAGED, part=last),
        },
        transcripts={
            "baseline": _kept(run, "baseline"),
            "forget": _kept(run, f"forget-{last}"),
        },
    )


def _keep(run: Forgetting, name: str, said: Transcript) -> None:
    """Put a transcript aside under the subject's key, until it is sealed for the auditors."""
    data = json.dumps(transcript_to(said)).encode()
    name = f"transcript-{name}"
    run.job.save_private(name, run.workspace.registry.seal(run.subject, name, data))


def _kept(run: Forgetting, name: str) -> Transcript:
    name = f"transcript-{name}"
    sealed = run.job.load_private(name)
    assert sealed is not None, "measured before it is sealed"
    said = run.workspace.registry.unseal(run.subject, name, sealed)
    return transcript_from(json.loads(said))


def _model(resource: Resource, generator: Generator) -> Model:
    from govsdk.models.whitebox import WhiteBox

    return Model(resource, generator, WhiteBox(generator))


class SealedStore:
    """A store of trials: one sealed file for each ``put``, all read at the first ``get``."""

    def __init__(
        self, folder: Path, seal: Callable[[bytes], bytes], unseal: Callable[[bytes], bytes]
    ) -> None:
        self._folder = folder
        self._seal, self._unseal = seal, unseal
        self._values: dict[str, bytes] | None = None

    def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return what is there of ``keys``."""
        values = self._all()
        return {key: values[key] for key in keys if key in values}

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep ``values``, all or none."""
        text = json.dumps({key: b64encode(value).decode() for key, value in values.items()})
        name = sha256_hex("\n".join(sorted(values)).encode())[:32]
        write_file(self._folder / name, self._seal(text.encode()))
        self._all().update(values)

    def _all(self) -> dict[str, bytes]:
        if self._values is None:
            self._values = {}
            for file in sorted(self._folder.glob("[0-9a-f]*")):
                # A kept trial saves time, nothing else: what is damaged is drawn again.
                with suppress(GovsdkError, ValueError):
                    kept = json.loads(self._unseal(file.read_bytes()))
                    self._values |= {key: b64decode(value) for key, value in kept.items()}
        return self._values


def _journal(run: Forgetting) -> SealedStore:
    registry, subject = run.workspace.registry, run.subject
    return SealedStore(
        run.folder / "private" / "trials",
        lambda data: registry.seal(subject, "trials", data),
        lambda sealed: registry.unseal(subject, "trials", sealed),
    )


def _cache(workspace: Workspace) -> SealedStore:
    # A trial's key names model and recognisers, not the sampler, nor what they call quality.
    sampling = workspace.config.sampling
    qualities = "\n".join(
        f"{name} {record.quality.metric}" for name, record in sorted(workspace.calibrations.items())
    )
    told = f"{sampling.steps}-{sampling.guidance}-{sha256_hex(qualities.encode())[:8]}"
    vault = Vault(workspace.keys.vault, workspace.entropy)
    return SealedStore(
        workspace.places.cache / told,
        lambda data: seal(vault.key, "trials", "cache", data, entropy=workspace.entropy),
        lambda sealed: unseal(vault.key, "trials", "cache", sealed),
    )
