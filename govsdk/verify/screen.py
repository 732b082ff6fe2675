"""Whether an edit brought back somebody whom this line of models forgot earlier.

- Everybody forgotten earlier gets a few probes; whoever is hit gets the full number of trials.
- One hit may be chance: only a person whose full test FAILs has come back.
- A probe counts as a hit if any recogniser accepts it.

Source: design.md, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from govsdk.policy import Policy
from govsdk.policy.limits import rate_lower, rate_upper
from govsdk.policy.power import detectable_rate
from govsdk.ports import Templates
from govsdk.records import Screen, decimal_text
from govsdk.verify.judge import upper_text
from govsdk.verify.statistics import CONFIDENCE_ALPHA
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Scores

Probe = Callable[[Templates, str, int], Scores]
"""Draws ``n`` trials from D around a person, with seeds under a label."""


def screen_earlier(
    policy: Policy, earlier: Sequence[Templates], thresholds: Thresholds, probe: Probe
) -> Screen | None:
    """Return the screen of everybody in ``earlier``, or None if nobody was forgotten before."""
    if not earlier:
        return None
    each, claim = policy.controls.screen_probes, policy.claims.forget
    hits = regressions = 0
    for i, person in enumerate(earlier):
        seen = _accepted(probe(person, f"screen/{i}", each), person, thresholds).any(axis=0).sum()
        hits += int(seen)
        if seen:
            full = _accepted(probe(person, f"screen/{i}/full", claim.trials), person, thresholds)
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
        detectable_rate=decimal_text(detectable_rate(probes)),
        regressions=regressions,
    )


def _accepted(scores: Scores, person: Templates, thresholds: Thresholds) -> npt.NDArray[np.bool_]:
    """Return which recogniser accepts which trial as ``person``: ``[recognisers, n]``."""
    return np.stack(
        [
            scores.matches(name, person.centroid(name), thresholds.forget[name])
            for name in sorted(scores.embeddings.keys() & person.by_recogniser.keys())
        ]
    )
