"""Figures: whether what a certificate shows bears its verdict, whatever its issuer says of it.

Invariants:

- an outcome is believed only as far as limits, counts and bound of the same line spell it;
- what every verification measures must stand there, under each recogniser in scope: a verdict with
  less was not reached by the rules.

Pure. Not checked: how the limits follow from the counts, nor against which policy; the check of a
verifier's own policy does (``demands``).

Source: docs/formats/certificate-v0.1.md, 2.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from govsdk.policy.limits import CONFIDENCE_ALPHA
from govsdk.policy.sections import exact
from govsdk.records import (
    Attack,
    Claim,
    Control,
    DecimalText,
    Erasure,
    Outcome,
    decimal_text,
)

FORGET_PARTS = ("distribution", "photos")
"""Around the person's centroid, and from their sealed photos."""


def require_forgotten(
    claims: Sequence[Claim],
    controls: Sequence[Control],
    attacks: Sequence[Attack],
    judges: set[str],
) -> None:
    """Accept figures by which a person is forgotten in the eyes of ``judges``.

    Raises:
        ValueError: A line is missing, or does not pass.
    """
    if not all(map(_passes, claims)) or not all(map(_withstood, attacks)):
        raise ValueError("FORGOTTEN although a claim or an attack does not pass")
    if not all(map(_held, controls)):
        raise ValueError("FORGOTTEN although a control did not pass")
    parts = {(claim.recogniser, claim.name, claim.part) for claim in claims}
    needed = {(judge, "forget", part) for judge in judges for part in FORGET_PARTS}
    names = {(claim.recogniser, claim.name) for claim in claims}
    others = {(judge, name) for judge in judges for name in ("retention", "quality", "no-face")}
    if not needed <= parts or not others <= names or _baselines(controls) != judges:
        raise ValueError("FORGOTTEN without all claims and a baseline under each recogniser")


def require_nothing(claims: Sequence[Claim], controls: Sequence[Control], judges: set[str]) -> None:
    """Accept figures by which there was nobody to forget: no recogniser of ``judges`` saw them.

    Raises:
        ValueError: A baseline is missing or passed, or there are claims about an edit.
    """
    seen = any(control.passed or not _is_counted(control) for control in controls)
    if claims or seen or _baselines(controls) != judges:
        raise ValueError("nothing to forget, yet not every baseline failed")


def require_erased(erasure: Erasure) -> None:
    """Accept an erasure that destroyed a key, with a search that could have found something.

    Raises:
        ValueError: It did not.
    """
    scan = erasure.scan
    if not erasure.keys_destroyed > 0 or not scan.hits_before > 0 == scan.hits_after:
        raise ValueError("erased without a key destroyed, or without a search that shows it")


def upper_of(said: Claim | Attack) -> DecimalText:
    """Return the upper limit: below the measured figure it is none, whoever signed it."""
    return max(said.upper or said.value, said.value, key=Decimal)


def lower_of(said: Control) -> DecimalText:
    """Return the lower limit, which for the same reason is not above the rate."""
    return min(said.lower, said.rate, key=Decimal)


def _passes(claim: Claim) -> bool:
    within = Decimal(upper_of(claim)) <= Decimal(claim.bound)
    return claim.outcome is Outcome.PASS and within and _is_counted(claim)


def _withstood(attack: Attack) -> bool:
    if attack.outcome is None:
        return True
    if attack.outcome is not Outcome.PASS or attack.upper is None or attack.bound is None:
        return False
    within = Decimal(attack.upper) <= Decimal(attack.bound)
    fails = Decimal(attack.p_value) < exact(CONFIDENCE_ALPHA)
    return within and not fails and attack.control_passed is True


def _held(control: Control) -> bool:
    drawn = control.name != "baseline" or Decimal(lower_of(control)) > 0
    return control.passed and drawn and _is_counted(control)


def _is_counted(said: Claim | Control) -> bool:
    """Tell whether the line has trials, and its value is what was counted in them, if it was."""
    if said.trials <= 0 or said.events is None:
        return said.trials > 0
    value, gained = (said.value, said.gained or 0) if isinstance(said, Claim) else (said.rate, 0)
    if min(said.events, gained) < 0 or said.events + gained > said.trials:
        return False
    return value == decimal_text((said.events - gained) / said.trials)


def _baselines(controls: Iterable[Control]) -> set[str]:
    return {control.recogniser for control in controls if control.name == "baseline"}
