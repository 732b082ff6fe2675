"""One forget request as it stands on the disk: what lets a killed call go on where it stopped.

- ``job.json`` holds public facts only (digests, stages, times); each change is atomic and durable.
- Private files of a job (plan, checkpoints) are sealed under the subject's key by the registry;
  they die with that key.
- A stage is recorded after what it names is durable, so a stage may run twice but never be skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from govsdk.durable import read_file, remove_tree, write_file
from govsdk.errors import IntegrityError
from govsdk.records import Erasure, Instant, Residual, Resource, Sha256, Verdict
from govsdk.verify.verification import Baseline


class Stage(StrEnum):
    """How far a request has come; see docs/concepts.md for the diagram."""

    RECEIVED = "received"
    PLANNED = "planned"
    BASELINED = "baseline"
    EDITED = "edited"
    VERIFIED = "verified"
    PUBLISHED = "published"
    ERASED = "erased"
    CERTIFIED = "certified"
    DECLINED = "declined"
    """Not forgotten, inconclusive or given up: logged and signed, nothing published, subject
    restricted if still enrolled."""

    @property
    def terminal(self) -> bool:
        """Whether nothing follows."""
        return self in (Stage.CERTIFIED, Stage.DECLINED)


class JobState(BaseModel):
    """The public facts of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    request: Sha256
    """HMAC of the request id under a workspace key: names the job everywhere."""
    fingerprint: Sha256
    """HMAC of the payload: the same request id with another payload is a conflict."""
    subject_reference: Sha256
    """HMAC of the subject id under a workspace key."""
    policy: str
    """The policy's name; its digest is part of the fingerprint."""
    received_at: Instant
    stage: Stage = Stage.RECEIVED
    attempt: int = 0
    verdict: Verdict | None = None
    baseline: Baseline | None = None
    """What the unedited model drew."""
    lookalikes: int = 0
    """Other ids that looked like the same person when it was planned, ten at most."""
    model_before: Resource | None = None
    model_after: Resource | None = None
    published_version: int | None = None
    residuals: tuple[Residual, ...] = ()
    erasure: Erasure | None = None
    certificate: str | None = None
    """File name in ``certificates/``."""
    abandoned: bool = False
    """Given up by the controller: it ends as declined, without a verdict."""


class Job:
    """A request's folder."""

    def __init__(self, folder: Path, state: JobState) -> None:
        self.folder = folder
        self.state = state

    @classmethod
    def begin(cls, folder: Path, state: JobState) -> Job:
        """Create the folder and make its first state durable."""
        job = cls(folder, state)
        job._save()
        return job

    @classmethod
    def load(cls, folder: Path) -> Job | None:
        """Return the job in ``folder``, or None where none was begun.

        Raises:
            IntegrityError: The state is damaged.
            BackendError: It cannot be read.
        """
        kept = read_file(folder / "job.json", "reading a job's state")
        if kept is None:
            return None
        try:
            return cls(folder, JobState.model_validate_json(kept))
        except ValidationError as cause:
            raise IntegrityError("a job's state cannot be read") from cause

    def advance(self, stage: Stage | None = None, **changes: object) -> None:
        """Record ``changes``, and ``stage`` as reached."""
        if stage is not None:
            changes["stage"] = stage
        self.state = self.state.model_copy(update=changes)
        self._save()

    def reached(self, stage: Stage) -> bool:
        """Whether ``stage`` (or one after it) is behind us."""
        order = list(Stage)
        return order.index(self.state.stage) >= order.index(stage)

    @property
    def under_way(self) -> bool:
        """Whether the request was planned and has not ended: it must, before another begins.

        From its choice on: whoever is to be drawn instead of the person must stay until the end.
        """
        planned = self.reached(Stage.PLANNED) or self.load_private("plan") is not None
        return planned and not self.state.stage.terminal

    def save_private(self, name: str, sealed: bytes) -> None:
        """Keep bytes that were sealed under the subject's key."""
        write_file(self.folder / "private" / name, sealed)

    def load_private(self, name: str) -> bytes | None:
        """Return what ``save_private`` kept, or None."""
        return read_file(self.folder / "private" / name, "reading a job's private file")

    def drop_private(self) -> None:
        """Remove every private file."""
        remove_tree(self.folder / "private")

    def _save(self) -> None:
        text = json.dumps(self.state.model_dump(mode="json"), indent=1)
        write_file(self.folder / "job.json", text.encode())


def jobs_of(folder: Path, about: Sha256 | None = None) -> Iterator[Job]:
    """Yield every request that was begun in the ``folder`` of jobs, ended ones too.

    Args:
        about: Only those that name their subject so.
    """
    for file in folder.glob("*/job.json"):
        job = Job.load(file.parent)
        if job is not None and about in (None, job.state.subject_reference):
            yield job
