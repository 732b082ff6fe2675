"""Conditions on the line through anchor and person, and between the person and others.

- The line goes on beyond the person: an edit that pushes away from them may bring them back there.
- Mixtures nearer to another enrolled person than to the subject belong to that person: they are
  left out and counted.

Source: methods.md, section 5.5.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from govsdk.policy.probes import LineProbe, MixtureProbe
from govsdk.ports import Float32
from govsdk.records import Reported
from govsdk.verify.probes.probing import SIDES, Probing
from govsdk.verify.seeds import stream


def line(probing: Probing, rule: LineProbe) -> Iterator[Reported]:
    """Yield both models' match rates at each place ``normalise((1 - s) anchor + s person)``."""
    for place in rule.places:
        part = f"place {place:g}"
        if probing.anchor is None:
            for side in SIDES:
                yield from probing.lines(None, "line", part, side)
            continue
        condition = _unit((1 - place) * probing.anchor + place * probing.centre)
        conditions = np.repeat(condition[None], rule.trials, axis=0)
        yield from probing.both(conditions, "line", part)


def mixtures(probing: Probing, rule: MixtureProbe) -> Iterator[Reported]:
    """Yield both models' match rates for mixtures with other people, in turn, by share."""
    for share in rule.shares:
        part = f"share {share:g}"
        order = stream(probing.bench.note, f"mixture/{part}").permutation(len(probing.others))
        others = probing.others[order]
        mixed = _unit(share * others + (1 - share) * probing.centre)
        own = mixed @ probing.centre >= (mixed @ others.T).max(axis=1)
        excluded = int((~own).sum())
        if not own.any():
            for side in SIDES:
                yield from probing.lines(None, "mixture", part, side, excluded=excluded)
            continue
        conditions = mixed[own][np.arange(rule.trials) % int(own.sum())]
        yield from probing.both(conditions, "mixture", part, excluded=excluded)


def _unit(rows: Float32) -> Float32:
    scaled: Float32 = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return scaled
