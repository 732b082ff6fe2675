"""Demands: whether what a certificate shows is as strict as a policy of the verifier's own.

Invariants:

- the signed figures decide (upper limits, trials, alphas), never the issuer's word that they pass;
- each claim that the policy makes must stand there for every part and every recogniser in scope,
  and so must the baseline; that these are two or more, the predicate sees to;
- the threshold's false match rate is not stated in a certificate: it is known to be the policy's
  only where the certificate was issued under that very policy, and the detail says which;
- nor are an attack's steps, reach and looks, and a weaker attack finds nothing: a policy that
  demands attacks is met under that very policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from govsdk.certify.figures import lower_of, upper_of
from govsdk.certify.predicate import Forgetting
from govsdk.errors import VerdictError
from govsdk.policy import Policy
from govsdk.policy.document import MAX_ALPHA
from govsdk.records import Verdict


@dataclass(frozen=True)
class _Demand:
    """One claim that the policy makes, over one part of the trials."""

    name: str
    part: str
    bound: float
    trials: int


def require_claims(said: Forgetting, policy: Policy) -> str:
    """Return how ``said`` meets ``policy``.

    Raises:
        VerdictError: It does not; ``facts["reason"]`` says where.
    """
    if said.verdict is not Verdict.FORGOTTEN:
        raise VerdictError("nothing was edited", reason="policy-verdict")
    for demand in _demands(policy):
        _require(said, demand, most_alpha=max(policy.attempts.alpha))
    _require_attacks(said, policy)
    _require_budget(said, policy)
    _require_baseline(said, policy)
    told = _earlier(said)
    if said.policy.sha256 == policy.digest:
        return f"issued under {policy.name}, and its figures meet it{told}"
    return f"its figures meet {policy.name}; the thresholds were another policy's{told}"


def _earlier(said: Forgetting) -> str:
    """Return what the policy's alpha does not cover: earlier requests spent one of their own."""
    if said.earlier_attempts is None:
        return "; earlier attempts were not counted"
    return f"; after {said.earlier_attempts} earlier attempts" if said.earlier_attempts else ""


def _demands(policy: Policy) -> Iterator[_Demand]:
    claims = policy.claims
    for part in ("distribution", "photos"):
        yield _Demand("forget", part, claims.forget.bound, claims.forget.trials)
    retention = claims.retention
    yield _Demand("retention", "random", retention.bound, retention.pairs)
    if retention.hard_neighbours is not None:
        near = retention.hard_neighbours
        yield _Demand("retention", "hard-neighbours", near.bound, near.pairs)
    yield _Demand("quality", "random", claims.quality.bound, retention.pairs)
    yield _Demand("no-face", "all", claims.no_face.bound, retention.pairs)


def _require(said: Forgetting, demand: _Demand, *, most_alpha: float) -> None:
    found = [c for c in said.claims if (c.name, c.part) == (demand.name, demand.part)]
    where = f"{demand.name}, {demand.part}"
    if {claim.recogniser for claim in found} != _judges(said):
        raise VerdictError(f"{where}: not claimed", reason="policy-claim")
    for claim in found:
        if Decimal(upper_of(claim)) > _exact(demand.bound):
            raise VerdictError(f"{where}: the upper limit is higher", reason="policy-bound")
        if claim.trials < demand.trials:
            raise VerdictError(f"{where}: fewer trials", reason="policy-trials")
        if Decimal(claim.alpha) > _exact(most_alpha):
            raise VerdictError(f"{where}: a larger alpha", reason="policy-alpha")


def _require_attacks(said: Forgetting, policy: Policy) -> None:
    if policy.attacks is None:
        return
    if said.policy.sha256 != policy.digest:
        raise VerdictError(
            "attacks: what they were given to spend is another policy's", reason="policy-attack"
        )
    for name, wanted in policy.attacks.gated.items():
        found = [attack for attack in said.attacks or () if attack.name == name]
        if {attack.recogniser for attack in found} != _judges(said):
            raise VerdictError(f"{name}: not attacked", reason="policy-attack")
        for attack in found:
            if attack.upper is None or Decimal(upper_of(attack)) > _exact(wanted.bound):
                raise VerdictError(f"{name}: the upper limit is higher", reason="policy-bound")
            if attack.runs < wanted.runs or attack.stranger_runs < wanted.runs * (
                policy.attacks.strangers
            ):
                raise VerdictError(f"{name}: fewer runs", reason="policy-trials")
            if Decimal(attack.p_value) < _exact(MAX_ALPHA) or not attack.control_passed:
                raise VerdictError(f"{name}: it works on the subject", reason="policy-attack")
            if Decimal(attack.alpha) > _exact(max(policy.attempts.alpha)):
                raise VerdictError(f"{name}: a larger alpha", reason="policy-alpha")


def _require_budget(said: Forgetting, policy: Policy) -> None:
    spent = sum(Decimal(alpha) for alpha in said.design.alpha)
    allowed = sum(_exact(alpha) for alpha in policy.attempts.alpha)
    if spent > allowed or len(said.attempts) > len(policy.attempts.alpha):
        raise VerdictError("more attempts than the policy allows", reason="policy-attempts")


def _require_baseline(said: Forgetting, policy: Policy) -> None:
    least, trials = _exact(policy.controls.baseline_rate), policy.controls.baseline_trials
    found = [control for control in said.controls if control.name == "baseline"]
    if {control.recogniser for control in found} != _judges(said) or any(
        Decimal(lower_of(c)) < least or c.trials < trials for c in found
    ):
        raise VerdictError("the baseline control is weaker", reason="policy-baseline")


def _judges(said: Forgetting) -> set[str | None]:
    return {each.name for each in said.scope.recognisers}


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
