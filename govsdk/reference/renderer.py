"""Draw photos of invented people: 64x64 RGB, deterministic, NumPy only.

- Same person and shot seed, same picture, whatever was drawn before; nothing random outside the
  two seeds.
- A face is a height field (dome, nose, sockets, lips) under one soft light, with painted albedo
  and hair on top, drawn in linear light at twice the size and averaged down.
- Pictures are aligned crops: the eyes lie near (0.40, 0.45) and (0.60, 0.45) of the picture before
  pose.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from govsdk.reference.face import Face
from govsdk.reference.paint import SCALE, SIZE, Field, X, Y, edge, ramp, smooth
from govsdk.reference.traits import Person, Shot, person, shot

__all__ = ["SIZE", "Person", "draw", "person", "photo", "photos"]

Picture = NDArray[np.uint8]


def photo(who: Person, shot_seed: int) -> Picture:
    """Return one photo of ``who``: uint8 [64, 64, 3], RGB."""
    return draw(who, shot(who.seed, shot_seed))


def photos(who: Person, shot_seeds: Iterable[int]) -> Picture:
    """Return several photos of ``who``: uint8 [n, 64, 64, 3], RGB."""
    return np.stack([photo(who, seed) for seed in shot_seeds])


def draw(who: Person, circumstances: Shot) -> Picture:
    """Return the picture of ``who`` under given circumstances: uint8 [64, 64, 3], RGB."""
    canvas = _Canvas(who, circumstances)
    canvas.ground()
    canvas.hair_behind()
    canvas.body()
    canvas.ears()
    canvas.skin()
    canvas.hair_front()
    return canvas.develop()


class _Canvas(Face):
    """One picture being drawn; layers go on back to front."""

    def __init__(self, who: Person, circumstances: Shot) -> None:
        super().__init__(who, circumstances)
        self.grain = circumstances.grain

    def _put(self, colour: Field, coverage: Field) -> None:
        self.canvas += (colour - self.canvas) * coverage[..., None]

    def ground(self) -> None:
        """Paint an out-of-focus wall."""
        s = self.s
        hue = np.pi * (s["ground_hue"] + 0.2)
        tint = 1.0 + 0.22 * np.asarray(
            [np.cos(hue), np.cos(hue - 2.1), np.cos(hue + 2.1)], np.float32
        )
        value = 0.30 + 0.24 * s["ground_value"]
        fall = 1.0 + 0.30 * s["light_x"] * X - 0.18 * Y - 0.12 * (X * X + Y * Y)
        self.canvas = (value * fall)[..., None] * tint

    def _strands(self) -> Field:
        """Return hair texture around 0: strands fanning out from the parting, wavy where curly."""
        t = self.t
        curl = max(0.0, t["hair_curl"])
        radius = np.hypot(self.fu - 0.18 * t["hair_part"], self.fv + 0.55)
        angle = np.arctan2(self.fu - 0.18 * t["hair_part"], -(self.fv + 0.35))
        wave = angle * 14.0 + curl * 2.2 * np.sin(radius * 26.0 + 3.0 * np.sin(angle * 5.0))
        knots = self.texture.uniform(-1.0, 1.0, 96).astype(np.float32)
        place = np.clip(wave + 48.0, 0.0, 94.99)
        fine: Field = (
            np.interp(place.ravel(), np.arange(96), knots).reshape(place.shape).astype(np.float32)
        )
        waves: Field = np.sin(radius * 30.0 + angle * 9.0).astype(np.float32)
        return fine + 0.8 * curl * waves

    def hair_behind(self) -> None:
        """Paint the hair seen behind head and neck."""
        t = self.t
        self.strands = self._strands()
        self.volume = 0.055 + 0.045 * (t["hair_volume"] + 1.0) + 0.03 * max(0.0, t["hair_curl"])
        self.bald = max(0.0, -t["hair_volume"] - 0.72) / 0.28
        self.long = (t["hair_length"] + 1.0) / 2.0
        wide = self.width + 0.9 * self.volume + 0.05 * max(0.0, self.long - 0.45)
        end = -0.25 + 1.45 * ramp(self.long, 0.35, 1.0)
        top = np.clip((-self.v - 0.05) / (0.75 + self.volume), 0.0, None)
        q = (np.abs(self.u / wide) ** 2.4 + top**2.4) ** (1 / 2.4)
        wisp = 0.020 * self.strands
        self.hair_outer = edge((1.0 - q) * 0.5 + wisp * 0.6, 2.5)
        fall = edge(end - self.v + 2.0 * wisp, 8.0) * np.clip(1.0 - self.bald, 0.0, 1.0)
        tone = (0.42 + 0.10 * self.strands) * self.side
        self._put(self.hair_colour * tone[..., None], self.hair_outer * fall)

    def body(self) -> None:
        """Paint neck and clothes."""
        t, s = self.t, self.s
        half = 0.255 + 0.050 * t["neck_width"] + 0.06 * np.clip(self.v - 0.75, 0.0, None)
        neck = edge(half - np.abs(self.u), 2.0) * (self.v > 0.2)
        under = 0.42 + 0.45 * smooth((self.v - self.chin_v + 0.02) / 0.30)
        round_off = np.sqrt(np.clip(1.0 - (self.u / (half * 1.05)) ** 2, 0.05, 1.0))
        tone = under * (0.45 + 0.55 * round_off) * self.side
        self._put(
            self.skin_colour * np.asarray([1.0, 0.93, 0.90], np.float32) * tone[..., None], neck
        )
        collar = (
            self.v
            - 0.90
            - 0.10 * self.u**2
            + 0.07 * np.exp(-((np.abs(self.u) - 0.30) ** 2) / 0.015)
        )
        clothes = edge(collar, 2.0) * edge(0.95 - np.abs(self.u) + 0.5 * (self.v - 0.9), 3.0)
        hue = np.pi * 1.7 * s["cloth"]
        dye = 0.16 + 0.12 * np.asarray(
            [np.cos(hue), np.cos(hue + 2.1), np.cos(hue - 2.1)], np.float32
        )
        self._put(dye * (self.side * (1.0 - 0.25 * np.abs(self.u)))[..., None], clothes)

    def ears(self) -> None:
        """Paint the ears beside the head."""
        t, s = self.t, self.s
        tall = 0.125 + 0.030 * t["ear_size"]
        out = self.width - 0.015 + 0.028 * (t["ear_stand"] + 0.6)
        au, v = np.abs(self.u + 0.03 * s["yaw"]), self.v - 0.02 - 0.04 * s["pitch"]
        q = np.hypot((au - out) / (0.062 + 0.012 * t["ear_stand"]), v / tall)
        inner = np.exp(-(((q - 0.45) / 0.28) ** 2))
        tone = (0.78 - 0.28 * inner) * self.side
        self._put(
            self.skin_colour * np.asarray([1.0, 0.88, 0.84], np.float32) * tone[..., None],
            edge((1.0 - q) * 0.08, 1.6),
        )

    def skin(self) -> None:
        """Paint the face."""
        self._put(self.painted(self.strands), self.head)

    def hair_front(self) -> None:
        """Paint the hair that lies over the forehead and the temples."""
        t = self.t
        u, v = self.fu, self.fv
        start = -0.50 - 0.07 * t["hairline"] - 0.10 * max(0.0, t["age"]) * (t["fringe"] < 0.2)
        part = np.clip((u - 0.26 * t["hair_part"]) / 0.45, -1.2, 1.2)
        line = start + 0.10 * part * part + 0.10 * np.sign(t["hair_part"]) * part * 0.6
        if t["fringe"] > 0.2:
            line = line + 0.26 * min(1.0, (t["fringe"] - 0.2) / 0.6) * (1.0 - 0.35 * np.abs(part))
        sides = smooth((np.abs(self.u) / self.width - 0.80) / 0.16)
        reach = -0.05 + 0.10 * ramp(self.long, 0.0, 0.35) + 1.2 * ramp(self.long, 0.45, 1.0)
        line = np.maximum(line, -1.2 + (1.2 + reach) * sides)
        cover = (
            edge(line - v + 0.016 * self.strands, 3.2) * self.hair_outer * (1.0 - 0.92 * self.bald)
        )
        crown = 1.0 + 0.28 * np.exp(-(((self.q - 0.86) / 0.12) ** 2)) * np.clip(-self.v, 0.0, 1.0)
        tone = (0.50 + 0.55 * self.lambert) * crown * (1.0 + 0.26 * self.strands) * self.side
        self.canvas *= (
            1.0
            - (0.30 * edge(line - v + 0.05, 9.0) * self.head * (1.0 - cover) * (1.0 - self.bald))[
                ..., None
            ]
        )
        sheen = 0.035 * self.gloss + 0.02 * np.clip(self.strands, 0.0, None) * np.exp(
            -(((self.v + 0.62) / 0.10) ** 2)
        )
        self._put(self.hair_colour * tone[..., None] + sheen[..., None], cover)

    def develop(self) -> Picture:
        """Expose, average down, add grain and return the finished picture."""
        s = self.s
        warm = 0.09 * s["temperature"]
        gain = (1.0 + 0.22 * s["exposure"]) * np.asarray([1.0 + warm, 1.0, 1.0 - warm], np.float32)
        small = (self.canvas * gain).reshape(SIZE, SCALE, SIZE, SCALE, 3).mean(axis=(1, 3))
        tone = np.clip(small, 0.0, None)
        tone = tone / (1.0 + 0.12 * tone) * 1.06
        rng = np.random.Generator(np.random.PCG64(self.grain))
        noise = rng.normal(0.0, 0.008, (SIZE, SIZE, 3))
        srgb = np.clip(tone, 0.0, 1.0) ** (1.0 / 2.2) + noise
        picture: Picture = np.clip(srgb * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        return picture
