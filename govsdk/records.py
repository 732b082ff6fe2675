"""The public records: what enters the ledger and the certificate.

They hold no personal data, no floats (statistics are decimal strings) and refuse unknown fields. In
Python their fields are snake_case, in JSON lowerCamelCase. What stays in memory is in ``ports``.

Source: in-toto Statement v1 for the shape of resources; docs/glossary.md for the words.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest or HMAC in lower-case hex."""

DecimalText = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}\.[0-9]{1,9}$")]
"""A statistic in signed bytes: a decimal string, so that no float format can be disputed; in
ASCII digits, where ``\\d`` takes those of every script; so few that any decimal arithmetic holds
them."""

Instant = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
]
"""A moment, RFC 3339 in UTC with whole seconds."""

PolicyName = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""What a policy is called, in files and in verdicts: nothing that could look like more words."""


def decimal_text(value: float, rounding: str = ROUND_HALF_EVEN) -> DecimalText:
    """Return ``value`` as a decimal string with six digits, for signed bytes."""
    text = str(Decimal(repr(float(value))).quantize(Decimal("0.000001"), rounding))
    return text.removeprefix("-") if float(text) == 0 else text


def instant(moment: datetime) -> str:
    """Return ``moment`` (aware) as an RFC 3339 instant in UTC with whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Record(BaseModel):
    """A public record: frozen, closed to unknown fields, lowerCamelCase in JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    def public(self) -> dict[str, object]:
        """Return the record as JSON values, the way it is signed."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Resource(Record):
    """A thing named by its digest (an in-toto ResourceDescriptor with one digest)."""

    name: str
    sha256: Sha256


class Verdict(StrEnum):
    """What a verification concludes; always quoted with the policy's name and bound."""

    FORGOTTEN = "FORGOTTEN"
    NOT_FORGOTTEN = "NOT_FORGOTTEN"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOTHING_TO_FORGET = "NOTHING_TO_FORGET"


JUDGES_NEEDED = 2
"""A verdict needs so many recognisers, independent of each other."""


class Outcome(StrEnum):
    """What the measurements say of one claim."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Claim(Record):
    """One line of the verdict: a measured rate, its limits and what they say about the bound."""

    name: Literal["forget", "retention", "quality", "no-face"]
    """Which claim of the policy the line belongs to."""
    part: str
    """Which trials: ``distribution``, ``photos``, ``random``, ``hard-neighbours``, ``all``."""
    recogniser: str | None = None
    metric: str
    """What is counted or averaged, in the glossary's words."""
    estimator: str
    """How the limits were computed, e.g. ``clopper-pearson``."""
    bound: DecimalText
    """The policy's bound; the claim is ``value <= bound``."""
    value: DecimalText
    lower: DecimalText
    """One-sided lower confidence limit at 95 %."""
    upper: DecimalText
    """One-sided upper confidence limit at ``1 - alpha``."""
    alpha: DecimalText
    trials: int
    events: int | None = None
    """Matches, or pairs that match only before the edit."""
    gained: int | None = None
    """Pairs that match only after the edit."""
    outcome: Outcome
    attainable: DecimalText | None = None
    """Largest true value that passes with probability 0.8; None: no model could pass."""
    detectable: DecimalText | None = None
    """Smallest true value that is kept from passing with probability 0.8."""


class Control(Record):
    """A measurement that shows the trials could have failed (or passed)."""

    name: Literal["baseline", "impostor", "retained", "zero-edit"]
    part: str | None = None
    """Which retained people: ``random`` or ``hard-neighbours``; None for the other controls."""
    recogniser: str
    rate: DecimalText
    lower: DecimalText
    upper: DecimalText
    trials: int
    events: int
    passed: bool
    """Whether the control came out as it must for the claims to mean anything."""


class Attack(Record):
    """One attack under one recogniser: the subject beside strangers and the unedited model."""

    name: str
    """``embedding-search``, ``direction-arithmetic``, ``relearning``, or one that is only
    reported."""
    recogniser: str
    metric: Literal["success-rate-difference", "speed-ratio", "not-run"]
    """Subject less strangers, or how many times sooner; ``not-run``: too few people enrolled."""
    estimator: str
    bound: DecimalText | None = None
    """The policy's bound on ``upper``; None: only reported."""
    value: DecimalText = "0.0"
    upper: DecimalText | None = None
    """One-sided upper confidence limit at ``1 - alpha``; None: there is none."""
    p_value: DecimalText
    """Exact one-sided p that the subject is as hard to bring back as strangers; < 0.05 fails."""
    alpha: DecimalText
    runs: int = 0
    """Runs aimed at the subject; ``events`` of them succeeded."""
    events: int = 0
    stranger_runs: int = 0
    """Runs aimed at all strangers together, from the same region around the subject."""
    stranger_events: int = 0
    least_stranger_events: int | None = None
    """Successes at the stranger who had the fewest."""
    control_runs: int = 0
    """Runs aimed at the subject on the unedited model: the positive control; 0 where the attack has
    none, since it compares both models."""
    control_events: int = 0
    control_stranger_runs: int = 0
    """Runs aimed at the strangers there."""
    control_stranger_events: int = 0
    control_passed: bool | None = None
    """Whether the attack finds the subject, and not strangers as well, in the unedited model; None:
    not applicable, without runs there."""
    photos: int | None = None
    """In relearning: of how many photos of each person the pictures were taught."""
    outcome: Outcome | None = None
    """None: only reported."""


class Screen(Record):
    """Whether anybody forgotten earlier on this model line came back."""

    subjects: int
    probes_each: int
    hits: int
    upper: DecimalText
    """Pooled one-sided 95 % upper limit of the match rate."""
    detectable_rate: DecimalText
    """Smallest match rate of one returned person that their probes would have hit, once or more,
    with probability 0.8."""
    regressions: int
    """Subjects whose full re-test failed; 0 is needed for publication."""
    unscreened: int | None = None
    """People whose certificate stands and whom nobody could look for, since nothing is kept of
    them; they are in no other figure. None: they were not counted."""


class Reported(Record):
    """One line that is reported with the verdict and never decides it: a probe or a measure."""

    name: str
    """Which probe or measure, in the glossary's words."""
    part: str
    """Which trials: an angle, a place on a line, a sampler's setting, or ``all``."""
    model: Literal["before", "after"]
    """Whether the unedited model drew them or the edited one."""
    of: Literal["subject", "anchor", "neighbours", "others", "stranger"]
    """Whose pictures were asked for."""
    recogniser: str | None = None
    """None: all of them together."""
    metric: str
    """What is counted or averaged."""
    value: DecimalText | None = None
    """None: it could not be evaluated."""
    lower: DecimalText | None = None
    upper: DecimalText | None = None
    """One-sided limits at 95 %, of rates."""
    trials: int = 0
    events: int | None = None
    excluded: int | None = None
    """Directions nearer to another enrolled person: left out and counted."""


class Verification(Record):
    """Everything the judge measured in one attempt, and the verdict."""

    version: Literal[1] = 1
    attempt: int
    verdict: Verdict
    claims: tuple[Claim, ...]
    controls: tuple[Control, ...]
    screen: Screen | None = None
    reported: tuple[Reported, ...] | None = None
    """Probes and measures: they decide nothing. None: none were taken."""
    attacks: tuple[Attack, ...] | None = None
    """None: the policy asks for none."""
    excluded_directions: int = 0
    """Directions of D nearer to another enrolled person: left out and counted."""
    thresholds: dict[str, DecimalText]
    """Decision thresholds by ``recogniser/purpose``, e.g. ``A/forget``."""
    seed_note: Sha256
    """Digest of the checkpoint note from which every probe and generation seed after the edit was
    derived; what was drawn of the subject before it (``baseline``) has its seeds from the plan's.

    Retained people's pictures alone take their seeds from the unedited model, so that they are
    drawn once per version; the note decides which of them are judged.
    """
    model: Resource
    """The model that was judged: staged, not yet published."""
    harness: Sha256
    """Digest of the judging code."""


class EarlierRequest(Record):
    """A request about the same person that ended without a certificate, as a later plan says."""

    plan: Sha256
    """Digest of its plan's statement."""
    attempts: int
    """Models that it staged for the judge; 0: it ended at the baseline, or before the edit."""


class EditReport(Record):
    """What the executor did to the weights."""

    version: Literal[1] = 1
    method: str
    preset: str
    config_digest: Sha256
    code_digest: Sha256 | None = None
    """Digest of the editing code; absent in edits of before it was stated."""
    layers: tuple[str, ...]
    trainable_parameters: int
    steps: int
    stopped_early: bool
    seed: int
    first_loss: DecimalText | None = None
    last_loss: DecimalText | None = None
    device: str
    model: Resource
    """The staged model."""


class Scan(Record):
    """A search of the workspace's bytes for what was to be erased."""

    patterns: int
    files: int
    bytes: int
    hits_before: int
    """The positive control: the same patterns, sealed copies opened, before erasure."""
    hits_after: int


class Erasure(Record):
    """What was destroyed."""

    version: Literal[1] = 1
    keys_destroyed: int
    templates: int
    photos: int
    index_rewritten: bool
    scan: Scan


class Residual(Record):
    """Something that outlives erasure on purpose."""

    name: str
    purpose: str
    key_holder: str
    sha256: Sha256 | None = None
    expires_at: Instant | None = None


class Receipt(Record):
    """The data subject's half of the commitment: tells its holder for whom a certificate was made.

    Commitment = HMAC-SHA256(key, JCS{subjectId, templateSet}). Its ``repr`` has the commitment, and
    nothing that opens it.
    """

    version: Literal[1] = 1
    subject_id: str = Field(repr=False)
    template_set: Sha256 = Field(repr=False)
    key: Sha256 = Field(repr=False)
    """256 random bits, hex; kept nowhere else."""
    commitment: Sha256


class Position(Record):
    """Where an entry stands in the ledger, with the signed head that covers it."""

    index: int
    leaf_hash: Sha256
    tree_size: int
    inclusion: tuple[Sha256, ...]
    """Audit path, leaf to root (RFC 9162, 2.1.3)."""
    checkpoint: str
    """The C2SP checkpoint note of size ``tree_size``."""
