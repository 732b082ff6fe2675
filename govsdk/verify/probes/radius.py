"""The forget radius: the largest tested angle such that it and every smaller one pass.

- Angles are tested in their order, each at full confidence, up to the first that does not pass: a
  fixed sequence needs no correction, and later angles are not drawn.
- Directions are isotropic: towards other people, far angles would be theirs (mixtures go there).
- An angle says something only where the unedited model still draws the person: its match rate must
  be shown to be at least one half, under every recogniser.

Source: Maurer, Hothorn and Lehmacher 1995 (fixed-sequence tests); design.md, section 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import radians

from govsdk.errors import RequestError
from govsdk.policy.probes import RadiusProbe
from govsdk.records import Reported, decimal_text
from govsdk.verify.probes.probing import Probing

NAME = "forget-radius"

EVALUABLE = Decimal("0.5")
"""Match rate that the unedited model must be shown to reach."""


def forget_radius(probing: Probing, rule: RadiusProbe) -> Iterator[Reported]:
    """Yield both models' match rates at each angle, then the radius in degrees.

    The radius has no value where not even the first angle could be evaluated, and is 0 where that
    angle did not pass.
    """
    reached: float | None = None
    for degrees in rule.degrees:
        lines = _at(probing, rule, degrees)
        yield from lines
        if not _evaluable(lines):
            break
        reached = reached or 0.0
        if not _passes(lines, rule.bound):
            break
        reached = degrees
    yield Reported(
        name=NAME,
        part="all",
        model="after",
        of="subject",
        metric="degrees",
        value=None if reached is None else decimal_text(reached),
        trials=rule.trials,
    )


def _at(probing: Probing, rule: RadiusProbe, degrees: float) -> Sequence[Reported]:
    part = f"{degrees:g} degrees"
    try:
        drawn = probing.at_angle(radians(degrees), rule.trials, f"{NAME}/{part}")
    except RequestError:  # nearly every direction belongs to somebody else
        return [*probing.lines(None, NAME, part, "before")]
    scores = probing.draw(probing.before, drawn.embeddings, NAME, part)
    before = [*probing.lines(scores, NAME, part, "before", excluded=drawn.excluded)]
    if not _evaluable(before):
        return before
    scores = probing.draw(probing.after, drawn.embeddings, NAME, part)
    return [*before, *probing.lines(scores, NAME, part, "after", excluded=drawn.excluded)]


def _evaluable(lines: Sequence[Reported]) -> bool:
    lowest = (Decimal(line.lower or 0) for line in lines if line.model == "before")
    return all(lower >= EVALUABLE for lower in lowest)


def _passes(lines: Sequence[Reported], bound: float) -> bool:
    highest = (Decimal(line.upper or 1) for line in lines if line.model == "after")
    return all(upper <= Decimal(repr(bound)) for upper in highest)
