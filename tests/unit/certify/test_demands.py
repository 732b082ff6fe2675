"""A verifier's own policy against what a certificate shows."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from govsdk.certify.demands import require_claims
from govsdk.certify.predicate import AttemptReference, Forgetting
from govsdk.errors import VerdictError
from govsdk.policy import Policy
from govsdk.records import Attack, Outcome, Resource, Verdict
from tests.evidence import forgetting
from tests.withdrawals import full_claims, full_controls

POLICY = Policy.load("quickstart")
AFTER = Resource(name="generator-v1", sha256="8" * 64)


def shown(**changes: object) -> Forgetting:
    """Return a certificate's predicate that meets the policy exactly, then changed.

    What check 4 would refuse can be said here: the demands do not lean on it.
    """
    said = forgetting(AFTER, claims=full_claims(POLICY), controls=full_controls(POLICY))
    return said.model_copy(update=changes)


def reason(said: Forgetting, policy: Policy = POLICY) -> str:
    with pytest.raises(VerdictError) as caught:
        require_claims(said, policy)
    assert caught.value.exit_code == 3
    return str(caught.value.facts["reason"])


def test_figures_as_strict_as_the_policy_meet_it() -> None:
    """And the detail says that the thresholds cannot be compared unless the policy is the same."""
    assert "another policy's" in require_claims(shown(), POLICY)
    reference = shown().policy.model_copy(update={"sha256": POLICY.digest})
    assert "issued under quickstart" in require_claims(shown(policy=reference), POLICY)


@pytest.mark.parametrize(
    ("earlier", "told"), [(0, ""), (3, "3 earlier attempts"), (None, "were not counted")]
)
def test_earlier_attempts_are_told_and_fail_nothing(earlier: int | None, told: str) -> None:
    """The policy's alpha is one request's; what others spent is for the verifier to weigh."""
    detail = require_claims(shown(earlier_attempts=earlier), POLICY)

    assert told in detail
    assert ("earlier" in detail) is (earlier != 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"upper": "0.050001"}, "policy-bound"),
        ({"upper": "0.010000", "value": "0.060000"}, "policy-bound"),
        ({"trials": 98}, "policy-trials"),
        ({"alpha": "0.040001"}, "policy-alpha"),
        ({"part": "somewhere"}, "policy-claim"),
        ({"recogniser": "B"}, "policy-claim"),
    ],
)
def test_a_weaker_claim_does_not(change: dict[str, object], expected: str) -> None:
    """Though the issuer signed that it passed."""
    first, *others = shown().claims
    weaker = first.model_copy(update=change)

    assert reason(shown(claims=(weaker, *others))) == expected


@pytest.mark.parametrize("left_out", range(10))
def test_no_claim_can_be_left_out(left_out: int) -> None:
    """Each of the policy's claims must stand there."""
    claims = list(shown().claims)
    del claims[left_out]

    assert reason(shown(claims=tuple(claims))) == "policy-claim"


def test_attempts_and_controls_are_demanded_too() -> None:
    """More attempts, or a weaker control that the trials could have failed, do not do."""
    attempt = AttemptReference(number=0, verdict=Verdict.FORGOTTEN, sha256="0" * 64)
    first, second = full_controls(POLICY)
    weak = first.model_copy(update={"trials": 9})
    low = first.model_copy(update={"lower": "0.400000"})
    lie = first.model_copy(update={"rate": "0.400000"})

    assert reason(shown(attempts=(attempt,) * 3)) == "policy-attempts"
    for poor in (weak, low, lie):
        assert reason(shown(controls=(poor, second))) == "policy-baseline"


def test_one_recogniser_is_no_scope() -> None:
    """Nor is one that is named twice: no such certificate can be made or read."""
    one, other = shown().scope.recognisers
    twice = one.model_copy(update={"name": "B"}), other.model_copy(update={"name": "A"})
    for few in ((), (one,), *((one, again) for again in twice)):
        scope = shown().scope.model_copy(update={"recognisers": few})
        with pytest.raises(ValidationError, match="fewer than two recognisers"):
            forgetting(AFTER, scope=scope)
    assert shown().scope.recognisers == (one, other)


def test_each_recogniser_has_its_baseline() -> None:
    """That one would have recognised the person says nothing of the other."""
    one, other = full_controls(POLICY)

    assert reason(shown(controls=(one,))) == "policy-baseline"
    assert require_claims(shown(controls=(one, other)), POLICY)


def test_a_stricter_policy_is_not_met() -> None:
    """What quickstart accepts, standard does not."""
    assert reason(shown(), Policy.load("standard")).startswith("policy-")


def test_an_erasure_without_an_edit_meets_no_policy() -> None:
    """NOTHING_TO_FORGET shows nothing about the model."""
    said = shown(verdict=Verdict.NOTHING_TO_FORGET)

    assert reason(said) == "policy-verdict"


STRICT = Policy.load("quickstart").model_copy(update={"attacks": Policy.load("strict").attacks})


def full_attacks(**changes: object) -> tuple[Attack, ...]:
    """Return lines that meet the strict policy's attacks exactly, the first one changed."""
    assert STRICT.attacks is not None
    lines = [
        Attack(
            name=name,
            recogniser=recogniser,
            metric="speed-ratio" if name == "relearning" else "success-rate-difference",
            estimator="exact",
            bound=f"{wanted.bound:.6f}",
            upper=f"{wanted.bound:.6f}",
            p_value="0.500000",
            alpha="0.040000",
            runs=wanted.runs,
            stranger_runs=3 * wanted.runs,
            control_passed=True,
            outcome=Outcome.PASS,
        )
        for name, wanted in STRICT.attacks.gated.items()
        for recogniser in "AB"
    ]
    return (lines[0].model_copy(update=changes), *lines[1:])


def attacked(attacks: tuple[Attack, ...] = ()) -> Forgetting:
    """Return a predicate issued under the strict policy, with these attacks."""
    reference = shown().policy.model_copy(update={"sha256": STRICT.digest})
    return shown(policy=reference, attacks=attacks)


def test_attacks_as_strict_as_the_policy_meet_it() -> None:
    """A policy with attacks wants each of them; one without asks for none."""
    assert require_claims(attacked(full_attacks()), STRICT)
    assert require_claims(shown(), POLICY)
    assert reason(attacked(), STRICT) == "policy-attack"
    assert reason(attacked(full_attacks()[1:]), STRICT) == "policy-attack"


def test_attacks_under_another_policy_meet_none() -> None:
    """The lines do not say how long each run searched, nor how far: one step may have been all."""
    assert reason(shown(attacks=full_attacks()), STRICT) == "policy-attack"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"upper": "0.250001"}, "policy-bound"),
        ({"upper": None}, "policy-bound"),
        ({"value": "0.300000"}, "policy-bound"),
        ({"runs": 23}, "policy-trials"),
        ({"stranger_runs": 71}, "policy-trials"),
        ({"p_value": "0.049999"}, "policy-attack"),
        ({"control_passed": False}, "policy-attack"),
        ({"control_passed": None}, "policy-attack"),
        ({"alpha": "0.040001"}, "policy-alpha"),
        ({"recogniser": "B"}, "policy-attack"),
    ],
)
def test_a_weaker_attack_does_not(change: dict[str, object], expected: str) -> None:
    """Though the issuer signed that it passed."""
    assert reason(attacked(full_attacks(**change)), STRICT) == expected
