"""The dry run: what a forget request would do, before anybody makes it.

- Writes nothing, draws nothing, and refuses what the request itself would be refused for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from govsdk.govern.judging import people_to_screen
from govsdk.govern.plan import choose, require_no_plaintext
from govsdk.govern.receiving import require_no_other
from govsdk.govern.residuals import forbidden_for_anchors
from govsdk.policy import Policy
from govsdk.policy.power import (
    AttackPower,
    ClaimPower,
    attack_powers,
    claim_powers,
    detectable_rate,
)
from govsdk.ports import SubjectId
from govsdk.records import Resource
from govsdk.registry import require_subject
from govsdk.verify.inquiry import Inquiry
from govsdk.verify.screen import probes_each

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


@dataclass(frozen=True)
class ForgetPlan:
    """What ``plan_forget`` shows: enough to decide, nothing that identifies a bystander."""

    policy: str
    model: Resource
    photos: int
    edit_photos: int
    sealed_photos: tuple[int, ...]
    """Photos in the sealed fold of each allowed attempt."""
    gallery: int
    """Searchable people besides the subject."""
    anchor_cosine: float
    anchor_below_threshold: float
    earlier_subjects: int
    """People forgotten earlier on this model line, who will be screened again."""
    method: str
    preset: str
    powers: tuple[ClaimPower, ...]
    """What each claim can tell apart at the first attempt."""
    attack_powers: tuple[AttackPower, ...]
    """What each attack that decides can refuse; none where the policy asks for none."""
    screen_detects: float | None
    """Smallest match rate of one earlier subject that the screen notices with probability 0.8; None
    where nobody was forgotten before."""
    lookalikes: int
    """Other ids, ten at most, that look like the same person by the gate of an enrolment: each is
    forgotten by a request of its own, or stays."""
    why_no_verdict: str | None
    """Why ``forget`` would end INCONCLUSIVE before any edit; None where it would go on."""

    def to_dict(self) -> dict[str, object]:
        """Return the plan as JSON values."""
        return {
            "policy": self.policy,
            "model": self.model.public(),
            "photos": self.photos,
            "editPhotos": self.edit_photos,
            "sealedPhotos": list(self.sealed_photos),
            "gallery": self.gallery,
            "anchorCosine": round(self.anchor_cosine, 4),
            "anchorBelowThreshold": round(self.anchor_below_threshold, 4),
            "earlierSubjects": self.earlier_subjects,
            "method": self.method,
            "preset": self.preset,
            "power": {
                f"{line.claim} {line.part}": {
                    "trials": line.trials,
                    "bound": line.bound,
                    "attainable": line.power and round(line.power.attainable, 6),
                    "detectable": line.power and round(line.power.detectable, 6),
                }
                for line in self.powers
            },
            "attackPower": {
                line.attack: {
                    "runs": line.runs,
                    "strangers": line.strangers,
                    "fails": line.fails and round(line.fails, 6),
                }
                for line in self.attack_powers
            },
            "screenDetects": self.screen_detects and round(self.screen_detects, 6),
            "lookalikes": self.lookalikes,
            "whyNoVerdict": self.why_no_verdict,
        }


def plan_forget(workspace: Workspace, subject: SubjectId, policy: Policy) -> ForgetPlan:
    """Return what a new forget request would do; writes nothing, and draws nothing.

    Not looked at: the baseline and everything after it, which has to draw; the request id and the
    receipt's place, which are not known here; locks, free memory and disk.

    Raises:
        SubjectExistsError, ConflictError: The subject was forgotten before, or another request is
            under way.
        The rest as ``choose`` and ``require_no_plaintext``.
    """
    require_subject(subject)
    require_no_other(
        workspace.places.jobs,
        subject=workspace.reference(subject),
        enrolled=subject in workspace.registry,
    )
    require_no_plaintext(workspace, subject)
    forbidden = forbidden_for_anchors(workspace)
    note = workspace.ledger.head().note.encode()
    private = choose(workspace, subject, policy, seed=note, forbidden=forbidden)
    split, anchor = private.split, private.anchor
    earlier = people_to_screen(workspace, policy)
    probes = probes_each(policy, (past.policy for past in earlier)) if earlier else 0
    templates = workspace.registry.templates(subject)
    gallery = workspace.registry.gallery(exclude=(subject,))
    eyes = workspace.embedders, workspace.calibrations
    inquiry = Inquiry(policy, templates, gallery, *eyes, earlier)
    return ForgetPlan(
        policy=policy.headline,
        model=workspace.line.current().resource,
        photos=len(templates),
        edit_photos=len(split.edit),
        sealed_photos=tuple(map(len, split.sealed)),
        gallery=len(gallery),
        anchor_cosine=anchor.centroid_cosine,
        anchor_below_threshold=anchor.below_threshold,
        earlier_subjects=len(earlier),
        method=policy.unlearning.method,
        preset=policy.unlearning.preset,
        powers=tuple(claim_powers(policy)),
        attack_powers=tuple(attack_powers(policy)),
        screen_detects=detectable_rate(probes) if probes else None,
        lookalikes=len(workspace.registry.also_enrolled_as(subject, workspace.gates)),
        why_no_verdict=inquiry.why_no_verdict(plan=note),
    )
