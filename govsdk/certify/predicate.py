"""The forgetting predicate: what a certificate says, and what it cannot say.

Invariants, held when one is made and again when one is checked:

- only success is certified: FORGOTTEN, or NOTHING_TO_FORGET for an erasure without an edit;
- neither verdict is vacuous, nor the issuer's word against the figures beside it (``figures``):
  FORGOTTEN has all claims and an edited model, NOTHING_TO_FORGET baselines that failed, both an
  erasure;
- the sentence with policy and bound is the one that the figures spell;
- every line of ``NON_CLAIMS`` stands there, whatever else does;
- statistics are decimal strings; there is no personal data, only commitments and digests.

The signed bytes must be spelled as a predicate is dumped here: a field that is added later is None
where it is not given, or certificates of before it would not be read any more.

Source: docs/formats/certificate-v0.1.md, section 2.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from govsdk.certify.figures import require_erased, require_forgotten, require_nothing
from govsdk.errors import MalformedEvidenceError
from govsdk.records import (
    JUDGES_NEEDED,
    Attack,
    Claim,
    Control,
    DecimalText,
    Erasure,
    Instant,
    PolicyName,
    Record,
    Reported,
    Residual,
    Resource,
    Screen,
    Sha256,
    Verdict,
)
from govsdk.tlog.statements import Statement

NON_CLAIMS = (
    "removal from the training data",
    "resistance to unlimited fine-tuning",
    "copies of the model or the photos elsewhere",
    "remanence on storage devices, snapshots, swap, process memory, backups of the key store",
    "that the models before and after do not together locate the person",
)
"""What no certificate ever claims."""


class PolicyReference(Record):
    """The policy that was met."""

    name: PolicyName
    sha256: Sha256
    """Digest of the policy as parsed."""
    bound: DecimalText
    """Bound on the rate at which the person may still be drawn."""

    @property
    def headline(self) -> str:
        """Policy and bound as they are quoted, e.g. ``quickstart: < 5 %``."""
        percent = format((Decimal(self.bound) * 100).normalize(), "f")
        return f"{self.name}: < {percent} %"


class RequestReference(Record):
    """The request that the certificate answers."""

    commitment: Sha256
    """HMAC of the controller's request id, under the workspace's key."""
    received_at: Instant


class SubjectCommitment(Record):
    """For whom it was made: id and templates, told to the holder of the receipt alone."""

    scheme: Literal["hmac-sha256"] = "hmac-sha256"
    value: Sha256


class Method(Record):
    """How the model was edited."""

    name: str
    preset: str
    version: str
    """Version of govsdk."""
    config_digest: Sha256
    """Digest of every setting that was in force."""
    code_digest: Sha256 | None = None
    """Digest of the editing code; absent in certificates of before it was stated."""


class PreRegistration(Record):
    """The plan that was in the ledger before the edit."""

    sha256: Sha256
    """Digest of the plan's statement."""
    index: int
    """Where it stands in the ledger."""
    assurance: Literal["operator-ordered"] = "operator-ordered"
    """The order of entries is the operator's word, as long as no witness cosigns heads."""


class Design(Record):
    """What was fixed in advance."""

    pre_registration: PreRegistration
    seed_rule: str
    alpha: tuple[DecimalText, ...]
    """Error probability of each allowed attempt; their sum bounds this request's risk of a false
    pass, and no more: attempts of earlier requests add theirs."""


class AttemptReference(Record):
    """One edit that was judged, failed ones included."""

    number: int
    verdict: Verdict
    sha256: Sha256
    """Digest of its verification's statement."""


class CalibratedThreshold(Record):
    """A calibrated threshold with its interval; the end that is stricter decided."""

    purpose: Literal["forget", "retention"]
    faces: Literal["photos", "drawings"]
    """Whose scores were calibrated; of two, the stricter decided."""
    fmr: DecimalText
    """False match rate."""
    threshold: DecimalText
    """Cosine at which strangers match that often."""
    low: DecimalText
    high: DecimalText
    """Ends of its 95 % interval: forgetting is judged at the lower, retention at the upper."""


class RecogniserReference(Record):
    """One recogniser that judged."""

    name: str
    sha256: Sha256
    calibration: Sha256
    """Digest of its calibration record."""
    thresholds: tuple[CalibratedThreshold, ...] | None = None


class Sampling(Record):
    """How every trial was drawn; for other settings nothing was measured that bounds anything."""

    steps: int
    """Denoising steps for one picture."""
    guidance: DecimalText
    """Scale of classifier-free guidance; 1 means none."""
    scheduler: str
    """Class of the algorithm, as diffusers names it."""

    @property
    def headline(self) -> str:
        """The settings as they are told, e.g. ``15 steps, guidance 3``."""
        return f"{self.steps} steps, guidance {Decimal(self.guidance).normalize():f}"


class Scope(Record):
    """What the certificate is about."""

    model_line: str
    distribution: str
    """From which conditions the trials were drawn."""
    recognisers: tuple[RecogniserReference, ...]
    sampling: Sampling | None = None
    """At which settings; absent in certificates of before it was stated."""


class Validity(Record):
    """When the certificate was made, and until when what was measured should be trusted."""

    verified_at: Instant
    reverify_by: Instant | None = None


class Forgetting(Record):
    """The predicate of a certificate."""

    version: Literal["0.1"] = "0.1"
    verdict: Verdict
    """FORGOTTEN or NOTHING_TO_FORGET."""
    text: str
    """The verdict with policy and bound, e.g. ``FORGOTTEN (quickstart: < 5 %)``."""
    policy: PolicyReference
    request: RequestReference
    subject_commitment: SubjectCommitment
    model_before: Resource
    model_after: Resource
    """The published model; the same as before where there was nothing to forget."""
    predecessor_disposition: str
    """What became of the model before."""
    method: Method | None = None
    claims: tuple[Claim, ...] = ()
    controls: tuple[Control, ...] = ()
    screen: Screen | None = None
    reported: tuple[Reported, ...] | None = None
    """Probes and measures of the last attempt: they decide nothing."""
    attacks: tuple[Attack, ...] | None = None
    """Absent: the policy asks for none, and nothing is claimed about attacks."""
    design: Design
    attempts: tuple[AttemptReference, ...] = ()
    earlier_attempts: int | None = Field(None, ge=0)
    """Attempts of earlier requests about the same person that ended without a certificate: each
    spent an alpha of its own. Absent: they were not counted."""
    erasure: Erasure
    residuals: tuple[Residual, ...] = ()
    scope: Scope
    non_claims: tuple[str, ...] = NON_CLAIMS
    harness: Sha256
    """Digest of the judging code."""
    environment: Sha256
    """Digest of the list of library versions and the device."""
    assurance_level: Literal["self_attested"] = "self_attested"
    """Who vouches for the measurement: nobody but the operator, until someone reproduces it."""
    validity: Validity

    @model_validator(mode="after")
    def _says_what_it_shows(self) -> Self:
        if self.text != verdict_text(self.verdict, self.policy):
            raise ValueError("the text is not what verdict and policy spell")
        if not set(NON_CLAIMS) <= set(self.non_claims):
            raise ValueError("something that no certificate claims is not named")
        require_erased(self.erasure)
        judges = self.scope.recognisers
        names = {each.name for each in judges}
        if min(len({each.sha256 for each in judges}), len(names)) < JUDGES_NEEDED:
            raise ValueError("a verdict in the eyes of fewer than two recognisers")
        if self.verdict is Verdict.FORGOTTEN:
            require_forgotten(self.claims, self.controls, self.attacks or (), names)
            self._require_edit()
        elif self.verdict is Verdict.NOTHING_TO_FORGET:
            require_nothing(self.claims, self.controls, names)
            self._require_no_edit()
        else:
            raise ValueError("a failure is not certified")
        return self

    def _require_edit(self) -> None:
        bounds = {claim.bound for claim in self.claims if claim.name == "forget"}
        if {Decimal(bound) for bound in bounds} != {Decimal(self.policy.bound)}:
            raise ValueError("FORGOTTEN under another bound than the policy's")
        if self.screen is not None and self.screen.regressions:
            raise ValueError("FORGOTTEN although somebody forgotten earlier came back")
        if self.method is None or self.model_after == self.model_before or not self.attempts:
            raise ValueError("FORGOTTEN without an edited model")
        if self.attempts[-1].verdict is not Verdict.FORGOTTEN:
            raise ValueError("FORGOTTEN by an attempt that was judged otherwise")

    def _require_no_edit(self) -> None:
        if self.model_after != self.model_before or self.method is not None or self.attempts:
            raise ValueError("nothing was to be forgotten, yet the model was edited")


def forgetting_in(statement: Statement) -> Forgetting:
    """Return what a certificate's ``statement`` says.

    Raises:
        MalformedEvidenceError: It breaks the rules of what one must say.
    """
    try:
        return Forgetting.model_validate(statement.predicate)
    except ValidationError as cause:
        raise MalformedEvidenceError(
            "the certificate does not say what one must say", reason="predicate"
        ) from cause


def verdict_text(verdict: Verdict, policy: PolicyReference) -> str:
    """Return ``verdict`` as it is always quoted: with the policy, and the bound if it was met."""
    about = policy.headline if verdict is Verdict.FORGOTTEN else policy.name
    return f"{verdict} ({about})"
