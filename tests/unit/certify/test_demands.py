"""A verifier's own policy against what a certificate shows."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from govsdk.certify.demands import require_claims
from govsdk.certify.predicate import (
    AttemptReference,
    CalibratedThreshold,
    Forgetting,
    PolicyReference,
    Scope,
    verdict_text,
)
from govsdk.errors import VerdictError
from govsdk.policy import Policy
from govsdk.policy.document import HardNeighbours
from govsdk.records import Attack, Outcome, Resource, Verdict
from tests.evidence import erasure_only, forgetting, screen
from tests.unit.verify.toy import SUBJECT, forgets, model, run_baseline, run_verify
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


@pytest.mark.parametrize("name", ["quickstart", "standard"])
def test_what_the_judge_writes_is_what_is_demanded(name: str) -> None:
    """Both of a certificate (check 4) and by the policy that it judged under (check 15)."""
    policy = Policy.load(name)
    before = run_baseline(model(name="v0"), policy)
    report = run_verify(model(forgets(SUBJECT)), policy, baseline=before)
    bound = f"{policy.claims.forget.bound:.6f}"
    reference = PolicyReference(name=name, sha256=policy.digest, bound=bound)
    said = forgetting(
        AFTER,
        policy=reference,
        text=verdict_text(Verdict.FORGOTTEN, reference),
        claims=report.claims,
        controls=report.controls,
    )

    assert report.verdict is Verdict.FORGOTTEN
    assert require_claims(said, policy) == f"issued under {name}, and its figures meet it"
    never = run_baseline(model(forgets(SUBJECT)), policy)
    assert erasure_only(controls=never.controls).verdict is never.verdict


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


def attempts(*numbers: int) -> tuple[AttemptReference, ...]:
    """Return attempts of these numbers, of which the last one was FORGOTTEN."""
    return tuple(
        AttemptReference(
            number=number,
            verdict=Verdict.FORGOTTEN if number == numbers[-1] else Verdict.NOT_FORGOTTEN,
            sha256="0" * 64,
        )
        for number in numbers
    )


@pytest.mark.parametrize("numbers", [(1, 2, 3), (2,), (0,), (0, 1), (1, 1), (3,), ()])
def test_attempts_count_from_one_and_are_not_more_than_allowed(numbers: tuple[int, ...]) -> None:
    """A number decides how much alpha was allowed, so none may be passed over or used again."""
    assert require_claims(shown(attempts=attempts(1)), POLICY)

    assert reason(shown(attempts=attempts(*numbers))) == "policy-attempts"


def test_a_second_attempt_has_the_second_alpha() -> None:
    """Not the first one's, which is larger."""
    frugal = tuple(each.model_copy(update={"alpha": "0.010000"}) for each in shown().claims)
    twice = attempts(1, 2)

    assert require_claims(shown(claims=frugal, attempts=twice), POLICY)
    assert reason(shown(attempts=twice)) == "policy-alpha"


@pytest.mark.parametrize(
    ("place", "change", "expected"),
    [
        (0, {"trials": 99, "events": 99}, "policy-baseline"),
        (0, {"events": 58, "lower": "0.900000"}, "policy-baseline"),
        (0, {"recogniser": "B"}, "policy-baseline"),
        (0, {"trials": 10**12, "events": 10**12 - 1}, "policy-baseline"),
        (2, {"trials": 299}, "policy-control"),
        (2, {"events": 22, "lower": "0.000000"}, "policy-control"),
        (2, {"name": "zero-edit"}, "policy-control"),
        (3, {"recogniser": "A"}, "policy-control"),
        (4, {"trials": 299}, "policy-control"),
        (4, {"events": 39, "lower": "0.900000"}, "policy-control"),
        (4, {"part": "hard-neighbours"}, "policy-control"),
        (5, {"recogniser": "A"}, "policy-control"),
    ],
)
def test_a_weaker_control_does_not(place: int, change: dict[str, object], expected: str) -> None:
    """Whether it holds is computed from its counts; what the issuer made of them is not asked."""
    lines = list(full_controls(POLICY))
    lines[place] = lines[place].model_copy(update={"passed": False})
    assert require_claims(shown(controls=tuple(lines)), POLICY)
    lines[place] = lines[place].model_copy(update={"passed": True, **change})

    assert reason(shown(controls=tuple(lines))) == expected


def test_controls_that_just_hold() -> None:
    """One event less of the drawn ones, or more of the impostors', and they do not: see above."""
    lines = list(full_controls(POLICY))
    for place, events in {0: 59, 2: 21, 4: 40}.items():
        lines[place] = lines[place].model_copy(update={"events": events})

    assert require_claims(shown(controls=tuple(lines)), POLICY)


@pytest.mark.parametrize("left_out", range(6))
def test_no_control_can_be_left_out(left_out: int) -> None:
    """Each has its recogniser: what one would have noticed says nothing of the other."""
    controls = list(full_controls(POLICY))
    del controls[left_out]

    expected = "policy-baseline" if left_out < 2 else "policy-control"
    assert reason(shown(controls=tuple(controls))) == expected


def test_the_nearest_people_have_their_control() -> None:
    """Where the policy judges them apart, they must have been drawn before the edit, too."""
    near = HardNeighbours(bound=0.1, people=5, pairs=100)
    retention = POLICY.claims.retention.model_copy(update={"hard_neighbours": near})
    claims = POLICY.claims.model_copy(update={"retention": retention})
    policy = POLICY.model_copy(update={"claims": claims})
    there = {"part": "hard-neighbours"}
    claimed = *shown().claims, *(shown().claims[n].model_copy(update=there) for n in (4, 5))
    drawn = (
        *full_controls(POLICY),
        *(each.model_copy(update=there) for each in full_controls(POLICY)[4:]),
    )

    assert require_claims(shown(claims=claimed, controls=drawn), policy)
    assert reason(shown(claims=claimed), policy) == "policy-control"


def test_a_screen_has_as_many_probes_as_the_policy_asks() -> None:
    """Where there is none, nobody had been forgotten before."""
    asked = POLICY.controls.screen_probes
    enough, few = (
        screen(0).model_copy(update={"probes_each": probes}) for probes in (asked, asked - 1)
    )

    assert require_claims(shown(screen=enough), POLICY)
    assert require_claims(shown(screen=None), POLICY)
    assert reason(shown(screen=few)) == "policy-screen"


def judged_at(forget: str, retention: str) -> Scope:
    """Return a scope whose recognisers state thresholds at these false match rates."""
    thresholds = tuple(
        CalibratedThreshold(
            purpose=purpose, faces=faces, fmr=fmr, threshold="0.7", low="0.69", high="0.71"
        )
        for purpose, fmr in (("forget", forget), ("retention", retention))
        for faces in ("photos", "drawings")
    )
    scope = shown().scope
    judges = (j.model_copy(update={"thresholds": thresholds}) for j in scope.recognisers)
    return scope.model_copy(update={"recognisers": tuple(judges)})


@pytest.mark.parametrize(
    ("forget", "retention", "strict"),
    [
        ("0.001", "0.0001", True),
        ("0.010", "0.00001", True),
        ("0.0009", "0.0001", False),
        ("0.001", "0.00011", False),
    ],
)
def test_stated_thresholds_are_as_strict_as_the_policy(
    forget: str, retention: str, strict: bool
) -> None:
    """More strangers than the policy's count as the person, and fewer as somebody retained."""
    said = shown(scope=judged_at(forget, retention))
    if strict:
        assert require_claims(said, POLICY) == "its figures and thresholds meet quickstart"
    else:
        assert reason(said) == "policy-threshold"


@pytest.mark.parametrize("left", [0, 2])
def test_thresholds_of_one_purpose_are_not_all(left: int) -> None:
    """Nor are those of one recogniser: then the detail says that they cannot be compared."""
    scope = judged_at("0.001", "0.0001")
    one, other = scope.recognisers
    assert one.thresholds is not None
    half = one.model_copy(update={"thresholds": one.thresholds[left : left + 2]})
    silent = one.model_copy(update={"thresholds": None})

    lie = scope.model_copy(update={"recognisers": (half, other)})
    assert reason(shown(scope=lie)) == "policy-threshold"
    partly = scope.model_copy(update={"recognisers": (silent, other)})
    assert "another policy's" in require_claims(shown(scope=partly), POLICY)


def test_one_recogniser_is_no_scope() -> None:
    """Nor is one that is named twice: no such certificate can be made or read."""
    one, other = shown().scope.recognisers
    twice = one.model_copy(update={"name": "B"}), other.model_copy(update={"name": "A"})
    for few in ((), (one,), *((one, again) for again in twice)):
        scope = shown().scope.model_copy(update={"recognisers": few})
        with pytest.raises(ValidationError, match="fewer than two recognisers"):
            forgetting(AFTER, scope=scope)
    assert shown().scope.recognisers == (one, other)


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
