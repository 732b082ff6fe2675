"""An invented person and one photo of them, as numbers.

- A :class:`Person` is a seed and 48 identity numbers drawn from it; a :class:`Shot` is 17 nuisance
  numbers.
- Same seeds, same numbers, on every machine and NumPy 2: nothing is drawn from
  NumPy's global state.
- Identity numbers never depend on a shot, nuisance numbers never on the person's traits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

IDENTITY: tuple[str, ...] = (
    "skin_tone", "skin_warmth", "blush", "freckles", "age",
    "head_width", "jaw_width", "jaw_square", "chin_length", "cheekbones",
    "ear_size", "ear_stand", "neck_width",
    "eye_spacing", "eye_height", "eye_width", "eye_open", "eye_tilt", "eye_depth",
    "iris_hue", "iris_light",
    "brow_height", "brow_thick", "brow_tilt", "brow_arch", "brow_length", "brow_dark",
    "nose_length", "nose_width", "nose_bridge", "nose_tip",
    "mouth_width", "mouth_height", "lip_upper", "lip_lower", "lip_colour", "lip_curve",
    "hair_light", "hair_red", "hair_grey", "hair_length", "hair_volume", "hairline", "hair_part",
    "hair_curl", "fringe", "beard", "moustache",
)  # fmt: skip
"""Names of the identity numbers, each in [-1, 1] and drawn uniformly."""

NUISANCE: tuple[str, ...] = (
    "yaw", "pitch", "roll", "zoom", "shift_x", "shift_y",
    "light_x", "light_y", "ambient", "exposure", "temperature",
    "smile", "blink", "gaze",
    "ground_hue", "ground_value", "cloth",
)  # fmt: skip
"""Names of the nuisance numbers, each in [-1, 1]; pose is drawn with more weight in the middle."""

_CENTRED = frozenset({"yaw", "pitch", "roll", "zoom", "shift_x", "shift_y", "smile", "gaze"})
_PERSON, _SHOT = 0x70657273, 0x73686F74


@dataclass(frozen=True, slots=True)
class Person:
    """Nobody real: a seed and the identity numbers it yields."""

    seed: int
    """Any non-negative integer."""
    numbers: tuple[float, ...]
    """In the order of :data:`IDENTITY`, each in [-1, 1]."""

    def traits(self) -> dict[str, float]:
        """Return the identity numbers by name."""
        return dict(zip(IDENTITY, self.numbers, strict=True))


@dataclass(frozen=True, slots=True)
class Shot:
    """The circumstances of one photo."""

    numbers: tuple[float, ...]
    """In the order of :data:`NUISANCE`, each in [-1, 1]."""
    grain: int
    """Seed of the sensor noise."""

    def circumstances(self) -> dict[str, float]:
        """Return the nuisance numbers by name."""
        return dict(zip(NUISANCE, self.numbers, strict=True))


@lru_cache(maxsize=4096)
def person(seed: int) -> Person:
    """Return the invented person of ``seed``."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([_PERSON, seed])))
    return Person(seed, tuple(float(x) for x in rng.uniform(-1.0, 1.0, len(IDENTITY))))


def shot(person_seed: int, shot_seed: int) -> Shot:
    """Return the circumstances of photo ``shot_seed`` of a person."""
    rng = np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([_SHOT, person_seed, shot_seed]))
    )
    flat = rng.uniform(-1.0, 1.0, len(NUISANCE))
    other = rng.uniform(-1.0, 1.0, len(NUISANCE))
    centred = (flat + other) / 2.0 * 1.2
    numbers = (
        float(np.clip(centred[i], -1.0, 1.0)) if name in _CENTRED else float(flat[i])
        for i, name in enumerate(NUISANCE)
    )
    return Shot(tuple(numbers), int(rng.integers(0, 2**31)))
