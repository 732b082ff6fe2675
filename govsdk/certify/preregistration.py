"""The record behind a certificate: what the ledger has of its request, from the plan on.

Invariants:

- the plan stands before anything was edited, and says of policy, model, person, recognisers and
  sampler what the certificate says;
- every model that was staged was judged, and stands in ``attempts``: none is left out;
- what the certificate shows is what the last of these verifications showed;
- earlier requests are counted as the plan names them, and each as the ledger has it.

Not checked: whether the plan names all earlier requests about the person, which only the operator
knows; and when an entry was appended, beyond its place.

Check 17 of docs/formats/certificate-v0.1.md, section 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from govsdk.certify.predicate import (
    AttemptReference,
    Forgetting,
    RecogniserReference,
    Sampling,
)
from govsdk.errors import DigestMismatchError, EvidenceError, MalformedEvidenceError
from govsdk.records import EarlierRequest, Sha256, Verdict, Verification, decimal_text
from govsdk.tlog.statements import TERMINAL, Kind, Statement

_STEPS = frozenset({Kind.PLAN, Kind.STAGED, Kind.VERIFICATION}) | TERMINAL
"""The kinds of entry that say how far a request came."""
_ONE_ATTEMPT = (Kind.STAGED, Kind.VERIFICATION)
_TAKEN_OVER = ("claims", "controls", "attacks", "screen", "reported", "harness")
"""What a certificate repeats of its last verification."""


def require_record(said: Forgetting, before: Iterable[Statement]) -> str:
    """Return how the ledger bears out what ``said`` says of its plan and its attempts.

    Args:
        before: What all entries before the certificate's say, from the first on.

    Raises:
        EvidenceError: It does not; ``facts["reason"]`` says where.
    """
    record = _Record.of(said, before)
    plan = record.plan()
    _require_planned(said, plan.predicate)
    _require_attempts(said, record.attempts())
    _require_earlier(said, plan.predicate, record)
    return f"plan at entry {said.design.pre_registration.index}, {len(said.attempts)} attempts"


def recognisers_in(plan: Mapping[str, Any]) -> tuple[RecogniserReference, ...]:
    """Return the recognisers that a plan names, as a certificate names them.

    Raises:
        KeyError, TypeError, ValidationError: It names none so.
    """
    return tuple(
        RecogniserReference(
            name=each["role"],
            sha256=each["digest"]["sha256"],
            calibration=each["calibration"]["sha256"],
            thresholds=each.get("thresholds"),
        )
        for each in plan["recognisers"]
    )


def is_planned(sampling: Sampling | None, plan: Mapping[str, Any]) -> bool:
    """Return whether a certificate's sampler is the plan's; older certificates state none.

    Raises:
        KeyError, TypeError, ArithmeticError: The plan names none so.
    """
    if sampling is None:
        return True
    planned = plan["sampling"]["steps"], Decimal(plan["sampling"]["guidance"])
    return (sampling.steps, Decimal(sampling.guidance)) == planned


def earlier_requests_in(plan: Mapping[str, Any]) -> list[EarlierRequest] | None:
    """Return the earlier requests that a plan names; None if an old plan says nothing.

    Raises:
        TypeError, ValidationError: It names them otherwise.
    """
    named = plan.get("earlierRequests")
    return None if named is None else [EarlierRequest.model_validate(each) for each in named]


@dataclass
class _Record:
    """The entries of the certificate's request, and what there was of others before its plan."""

    said: Forgetting
    own: list[tuple[int, Statement]] = field(default_factory=list)
    plans: dict[Sha256, str] = field(default_factory=dict)
    """The request of each plan before, by the digest of its statement."""
    staged: Counter[str] = field(default_factory=Counter)
    """How many models each request had staged before."""

    @classmethod
    def of(cls, said: Forgetting, before: Iterable[Statement]) -> _Record:
        found = cls(said)
        for index, entry in enumerate(before):
            if entry.request == said.request.commitment and entry.kind in _STEPS:
                found.own.append((index, entry))
            elif entry.request is not None and index < said.design.pre_registration.index:
                found._follow(entry, entry.request)
        return found

    def _follow(self, entry: Statement, request: str) -> None:
        if entry.kind is Kind.PLAN:
            self.plans[entry.sha256] = request
        elif entry.kind is Kind.STAGED:
            self.staged[request] += 1

    def plan(self) -> Statement:
        """Return the plan, once it is found to be the one that is named, and the first step."""
        named = self.said.design.pre_registration
        plan = next((entry for index, entry in self.own if index == named.index), None)
        if plan is None or plan.kind is not Kind.PLAN or plan.sha256 != named.sha256:
            raise DigestMismatchError("the entry is not the plan", reason="plan")
        # Refused before it was planned, and asked for again: no step towards an edit.
        earlier = {e.kind for index, e in self.own if index < named.index} - {Kind.REFUSAL}
        if earlier:
            raise EvidenceError("the request was under way before its plan", reason="plan-late")
        return plan

    def attempts(self) -> list[tuple[Statement, Statement]]:
        """Return what was staged and what was said of it, attempt by attempt."""
        planned = self.said.design.pre_registration.index
        steps = [entry for index, entry in self.own if index > planned]
        kinds = tuple(entry.kind for entry in steps)
        if TERMINAL & set(kinds):
            raise EvidenceError("the request had ended before", reason="request-ended")
        if kinds != _ONE_ATTEMPT * len(self.said.attempts):
            raise EvidenceError("other attempts than the certificate lists", reason="attempts")
        return list(zip(steps[::2], steps[1::2], strict=True))


def _require_planned(said: Forgetting, plan: Mapping[str, Any]) -> None:
    """Accept ``plan`` if what the certificate says of it stands there so."""
    policy = said.policy
    try:
        fits = {
            "policy": plan["policy"] == {"name": policy.name, "digest": {"sha256": policy.sha256}},
            "bound": _text(plan["claims"]["forget"]["bound"]) == policy.bound,
            "alphas": tuple(map(_text, plan["attempts"]["alpha"])) == said.design.alpha,
            "model": plan["modelBefore"] == said.model_before.public(),
            "subject": plan["subjectCommitment"] == said.subject_commitment.value,
            "recognisers": recognisers_in(plan) == said.scope.recognisers,
            "sampler": is_planned(said.scope.sampling, plan),
        }
    except (KeyError, TypeError, ValueError, ArithmeticError) as cause:
        raise MalformedEvidenceError("not a plan", reason="plan-malformed") from cause
    for what, fit in fits.items():
        if not fit:
            raise DigestMismatchError(f"another {what} was planned", reason="plan-other")


def _text(number: str) -> str:
    """Return a policy's number as a certificate spells it."""
    return decimal_text(float(number))


def _require_attempts(said: Forgetting, attempts: Sequence[tuple[Statement, Statement]]) -> None:
    """Accept ``said`` if it lists ``attempts`` and shows what the last of them showed."""
    reports = [_report(judged) for _, judged in attempts]
    listed = tuple(
        AttemptReference(number=report.attempt, verdict=report.verdict, sha256=judged.sha256)
        for report, (_, judged) in zip(reports, attempts, strict=True)
    )
    if listed != said.attempts:
        raise DigestMismatchError("other attempts than the certificate lists", reason="attempts")
    for report, (staged, _) in zip(reports, attempts, strict=True):
        if staged.predicate.get("model") != report.model.public():
            raise DigestMismatchError("another model was judged than staged", reason="attempts")
    if said.verdict is Verdict.FORGOTTEN:
        _require_shown(said, reports[-1])
    elif reports:
        raise EvidenceError(
            "nothing was to be forgotten, yet models were judged", reason="attempts"
        )


def _require_shown(said: Forgetting, last: Verification) -> None:
    same = all(getattr(said, name) == getattr(last, name) for name in _TAKEN_OVER)
    if not same or (last.verdict, last.model.sha256) != (said.verdict, said.model_after.sha256):
        raise DigestMismatchError("the last verification says otherwise", reason="verification")


def _report(judged: Statement) -> Verification:
    said = {name: value for name, value in judged.predicate.items() if name != "request"}
    try:
        return Verification.model_validate(said)
    except ValidationError as cause:
        raise MalformedEvidenceError(
            "not a verification", reason="verification-malformed"
        ) from cause


def _require_earlier(said: Forgetting, plan: Mapping[str, Any], record: _Record) -> None:
    """Accept ``said`` if it counts the earlier requests of ``plan``, and that counts them right."""
    try:
        earlier = earlier_requests_in(plan)
    except (TypeError, ValidationError) as cause:
        raise MalformedEvidenceError("not a plan", reason="plan-malformed") from cause
    told = None if earlier is None else sum(each.attempts for each in earlier)
    counted = all(
        each.plan in record.plans and record.staged[record.plans[each.plan]] == each.attempts
        for each in earlier or ()
    )
    if told != said.earlier_attempts or not counted:
        raise EvidenceError("earlier attempts are counted otherwise", reason="earlier-attempts")
