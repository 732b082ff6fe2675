"""Demands: whether what a certificate shows is as strict as a policy of the verifier's own.

Invariants:

- the signed figures decide (upper limits, trials, alphas, counts of controls), never the issuer's
  word that they pass; alpha is that of the attempt that was certified;
- each claim that the policy makes must stand there for every part and every recogniser in scope,
  and so must every control; that the recognisers are two or more, the predicate sees to;
- the thresholds' false match rates must be as strict where the certificate states them. Where it
  does not, they are known to be the policy's only if it was issued under that very policy, and the
  detail says which;
- an attack's steps, reach and looks are not stated, and a weaker attack finds nothing: a policy
  that demands attacks is met under that very policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from govsdk.certify.figures import upper_of
from govsdk.certify.predicate import CalibratedThreshold, Forgetting
from govsdk.errors import VerdictError
from govsdk.policy import Policy
from govsdk.policy.limits import CONFIDENCE_ALPHA, rate_lower
from govsdk.policy.power import ClaimPower, claim_powers
from govsdk.policy.sections import MOST_TRIALS, exact
from govsdk.records import Control, Verdict


@dataclass(frozen=True)
class _Needed:
    """One control that gives the claims their meaning: what its rate must be shown to be."""

    name: str
    part: str | None
    trials: int
    above: float | None = None
    """Least lower limit."""
    not_above: float | None = None
    """Largest lower limit."""

    def holds(self, found: Control) -> bool:
        """Tell whether the control came out as it must: computed from what was counted in it.

        Whoever signed the count does not decide how long its reader computes: there is a most.
        """
        if not self.trials <= found.trials <= MOST_TRIALS:
            return False
        lower = rate_lower(found.events, found.trials, CONFIDENCE_ALPHA)
        return (self.above is None or lower >= self.above) and (
            self.not_above is None or lower <= self.not_above
        )


def require_claims(said: Forgetting, policy: Policy) -> str:
    """Return how ``said`` meets ``policy``.

    Raises:
        VerdictError: It does not; ``facts["reason"]`` says where.
    """
    if said.verdict is not Verdict.FORGOTTEN:
        raise VerdictError("nothing was edited", reason="policy-verdict")
    attempt = _attempt(said, policy)
    for claim in claim_powers(policy, attempt):
        _require(said, claim)
    _require_attacks(said, policy, alpha=policy.alpha(attempt))
    for control in _controls(policy):
        _require_control(said, control)
    _require_screen(said, policy)
    stated = _require_thresholds(said, policy)
    told = _earlier(said)
    if said.policy.sha256 == policy.digest:
        return f"issued under {policy.name}, and its figures meet it{told}"
    if stated:
        return f"its figures and thresholds meet {policy.name}{told}"
    return f"its figures meet {policy.name}; the thresholds were another policy's{told}"


def _earlier(said: Forgetting) -> str:
    """Return what the policy's alpha does not cover: earlier requests spent one of their own."""
    if said.earlier_attempts is None:
        return "; earlier attempts were not counted"
    return f"; after {said.earlier_attempts} earlier attempts" if said.earlier_attempts else ""


def _attempt(said: Forgetting, policy: Policy) -> int:
    """Return which attempt was certified: they count from 1, and each has an alpha of its own."""
    numbers = [attempt.number for attempt in said.attempts]
    allowed = len(policy.attempts.alpha)
    spent = sum(Decimal(alpha) for alpha in said.design.alpha)
    if (
        numbers != list(range(1, len(numbers) + 1))
        or not 1 <= len(numbers) <= allowed
        or spent > sum(map(exact, policy.attempts.alpha))
    ):
        raise VerdictError("more attempts than the policy allows", reason="policy-attempts")
    return numbers[-1]


def _require(said: Forgetting, wanted: ClaimPower) -> None:
    found = [c for c in said.claims if (c.name, c.part) == (wanted.claim, wanted.part)]
    where = f"{wanted.claim}, {wanted.part}"
    if {claim.recogniser for claim in found} != _judges(said):
        raise VerdictError(f"{where}: not claimed", reason="policy-claim")
    for claim in found:
        if Decimal(upper_of(claim)) > exact(wanted.bound):
            raise VerdictError(f"{where}: the upper limit is higher", reason="policy-bound")
        if claim.trials < wanted.trials:
            raise VerdictError(f"{where}: fewer trials", reason="policy-trials")
        if Decimal(claim.alpha) > exact(wanted.alpha):
            raise VerdictError(f"{where}: a larger alpha", reason="policy-alpha")


def _require_attacks(said: Forgetting, policy: Policy, *, alpha: float) -> None:
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
            if attack.upper is None or Decimal(upper_of(attack)) > exact(wanted.bound):
                raise VerdictError(f"{name}: the upper limit is higher", reason="policy-bound")
            if attack.runs < wanted.runs or attack.stranger_runs < wanted.runs * (
                policy.attacks.strangers
            ):
                raise VerdictError(f"{name}: fewer runs", reason="policy-trials")
            if Decimal(attack.p_value) < exact(CONFIDENCE_ALPHA) or not attack.control_passed:
                raise VerdictError(f"{name}: it works on the subject", reason="policy-attack")
            if Decimal(attack.alpha) > exact(alpha):
                raise VerdictError(f"{name}: a larger alpha", reason="policy-alpha")


def _controls(policy: Policy) -> Iterator[_Needed]:
    """Yield what the judge demands of each control (``verify/claims.py``), from the policy."""
    asked, bound = policy.controls, policy.claims.forget.bound
    retention, near = policy.claims.retention, policy.claims.retention.hard_neighbours
    yield _Needed("baseline", None, asked.baseline_trials, above=asked.baseline_rate)
    yield _Needed("impostor", None, retention.pairs, not_above=bound)
    yield _Needed("retained", "random", retention.pairs, above=retention.bound)
    if near is not None:
        yield _Needed("retained", "hard-neighbours", near.pairs, above=near.bound)


def _require_control(said: Forgetting, needed: _Needed) -> None:
    found = [c for c in said.controls if (c.name, c.part) == (needed.name, needed.part)]
    if {each.recogniser for each in found} != _judges(said) or not all(map(needed.holds, found)):
        reason = "policy-baseline" if needed.name == "baseline" else "policy-control"
        raise VerdictError(f"the {needed.name} control is weaker", reason=reason)


def _require_screen(said: Forgetting, policy: Policy) -> None:
    # Absent: nobody had been forgotten before.
    if said.screen is not None and said.screen.probes_each < policy.controls.screen_probes:
        raise VerdictError("the screen had fewer probes", reason="policy-screen")


def _require_thresholds(said: Forgetting, policy: Policy) -> bool:
    """Return whether the certificate states all thresholds; those that it states must do."""
    stated = [judge.thresholds for judge in said.scope.recognisers]
    for thresholds in stated:
        purposes = {each.purpose for each in thresholds or ()}
        if thresholds is not None and (
            purposes != {"forget", "retention"}
            or not all(_is_strict(t, policy) for t in thresholds)
        ):
            raise VerdictError("a threshold is less strict", reason="policy-threshold")
    return None not in stated


def _is_strict(threshold: CalibratedThreshold, policy: Policy) -> bool:
    """Tell whether the threshold takes more pictures for the subject, or fewer for the retained."""
    fmr, claims = Decimal(threshold.fmr), policy.claims
    if threshold.purpose == "forget":
        return fmr >= exact(claims.forget.fmr)
    return fmr <= exact(claims.retention.fmr)


def _judges(said: Forgetting) -> set[str | None]:
    return {each.name for each in said.scope.recognisers}
