"""Pictures begun from a sealed photo: is the person drawn because the picture holds them already?

- What a photo brings along is no memory of the model, so a stranger's photos, drawn from in the
  same way, say how much that is: a person never forgotten, compared with their own centroid.
- At a small strength nearly everything stays, for whomever: only the distance to the stranger says
  something.
- Each picture is asked for by its photo's own condition. Null and random conditions, and pictures
  begun from inverted noise, are not tried.

Source: SDEdit (arXiv 2108.01073); methods.md, section 5.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from govsdk.canonical import sha256_hex
from govsdk.policy.probes import ImageProbe
from govsdk.ports import Float32, Picture, Sampler
from govsdk.records import Reported
from govsdk.verify.lines import Side
from govsdk.verify.probes.probing import Portraits, Probing, Who
from govsdk.verify.trials import Scores

NAME = "image-path"


def image_path(probing: Probing, rule: ImageProbe) -> Iterator[Reported]:
    """Yield match rates at each strength: the subject and a stranger, before and after."""
    looks: tuple[tuple[Side, Who, Portraits | None], ...] = (
        ("before", "subject", probing.subject),
        ("before", "stranger", probing.stranger),
        ("after", "subject", probing.subject),
        ("after", "stranger", probing.stranger),
    )
    for strength in rule.strengths:
        part = f"strength {strength:g}"
        for side, of, portraits in looks:
            scores = None
            if portraits is not None:
                scores = _draw(probing, portraits, strength, rule.trials, side, of)
            person = None if portraits is None else portraits.templates
            yield from probing.lines(scores, NAME, part, side, of=of, person=person)


def _draw(
    probing: Probing, portraits: Portraits, strength: float, n: int, side: Side, of: Who
) -> Scores | None:
    drawer = probing.model(side).drawer
    if not isinstance(drawer, Sampler) or not len(portraits.photos):
        return None
    part = f"{of}/strength {strength:g}"
    turns = np.arange(n) % len(portraits.photos)
    seeds = probing.seeds(NAME, part, n)
    begun = _Begun(
        drawer,
        {seed: portraits.photos[int(turn)] for seed, turn in zip(seeds, turns, strict=True)},
        strength,
    )
    photos = sha256_hex(b"".join(photo.tobytes() for photo in portraits.photos))
    model = probing.varied(side, begun, strength=f"{strength:g}", photos=photos)
    return probing.draw(model, portraits.conditions[turns], NAME, part)


@dataclass(frozen=True, eq=False)
class _Begun:
    """A drawer that begins each picture from the photo that belongs to its seed."""

    drawer: Sampler
    photos: Mapping[int, Picture]
    strength: float

    def draw(self, embeddings: Float32, seeds: Sequence[int]) -> list[Picture]:
        pictures = [self.photos[seed] for seed in seeds]
        return self.drawer.redraw(pictures, embeddings, seeds, strength=self.strength)
