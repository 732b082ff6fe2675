"""The inquiry put to the judge: is this person gone, by this policy, in these recognisers' eyes?

- It is asked before anything is drawn, and is the same before and after the edit.
- Whatever keeps it from being answered is found here, before a request has cost anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import Embedder, Progress, Role, Templates
from govsdk.verify.attacks.direction import enough_people
from govsdk.verify.attacks.strangers import far_people
from govsdk.verify.bench import Bench
from govsdk.verify.folds import split_retained
from govsdk.verify.screen import Forgotten
from govsdk.verify.thresholds import Thresholds, thresholds_for, why_not_judged


@dataclass(frozen=True, eq=False)
class Inquiry:
    """Whose forgetting is judged: by what, against whom and through whose eyes."""

    policy: Policy
    subject: Templates
    """All photos of the person."""
    gallery: Sequence[Templates]
    """Retained, searchable people."""
    embedders: Mapping[Role, Embedder]
    calibrations: Mapping[Role, CalibrationRecord]
    earlier: Sequence[Forgotten] = ()
    """People whom this line of models forgot before, each with their own policy."""

    @cached_property
    def people(self) -> Sequence[Templates]:
        """Everybody but the subject whom every recogniser knows."""
        known = self.embedders.keys()
        return [
            person
            for person in self.gallery
            if person.subject != self.subject.subject and known <= person.by_recogniser.keys()
        ]

    def thresholds(self, policy: Policy | None = None) -> Thresholds:
        """Return what the recognisers decide by, under the inquiry's policy or another one.

        Raises:
            RequestError, TooFewPeopleError: as :func:`govsdk.verify.thresholds.thresholds_for`.
        """
        return thresholds_for(policy or self.policy, self.embedders, self.calibrations)

    def bench(
        self, note: bytes, progress: Progress, features: Mapping[str, Embedder] | None = None
    ) -> Bench:
        """Return where it is judged, with all draws fixed by ``note``."""
        thresholds, asked = self.thresholds(), (self.policy, self.subject, self.people)
        return Bench(*asked, self.embedders, thresholds, note, progress, features or {})

    def why_no_verdict(self, *, plan: bytes) -> str | None:
        """Return why nothing that is drawn could lead to a verdict, or None; draws nothing.

        Args:
            plan: Checkpoint note of the plan's entry.
        """
        if not self.embedders.keys() <= self.subject.by_recogniser.keys():
            return "the subject has no photos under one of the recognisers"
        if not self.people:
            return "nobody else is enrolled whom every recogniser knows: retention cannot be judged"
        splits = [split_retained(person, note=plan) for person in self.people]
        if not (any(split.edit for split in splits) and any(split.sealed[0] for split in splits)):
            return "too few photos of others are enrolled to teach some and judge by others"
        judged = sum(1 for split in splits if split.sealed[0])
        unjudged = why_not_judged(self.policy, self.embedders, self.calibrations)
        return (
            _why_not_near(self.policy, judged)
            or unjudged
            or _why_not_screened(self)
            or _why_not_attacked(self)
        )


def _why_not_near(policy: Policy, judged: int) -> str | None:
    near = policy.claims.retention.hard_neighbours
    if near is None or judged >= near.people:
        return None
    return (
        f"too few people are enrolled to judge the {near.people} most like the subject apart: of "
        f"{judged} there are photos to judge by"
    )


def _why_not_screened(inquiry: Inquiry) -> str | None:
    for past in inquiry.earlier:
        why = why_not_judged(past.policy, inquiry.embedders, inquiry.calibrations)
        if why is not None:
            return f"somebody forgotten earlier cannot be screened under their policy: {why}"
    return None


def _why_not_attacked(inquiry: Inquiry) -> str | None:
    policy, people = inquiry.policy, inquiry.people
    if policy.attacks is None:
        return None
    far = far_people(policy, inquiry.subject, people, inquiry.thresholds())
    if len(far) < policy.attacks.strangers:
        return "too few enrolled people differ enough from the subject to compare attacks with"
    if not enough_people(policy.attacks, len(people)):
        return "too few people are enrolled for each run of the direction attack to start elsewhere"
    return None
