"""Conditions from D under other samplers: a person must not come back with more guidance or steps.

One setting is changed at a time; the conditions are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from govsdk.policy.probes import SamplerProbe
from govsdk.ports import Drawer, Sampler
from govsdk.records import Reported
from govsdk.verify.probes.probing import SIDES, Probing

NAME = "sampler"

Setting = Mapping[str, int | float | str]


def samplers(probing: Probing, rule: SamplerProbe) -> Iterator[Reported]:
    """Yield both models' match rates under each setting."""
    drawn = probing.around(rule.trials, NAME)
    for setting in _settings(rule):
        part = " ".join(f"{name} {value}" for name, value in setting.items())
        for side in SIDES:
            drawer = _resampled(probing.model(side).drawer, setting)
            if drawer is None:
                yield from probing.lines(None, NAME, part, side)
                continue
            model = probing.varied(side, drawer, sampler=part)
            scores = probing.draw(model, drawn.embeddings, NAME, part)
            yield from probing.lines(scores, NAME, part, side, excluded=drawn.excluded)


def _settings(rule: SamplerProbe) -> Iterator[Setting]:
    yield from ({"guidance": value} for value in rule.guidance)
    yield from ({"steps": value} for value in rule.steps)
    yield from ({"scheduler": value} for value in rule.schedulers)


def _resampled(drawer: Drawer, setting: Setting) -> Drawer | None:
    """Return the drawer under ``setting``; None if its sampler cannot be set."""
    if not isinstance(drawer, Sampler):
        return None
    match setting:
        case {"guidance": float(guidance)}:
            return drawer.resampled(guidance=guidance)
        case {"steps": int(steps)}:
            return drawer.resampled(steps=steps)
        case {"scheduler": str(scheduler)}:
            return drawer.resampled(scheduler=scheduler)
    return None
