"""What a forget request will do, fixed before anything is done.

- The public part goes into the ledger before any edit: digests, commitments, numbers, rules.
- The private part (anchor, splits, the receipt's key) lives and dies with the subject's key.
- Commitments are HMACs under the receipt's 256-bit key: whoever is handed that key can open them,
  nobody can guess them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from govsdk.canonical import canonical_bytes, hmac_hex, sha256_hex
from govsdk.certify.predicate import CalibratedThreshold
from govsdk.certify.receipts import commitment
from govsdk.errors import LegalHoldError, PlaintextFoundError, RequestError
from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Anchor, Float32, PhotoSplit, SubjectId, Templates
from govsdk.records import EarlierRequest, Sha256
from govsdk.registry import template_set
from govsdk.verify.folds import split_photos

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace

SEED_RULE = (
    "HKDF-SHA256 over the ledger's checkpoint note that covers the staged model's entry; "
    "info names the use (verify/seeds)"
)


@dataclass(frozen=True, eq=False)
class PrivatePlan:
    """The half of a plan that never leaves the subject's key."""

    key: bytes
    """The receipt's 256 random bits."""
    template_set: Sha256
    split: PhotoSplit
    anchor: Anchor
    gallery: Mapping[SubjectId, int]
    """How many photos each of the others had: those enrolled since neither teach nor judge."""

    def commit(self, **value: object) -> Sha256:
        """Return the commitment to ``value``, one named JSON value."""
        return hmac_hex(self.key, canonical_bytes(value))

    def commitment_to_photos(self, templates: Templates, photos: tuple[int, ...]) -> Sha256:
        """Return the commitment to these photos' embeddings, in this order."""
        chosen = templates.only(photos).by_recogniser
        return self.commit(
            photos={role: sha256_hex(rows.tobytes()) for role, rows in sorted(chosen.items())}
        )

    def to_bytes(self) -> bytes:
        """Return the plan as bytes, to be sealed at once."""
        return json.dumps(
            {
                "key": self.key.hex(),
                "templateSet": self.template_set,
                "edit": self.split.edit,
                "sealed": self.split.sealed,
                "anchor": self.anchor.subject,
                "embedding": base64.b64encode(self.anchor.embedding.tobytes()).decode(),
                "cosine": self.anchor.centroid_cosine,
                "below": self.anchor.below_threshold,
                "gallery": self.gallery,
            }
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> PrivatePlan:
        """Return what ``to_bytes`` wrote."""
        value = json.loads(data)
        embedding = np.frombuffer(base64.b64decode(value["embedding"]), dtype=np.float32)
        return cls(
            key=bytes.fromhex(value["key"]),
            template_set=value["templateSet"],
            split=PhotoSplit(tuple(value["edit"]), tuple(map(tuple, value["sealed"]))),
            anchor=Anchor(SubjectId(value["anchor"]), embedding, value["cosine"], value["below"]),
            gallery=value["gallery"],
        )


def choose(
    workspace: Workspace,
    subject: SubjectId,
    policy: Policy,
    *,
    seed: bytes,
    forbidden: list[Float32],
) -> PrivatePlan:
    """Return the photo split and the anchor: everything that a request can be refused for.

    Args:
        seed: From it the split is derived; a checkpoint note, so that nobody could pick it.
        forbidden: Embeddings that the anchor must stay away from.

    Raises:
        UnknownSubjectError, LegalHoldError, TooFewPhotosError, TooFewPeopleError, NoAnchorError:
            See ``forget``.
        MissingModelError: Recogniser A, by whose scores an anchor is chosen, is not calibrated.
        RequestError: It is not calibrated at the policy's false match rate for forgetting.
    """
    registry = workspace.registry
    templates = registry.templates(subject)
    if registry.held(subject):
        raise LegalHoldError()
    split = split_photos(len(templates), len(policy.attempts.alpha), digest=seed)
    calibration = workspace.calibration(CONDITIONING)
    rule = policy.anchors
    anchor = registry.choose_anchor(
        subject,
        threshold=calibration.threshold(str(policy.claims.forget.fmr), "low"),
        margin=rule.margin,
        own_below=rule.own_below,
        band=rule.band,
        forbidden=forbidden,
        choice=rule.choice,
        seed=seed,
    )
    return PrivatePlan(
        key=workspace.entropy(32),
        template_set=template_set(templates),
        split=split,
        anchor=anchor,
        gallery={each.subject: len(each) for each in registry.gallery(exclude=(subject,))},
    )


def require_no_plaintext(workspace: Workspace, subject: SubjectId) -> None:
    """Accept a subject of whom nothing lies in the workspace unsealed, not even the id.

    Erasure looks for the same at the end; then the model is published, and only whoever put the
    bytes there can help.

    Raises:
        PlaintextFoundError: Something does; ``facts["files"]`` counts the files.
        UnknownSubjectError: Nobody of that id is enrolled.
    """
    found = workspace.registry.locate(subject, [workspace.folder])
    if found:
        raise PlaintextFoundError(f"in {len(found)} files of the workspace", files=len(found))


def public_plan(
    workspace: Workspace,
    policy: Policy,
    private: PrivatePlan,
    templates: Templates,
    *,
    earlier: Sequence[EarlierRequest],
    planned_at: str,
) -> Mapping[str, object]:
    """Return the pre-registration: the plan's part that goes into the ledger before any edit.

    Args:
        earlier: Requests about the same person that ended without a certificate.
    """
    current = workspace.line.current()
    return {
        "policy": {"name": policy.name, "digest": {"sha256": policy.digest}},
        "modelBefore": current.resource.public(),
        **instruments(workspace, policy),
        "subjectCommitment": commitment(private.key, templates.subject, private.template_set),
        "anchorCommitment": private.commit(anchor=sha256_hex(private.anchor.embedding.tobytes())),
        "editCommitment": private.commitment_to_photos(templates, private.split.edit),
        "sealedCommitments": [
            private.commitment_to_photos(templates, fold) for fold in private.split.sealed
        ],
        "claims": policy.public()["claims"],
        **{name: value for name, value in policy.public().items() if name == "attacks"},
        "attempts": policy.public()["attempts"],
        "earlierRequests": [each.public() for each in earlier],
        "unlearning": policy.public()["unlearning"],
        "seedRule": SEED_RULE,
        "plannedAt": planned_at,
    }


def instruments(workspace: Workspace, policy: Policy) -> dict[str, object]:
    """Return what is measured with, as the plan fixes it: recognisers, thresholds, sampler."""
    return {
        "recognisers": [
            {
                "role": role,
                "digest": {"sha256": embedder.sha256},
                "calibration": {"sha256": _calibration_digest(workspace, role)},
                "thresholds": [each.public() for each in _thresholds(workspace, policy, role)],
            }
            for role, embedder in sorted(workspace.embedders.items())
        ],
        **_features(workspace),
        "sampling": workspace.config.sampling.public(),
    }


def _features(workspace: Workspace) -> dict[str, object]:
    """Return which networks' distances will be reported besides; nothing if there are none."""
    networks = sorted(workspace.features.items())
    named = [{"name": name, "digest": {"sha256": each.sha256}} for name, each in networks]
    return {"features": named} if named else {}


def _calibration_digest(workspace: Workspace, role: str) -> str | None:
    record = workspace.calibrations.get(role)
    return None if record is None else record.digest


def _thresholds(workspace: Workspace, policy: Policy, role: str) -> Iterator[CalibratedThreshold]:
    """Yield the thresholds that the policy's rates stand for; none of a rate not calibrated."""
    record = workspace.calibrations.get(role)
    rates = {"forget": policy.claims.forget.fmr, "retention": policy.claims.retention.fmr}
    if record is None:
        return
    for purpose, fmr in rates.items():
        try:
            points = record.points(str(fmr))
        except RequestError:
            continue  # the baseline ends INCONCLUSIVE for it, and says why
        for faces, point in zip(("photos", "drawings"), points, strict=False):
            yield CalibratedThreshold.model_validate(
                {"purpose": purpose, "faces": faces, **point.public()}
            )
