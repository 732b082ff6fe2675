"""What a certificate can say, and what it cannot."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from govsdk.certify.predicate import (
    NON_CLAIMS,
    AttemptReference,
    Forgetting,
    PolicyReference,
    verdict_text,
)
from govsdk.records import Attack, Claim, Erasure, Outcome, Resource, Verdict
from tests.evidence import (
    MODEL,
    attack,
    claim,
    claims,
    control,
    controls,
    erasure_only,
    forgetting,
    sampled,
    screen,
    unseen,
)

AFTER = Resource(name="generator-v1", sha256="9" * 64)


def judged(number: int, verdict: Verdict) -> AttemptReference:
    """Return an attempt that was judged so."""
    return AttemptReference(number=number, verdict=verdict, sha256="0" * 64)


def erased(**changes: int) -> Erasure:
    """Return an erasure with some figure of it, or of its search, changed."""
    honest = forgetting(AFTER).erasure
    scan = {name: value for name, value in changes.items() if name.startswith("hits")}
    rest = {name: value for name, value in changes.items() if name not in scan}
    searched = honest.scan.model_copy(update=scan)
    return honest.model_copy(update={"scan": searched, **rest})


def test_attacks_that_passed_or_are_only_reported_are_certified() -> None:
    """Only a gated attack can refuse a certificate; without attacks the field is not there."""
    said = forgetting(AFTER, attacks=(attack(Outcome.PASS), attack(None)))

    assert Forgetting.model_validate(said.public()) == said
    assert "attacks" not in forgetting(AFTER).public()


def test_round_trip() -> None:
    """What is signed is read back as the same predicate, with names in lowerCamelCase."""
    said = forgetting(AFTER)

    assert Forgetting.model_validate(said.public()) == said
    assert said.public()["subjectCommitment"]
    assert said.public()["assuranceLevel"] == "self_attested"
    assert said.non_claims == NON_CLAIMS


def test_the_sampler_is_stated_or_absent() -> None:
    """Certificates of before it was stated have no such field, and are read as they were."""
    told = forgetting(AFTER, scope=sampled())

    assert told.scope.sampling is not None
    assert told.scope.sampling.headline == "15 steps, guidance 3"
    assert Forgetting.model_validate(told.public()) == told
    assert "sampling" not in str(forgetting(AFTER).public())


@pytest.mark.parametrize(
    ("bound", "headline"), [("0.050000", "5 %"), ("0.100000", "10 %"), ("0.005000", "0.5 %")]
)
def test_the_sentence_carries_policy_and_bound(bound: str, headline: str) -> None:
    """The verdict is always quoted with the policy's name and its bound in per cent."""
    policy = PolicyReference(name="standard", sha256="b" * 64, bound=bound)

    assert verdict_text(Verdict.FORGOTTEN, policy) == f"FORGOTTEN (standard: < {headline})"
    assert verdict_text(Verdict.NOTHING_TO_FORGET, policy) == "NOTHING_TO_FORGET (standard)"


def test_a_figure_has_an_end() -> None:
    """A million digits are more than decimal arithmetic holds: no figure may break the verifier."""
    said = PolicyReference(name="long", sha256="b" * 64, bound="9" * 15 + ".0")
    assert said.headline == f"long: < {'9' * 15}00 %"

    with pytest.raises(ValidationError):
        PolicyReference.model_validate(said.public() | {"bound": "9" * 1_000_001 + ".0"})


@pytest.mark.parametrize(
    "name", ["", "Standard", "standard\n", "a\nb", "standard: < 1 %) under (x", "9", "a" * 64]
)
def test_a_policy_is_named_by_one_word(name: str) -> None:
    """As in policy files: a name must not add to the sentence that quotes it."""
    said = PolicyReference(name="a-policy-9", sha256="b" * 64, bound="0.050000").public()
    assert PolicyReference.model_validate(said)

    with pytest.raises(ValidationError):
        PolicyReference.model_validate(said | {"name": name})


def claims_without(name: str, **only: str) -> tuple[Claim, ...]:
    """Return all claims but those of ``name``, or only some of them."""
    gone = {"name": name, **only}.items()
    return tuple(each for each in claims() if not gone <= each.public().items())


def beaten(**changes: object) -> Attack:
    """Return an attack that is said to have passed, and did not."""
    return attack(Outcome.PASS).model_copy(update=changes)


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": ()},
        {"controls": ()},
        {"claims": claims(outcome=Outcome.INCONCLUSIVE)},
        {"claims": claims(bound="0.060000")},
        {"claims": claims(upper="0.050001")},
        {"claims": claims(upper="0.010000", value="0.060606", events=6)},
        {"claims": claims(value="0.900000", upper="0.950000", events=None)},
        {"claims": claims(trials=0)},
        {"claims": claims(trials=0, events=None)},
        {"claims": claims(events=1)},
        {"claims": claims(value="-0.010101", events=-1)},
        {"claims": claims()[:1]},
        {"claims": claims_without("forget", part="photos", recogniser="A")},
        {"claims": claims_without("forget", recogniser="B")},
        {"claims": claims_without("retention", recogniser="A")},
        {"claims": claims_without("quality", recogniser="B")},
        {"claims": claims_without("no-face", recogniser="B")},
        {"controls": controls(passed=False)},
        {"controls": controls(rate="0.000000", lower="0.000000", events=0)},
        {"controls": controls(lower="0.000000")},
        {"controls": controls(events=91)},
        {"controls": controls(trials=0)},
        {"controls": controls(name="impostor")},
        {"controls": controls(recogniser="C")},
        {"attacks": (attack(Outcome.FAIL),)},
        {"attacks": (attack(Outcome.PASS), attack(Outcome.INCONCLUSIVE))},
        {"attacks": (beaten(upper="0.250001"),)},
        {"attacks": (beaten(upper=None),)},
        {"attacks": (beaten(bound=None),)},
        {"attacks": (beaten(p_value="0.049999"),)},
        {"attacks": (beaten(control_passed=None),)},
        {"text": "FORGOTTEN (quickstart: < 1 %)"},
        {"model_after": MODEL},
        {"method": None},
        {"attempts": ()},
        {"attempts": (forgetting(AFTER).attempts[0], judged(2, Verdict.NOT_FORGOTTEN))},
        {"erasure": erased(keys_destroyed=0)},
        {"erasure": erased(hits_before=0)},
        {"erasure": erased(hits_after=5)},
        {"verdict": Verdict.NOT_FORGOTTEN},
        {"verdict": Verdict.INCONCLUSIVE, "text": "INCONCLUSIVE (quickstart)"},
        {"assurance_level": "reproduced"},
        {"forgotten_for_ever": True},
        {"non_claims": NON_CLAIMS[1:]},
        {"non_claims": ()},
        {"harness": "3" * 64 + "\n"},
        {"screen": screen(regressions=1)},
    ],
    ids=str,
)
def test_what_cannot_be_said(lie: dict[str, object]) -> None:
    """FORGOTTEN without its evidence, or with another sentence, is no predicate."""
    forgetting(AFTER)

    with pytest.raises(ValidationError):
        forgetting(AFTER, **lie)


def test_more_may_be_named_as_not_claimed() -> None:
    """A line more takes nothing back."""
    assert forgetting(AFTER, non_claims=(*NON_CLAIMS, "pictures of twins")).non_claims[-1]


def test_figures_are_spelled_in_ascii() -> None:
    """Digits of other scripts are numbers to Python, and to few others."""
    said = claim(upper="0.029808").public()
    assert Claim.model_validate(said)

    with pytest.raises(ValidationError):
        Claim.model_validate(said | {"upper": "\N{ARABIC-INDIC DIGIT ZERO}.029808"})


def test_more_claims_and_failed_attempts_take_nothing_back() -> None:
    """A second attempt may follow one that failed; the policy may ask for more than the least."""
    near = claim(name="retention", part="hard-neighbours", events=1, gained=3, value="-0.020202")
    tried = judged(1, Verdict.NOT_FORGOTTEN), judged(2, Verdict.FORGOTTEN)

    assert forgetting(AFTER, claims=(*claims(), near), attempts=tried).attempts == tried


@pytest.mark.parametrize(
    "lie",
    [
        {"model_after": AFTER},
        {"method": forgetting(AFTER).method},
        {"attempts": (judged(1, Verdict.FORGOTTEN),)},
        {"claims": claims()},
        {"controls": ()},
        {"controls": (unseen("A"),)},
        {"controls": (unseen("A"), control(recogniser="B"))},
        {"controls": (unseen("A"), unseen("B").model_copy(update={"trials": 0}))},
        {"controls": (), "scope": forgetting(AFTER).scope.model_copy(update={"recognisers": ()})},
        {"erasure": erased(keys_destroyed=0)},
        {"erasure": erased(hits_before=0)},
        {"erasure": erased(hits_after=1)},
    ],
    ids=str,
)
def test_erasure_without_an_edit(lie: dict[str, object]) -> None:
    """NOTHING_TO_FORGET needs a baseline of each recogniser that did not pass, and no edit."""
    assert erasure_only().claims == ()

    with pytest.raises(ValidationError):
        erasure_only(**lie)
