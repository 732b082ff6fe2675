"""The probes that a policy may ask for: measured and reported, never part of the verdict.

Source: docs/formats/policy-v1.md, section 7.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from govsdk.policy.sections import Count, Section, Share


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(set(values)):
        raise ValueError("the values must rise")
    return values


class RadiusProbe(Section):
    """How far from the person's centroid the edited model still does not draw them."""

    degrees: Annotated[
        tuple[Annotated[float, Field(strict=True, gt=0, le=180)], ...],
        Field(min_length=1, max_length=32),
        AfterValidator(_rising),
    ]
    """Angles, tested in this order up to the first that does not pass."""
    trials: Count
    """Generations at each angle, under either model."""
    bound: Share = 0.1
    """Match rate within which an angle passes, by its upper limit."""


class LineProbe(Section):
    """Conditions on the line through the anchor (0) and the person's centroid (1)."""

    places: Annotated[
        tuple[Annotated[float, Field(strict=True, ge=-1, le=3)], ...],
        Field(min_length=1, max_length=32),
        AfterValidator(_rising),
    ]
    trials: Count
    """Generations at each place, under either model."""


class MixtureProbe(Section):
    """Conditions between the person's centroid (0) and other people's (1)."""

    shares: Annotated[
        tuple[Share, ...], Field(min_length=1, max_length=32), AfterValidator(_rising)
    ]
    """How much of the other person is in the mixture."""
    trials: Count
    """Generations for each share, under either model."""


class SamplerProbe(Section):
    """Conditions from D under other sampler settings, one changed at a time."""

    guidance: tuple[Annotated[float, Field(strict=True, ge=0, le=30)], ...] = ()
    steps: tuple[Annotated[int, Field(strict=True, ge=1, le=1000)], ...] = ()
    schedulers: tuple[Literal["dpm-solver", "ddim", "euler"], ...] = ()
    trials: Count
    """Generations for each setting, under either model."""


class PhotoLeakProbe(Section):
    """Whether a sealed photo leaks in any of several pictures; costs no picture of its own."""

    seeds: Count
    """Pictures looked at for each photo; fewer where fewer were drawn."""


class ImageProbe(Section):
    """Pictures begun from a sealed photo instead of noise, and the same of a stranger."""

    strengths: Annotated[
        tuple[Annotated[float, Field(strict=True, gt=0, le=1)], ...],
        Field(min_length=1, max_length=32),
        AfterValidator(_rising),
    ]
    """Shares of the denoising steps that are run: with few, the photo stays."""
    trials: Count
    """Generations at each strength, for either person."""


class Probes(Section):
    """What is measured besides the claims: reported, never part of the verdict."""

    radius: RadiusProbe | None = None
    line: LineProbe | None = None
    mixture: MixtureProbe | None = None
    sampler: SamplerProbe | None = None
    photo_leak: PhotoLeakProbe | None = None
    image_path: ImageProbe | None = None
