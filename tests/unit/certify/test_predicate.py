"""What a certificate can say, and what it cannot."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from govsdk.certify.predicate import NON_CLAIMS, Forgetting, PolicyReference, verdict_text
from govsdk.records import Claim, Outcome, Resource, Verdict
from tests.evidence import MODEL, attack, claim, control, erasure_only, forgetting, screen

AFTER = Resource(name="generator-v1", sha256="9" * 64)


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


@pytest.mark.parametrize(
    ("bound", "headline"), [("0.050000", "5 %"), ("0.100000", "10 %"), ("0.005000", "0.5 %")]
)
def test_the_sentence_carries_policy_and_bound(bound: str, headline: str) -> None:
    """The verdict is always quoted with the policy's name and its bound in per cent."""
    policy = PolicyReference(name="standard", sha256="b" * 64, bound=bound)

    assert verdict_text(Verdict.FORGOTTEN, policy) == f"FORGOTTEN (standard: < {headline})"
    assert verdict_text(Verdict.NOTHING_TO_FORGET, policy) == "NOTHING_TO_FORGET (standard)"


@pytest.mark.parametrize(
    "name", ["", "Standard", "standard\n", "a\nb", "standard: < 1 %) under (x", "9", "a" * 64]
)
def test_a_policy_is_named_by_one_word(name: str) -> None:
    """As in policy files: a name must not add to the sentence that quotes it."""
    said = PolicyReference(name="a-policy-9", sha256="b" * 64, bound="0.050000").public()
    assert PolicyReference.model_validate(said)

    with pytest.raises(ValidationError):
        PolicyReference.model_validate(said | {"name": name})


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": ()},
        {"controls": ()},
        {"claims": (claim(), claim(outcome=Outcome.INCONCLUSIVE))},
        {"claims": (claim(bound="0.060000"),)},
        {"controls": (control(passed=False),)},
        {"attacks": (attack(Outcome.FAIL),)},
        {"attacks": (attack(Outcome.PASS), attack(Outcome.INCONCLUSIVE))},
        {"text": "FORGOTTEN (quickstart: < 1 %)"},
        {"model_after": MODEL},
        {"method": None},
        {"attempts": ()},
        {"verdict": Verdict.NOT_FORGOTTEN},
        {"verdict": Verdict.INCONCLUSIVE, "text": "INCONCLUSIVE (quickstart)"},
        {"assurance_level": "reproduced"},
        {"forgotten_for_ever": True},
        {"non_claims": NON_CLAIMS[1:]},
        {"non_claims": ()},
        {"harness": "3" * 64 + "\n"},
        {"screen": screen(regressions=1)},
    ],
    ids="+".join,
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


def test_erasure_without_an_edit() -> None:
    """NOTHING_TO_FORGET needs no claims, and the model must be the one before."""
    assert erasure_only().claims == ()
    with pytest.raises(ValidationError):
        erasure_only(model_after=AFTER)
