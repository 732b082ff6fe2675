"""What stands in a residual before it is sealed: embeddings, the policy, and how to measure again.

- Embeddings and scores of the subject, and of whoever is drawn instead one embedding, the mean of
  their photos: later edits aim at it again. Nothing else of anybody else is in it.
- That one stays when its person is erased, too, until the residual goes; their own certificate
  says so (``govern/erasing.py``).
- What it says of the request is tied to the certificate by digests that are signed there.
- A residual of a request that ended without an edit has no score sheet.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import index
from typing import Any, Self, SupportsIndex

import numpy as np

from govsdk.errors import MalformedEvidenceError
from govsdk.policy import Policy
from govsdk.ports import Float32, PhotoSplit, Role, SubjectId, Templates
from govsdk.verify.transcript import Transcript

STAGES = ("baseline", "forget")
"""The stages whose trials can be repeated."""


@dataclass(frozen=True, eq=False)
class ScoreSheet:
    """What the verification can be repeated from."""

    plan: bytes
    """Statement of the plan, as signed."""
    verification: bytes
    """Statement of the last attempt's report, as signed."""
    notes: Mapping[str, bytes]
    """Checkpoint notes behind the seeds of each of the ``STAGES``."""
    transcripts: Mapping[str, Transcript]
    """Of the same."""


@dataclass(frozen=True, eq=False)
class ResidualFile:
    """A residual, opened."""

    embeddings: Mapping[Role, Float32]
    """``[photos, d]`` in enrolment order."""
    split: PhotoSplit
    anchor: Float32
    """``[d]``, under recogniser A: of whoever is drawn instead."""
    policy: Policy | None = None
    """The policy that was met."""
    sheet: ScoreSheet | None = None

    def templates(self, name: str) -> Templates:
        """Return the person's embeddings, under a name that identifies nobody."""
        return Templates(SubjectId(name), self.embeddings)

    def to_bytes(self) -> bytes:
        """Return the file, to be sealed at once."""
        content: dict[str, object] = {
            "version": 1,
            "embeddings": _packed(self.embeddings),
            "edit": self.split.edit,
            "sealed": self.split.sealed,
            "anchor": _pack(self.anchor[None]),
        }
        if self.policy is not None:
            content["policy"] = self.policy.model_dump(mode="json")
        if self.sheet is not None:
            content["scores"] = _sheet_to(self.sheet)
        return json.dumps(content).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return what ``to_bytes`` wrote.

        Raises:
            MalformedEvidenceError: It is something else.
        """
        try:
            value = json.loads(data)
            policy, sheet = value.get("policy"), value.get("scores")
            return cls(
                embeddings=_unpacked(value["embeddings"]),
                split=PhotoSplit(
                    _numbers(value["edit"]), tuple(_numbers(fold) for fold in value["sealed"])
                ),
                anchor=_unpack(value["anchor"])[0],
                policy=None if policy is None else Policy.model_validate(policy),
                sheet=None if sheet is None else _sheet_from(sheet),
            )
        except (
            ValueError,  # with pydantic's and json's own
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ):
            # The cause might quote an embedding.
            raise MalformedEvidenceError("not a residual", reason="residual") from None


def transcript_to(said: Transcript) -> dict[str, object]:
    """Return a transcript as JSON values, to be sealed."""
    return {
        "alone": said.alone.tolist(),
        "distribution": _packed(said.distribution),
        "photos": _packed(said.photos),
    }


def transcript_from(value: Mapping[str, Any]) -> Transcript:
    """Return what ``transcript_to`` wrote."""
    alone = np.array(value["alone"], dtype=np.intp)
    return Transcript(alone, _unpacked(value["distribution"]), _unpacked(value["photos"]))


def _sheet_to(sheet: ScoreSheet) -> dict[str, object]:
    return {
        "plan": b64encode(sheet.plan).decode(),
        "verification": b64encode(sheet.verification).decode(),
        "notes": {stage: note.decode() for stage, note in sheet.notes.items()},
        "transcripts": {stage: transcript_to(each) for stage, each in sheet.transcripts.items()},
    }


def _sheet_from(value: Mapping[str, Any]) -> ScoreSheet:
    return ScoreSheet(
        plan=b64decode(value["plan"]),
        verification=b64decode(value["verification"]),
        notes={stage: value["notes"][stage].encode() for stage in STAGES},
        transcripts={stage: transcript_from(value["transcripts"][stage]) for stage in STAGES},
    )


def _numbers(value: Iterable[SupportsIndex]) -> tuple[int, ...]:
    """Return whole numbers alone; anything else is a TypeError."""
    return tuple(map(index, value))


def _packed(rows: Mapping[Role, Float32]) -> dict[str, object]:
    return {role: _pack(each) for role, each in rows.items()}


def _unpacked(value: Mapping[str, Any]) -> dict[Role, Float32]:
    return {role: _unpack(each) for role, each in value.items()}


def _pack(rows: Float32) -> dict[str, object]:
    return {"shape": rows.shape, "float32": b64encode(rows.astype("<f4").tobytes()).decode()}


def _unpack(value: Mapping[str, Any]) -> Float32:
    rows: Float32 = np.frombuffer(b64decode(value["float32"]), dtype="<f4").astype(np.float32)
    return rows.reshape(value["shape"])
