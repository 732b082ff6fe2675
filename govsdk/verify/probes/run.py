"""Which probes a policy asks for, in which order they are drawn."""

from __future__ import annotations

from collections.abc import Iterator

from govsdk.policy.probes import Probes
from govsdk.records import Reported
from govsdk.verify.probes.directions import line, mixtures
from govsdk.verify.probes.images import image_path
from govsdk.verify.probes.probing import Probing
from govsdk.verify.probes.radius import forget_radius
from govsdk.verify.probes.samplers import samplers


def run_probes(probing: Probing, probes: Probes) -> Iterator[Reported]:
    """Yield the lines of every probe in ``probes`` that draws pictures of its own."""
    if probes.radius is not None:
        yield from forget_radius(probing, probes.radius)
    if probes.line is not None:
        yield from line(probing, probes.line)
    if probes.mixture is not None:
        yield from mixtures(probing, probes.mixture)
    if probes.sampler is not None:
        yield from samplers(probing, probes.sampler)
    if probes.image_path is not None:
        yield from image_path(probing, probes.image_path)
