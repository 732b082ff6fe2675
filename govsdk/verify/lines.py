"""How a reported line is written: a rate with its limits, or nothing where nothing was measured.

- A rate carries two one-sided Clopper-Pearson limits at 95 %, rounded outward as claims are.
- What could not be evaluated says so by having no value; it is never left out in silence.
"""

from __future__ import annotations

from typing import Literal

from govsdk.policy.limits import CONFIDENCE_ALPHA, rate_lower, rate_upper
from govsdk.records import Reported, decimal_text
from govsdk.verify.judge import lower_text, upper_text

Side = Literal["before", "after"]
"""Which model drew: the unedited one or the edited one."""

MATCH_RATE = "match-rate"
"""The metric of every line that counts pictures accepted as a person."""


def rate_line(line: Reported, events: int, trials: int) -> Reported:
    """Return ``line`` with a measured rate; without trials it could not be evaluated."""
    if not trials:
        return line.model_copy(update={"trials": 0})
    return line.model_copy(
        update={
            "value": decimal_text(events / trials),
            "lower": lower_text(rate_lower(events, trials, CONFIDENCE_ALPHA)),
            "upper": upper_text(rate_upper(events, trials, CONFIDENCE_ALPHA)),
            "trials": trials,
            "events": events,
        }
    )
