"""Whether an edit brought back somebody whom this line of models forgot earlier.

- Everybody forgotten earlier gets a few probes, all equally many; whoever is hit gets the full
  number of trials.
- One hit may be chance: only a person whose full test FAILs has come back.
- Trials, bound and threshold are those of the person's own certificate: whoever was forgotten under
  a strict policy is not brought back under a mild one.
- A probe counts as a hit if any recogniser accepts it.

Source: design.md, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govsdk.policy import Policy
from govsdk.policy.limits import CONFIDENCE_ALPHA, rate_lower, rate_upper
from govsdk.policy.power import detectable_rate
from govsdk.ports import Templates
from govsdk.records import Screen, decimal_text
from govsdk.verify.judge import upper_text
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Scores


@dataclass(frozen=True, eq=False)
class Forgotten:
    """Somebody forgotten earlier on the model line."""

    templates: Templates
    policy: Policy
    """The policy that their certificate was issued under."""


def probes_each(policy: Policy, earlier: Iterable[Policy]) -> int:
    """Return how many probes everybody gets: as many as this policy, or any of theirs, asks for."""
    return max(asked.controls.screen_probes for asked in (policy, *earlier))


Probe = Callable[[Templates, str, int], Scores]
"""Draws ``n`` trials from D around a person, with seeds under a label."""


def screen_earlier(
    policy: Policy,
    earlier: Sequence[Forgotten],
    thresholds: Callable[[Policy], Thresholds],
    probe: Probe,
    *,
    unscreened: int = 0,
) -> Screen | None:
    """Return the screen of everybody in ``earlier``, or None if nobody was forgotten before.

    Args:
        policy: Of this edit: nobody gets fewer probes than it asks for, or than their own does.
        thresholds: Returns those that a policy asks for.
        unscreened: People forgotten before of whom nothing is kept: counted, not looked for.
    """
    if not earlier and not unscreened:
        return None
    each = probes_each(policy, (past.policy for past in earlier))
    hits = regressions = 0
    for i, past in enumerate(earlier):
        person, claim, limits = past.templates, past.policy.claims.forget, thresholds(past.policy)
        seen = _accepted(probe(person, f"screen/{i}", each), person, limits).any(axis=0).sum()
        hits += int(seen)
        if seen:
            full = _accepted(probe(person, f"screen/{i}/full", claim.trials), person, limits)
            regressions += any(
                rate_lower(int(events), claim.trials, CONFIDENCE_ALPHA) > claim.bound
                for events in full.sum(axis=1)
            )
    probes = each * len(earlier)
    return Screen(
        subjects=len(earlier),
        probes_each=each,
        hits=hits,
        upper=upper_text(rate_upper(hits, probes, CONFIDENCE_ALPHA)),
        detectable_rate=decimal_text(detectable_rate(each if earlier else 0)),
        regressions=regressions,
        unscreened=unscreened,
    )


def _accepted(scores: Scores, person: Templates, thresholds: Thresholds) -> npt.NDArray[np.bool_]:
    """Return which recogniser accepts which trial as ``person``: ``[recognisers, n]``."""
    return np.stack(
        [
            scores.matches(name, person.centroid(name), thresholds.forget[name])
            for name in sorted(scores.embeddings.keys() & person.by_recogniser.keys())
        ]
    )
