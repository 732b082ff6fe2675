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

from govsdk.reference.traits import Person, Shot, person, shot

__all__ = ["SIZE", "Person", "draw", "person", "photo", "photos"]

Field = NDArray[np.float32]
Picture = NDArray[np.uint8]

SIZE = 64
"""Side of a photo in pixels."""

_SCALE = 2
_N = SIZE * _SCALE
_PIXEL = 2.0 / _N
_AXIS: Field = ((np.arange(_N, dtype=np.float32) + 0.5) * _PIXEL - 1.0).astype(np.float32)
_X, _Y = np.meshgrid(_AXIS, _AXIS)


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


def _smooth(x: Field) -> Field:
    """Return 0 below 0, 1 above 1, and a smooth step between."""
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _edge(distance: Field, soft: float = 1.5) -> Field:
    """Return coverage of the side where ``distance`` (in picture units) is positive."""
    covered: Field = np.clip(distance * (1.0 / (_PIXEL * soft)) + 0.5, 0.0, 1.0)
    return covered


def _bump(u: Field, v: Field, at: tuple[float, float], size: tuple[float, float]) -> Field:
    return np.exp(-(((u - at[0]) / size[0]) ** 2) - ((v - at[1]) / size[1]) ** 2)


def _linear(*rgb: float) -> Field:
    """Return a colour given in 0..255 sRGB as linear light."""
    return (np.asarray(rgb, np.float32) / 255.0) ** 2.2


_SKIN = np.stack([
    _linear(252, 222, 202), _linear(244, 205, 176), _linear(229, 180, 144), _linear(204, 148, 108),
    _linear(165, 112, 76), _linear(122, 80, 54), _linear(86, 56, 40),
])  # fmt: skip
_HAIR = np.stack([
    _linear(22, 18, 17), _linear(48, 33, 25), _linear(84, 57, 38), _linear(132, 94, 60),
    _linear(186, 144, 88), _linear(222, 190, 132),
])  # fmt: skip
_IRIS = np.stack([
    _linear(58, 36, 20), _linear(108, 70, 34), _linear(112, 112, 52), _linear(76, 122, 92),
    _linear(74, 120, 164), _linear(128, 146, 160),
])  # fmt: skip


def _along(palette: Field, position: float) -> Field:
    """Return the colour at ``position`` in [0, 1] along a palette."""
    place = float(np.clip(position, 0.0, 1.0)) * (len(palette) - 1)
    low = min(int(place), len(palette) - 2)
    mixed: Field = palette[low] + (palette[low + 1] - palette[low]) * np.float32(place - low)
    return mixed


class _Canvas:
    """One picture being drawn; layers go on back to front."""

    def __init__(self, who: Person, circumstances: Shot) -> None:
        self.t = who.traits()
        self.s = circumstances.circumstances()
        self.grain = circumstances.grain
        self.texture = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence([0x68616972, who.seed]))
        )
        self._colours()
        self._place()
        self._shape()
        self._light()

    # what colour things are

    def _colours(self) -> None:
        t = self.t
        self.melanin = (t["skin_tone"] + 1.0) / 2.0
        warm = 0.07 * t["skin_warmth"]
        self.skin_colour = _along(_SKIN, self.melanin) * np.asarray(
            [1.0 + warm / 2, 1.0, 1.0 - 1.6 * warm], np.float32
        )
        light = (t["hair_light"] + 1.0) / 2.0 * (1.0 - 0.62 * self.melanin)
        colour = _along(_HAIR, light)
        red = max(0.0, t["hair_red"] - 0.1) / 0.9
        colour = colour + (_linear(150, 62, 24) * (0.35 + 1.1 * light) - colour) * np.float32(
            0.75 * red * (1.0 - 0.6 * self.melanin)
        )
        grey = max(0.0, 0.7 * t["hair_grey"] + 0.3 * t["age"] - 0.25) / 0.75
        self.hair_colour = colour + (_linear(176, 172, 168) - colour) * np.float32(
            min(1.0, 1.1 * grey)
        )
        self.brow_colour = colour * 0.55 + (_linear(110, 106, 102) - colour * 0.55) * np.float32(
            0.6 * grey
        )
        iris = (t["iris_hue"] + 1.0) / 2.0 * (1.0 - 0.55 * self.melanin)
        self.iris_colour = _along(_IRIS, iris) * np.float32(1.0 + 0.45 * t["iris_light"])

    # where things are

    def _place(self) -> None:
        t, s = self.t, self.s
        zoom = 1.17 + 0.05 * s["zoom"]
        roll = 0.09 * s["roll"]
        x, y = (_X - 0.05 * s["shift_x"]) / zoom, (_Y - 0.05 * s["shift_y"] - 0.10) / zoom
        self.u = (np.cos(roll) * x + np.sin(roll) * y).astype(np.float32)
        self.v = (-np.sin(roll) * x + np.cos(roll) * y).astype(np.float32)
        depth = np.sqrt(
            np.clip(1.0 - (self.u / 0.66) ** 2 - ((self.v + 0.05) / 0.95) ** 2, 0.0, 1.0)
        )
        self.fu = self.u - np.float32(0.15 * s["yaw"]) * depth
        self.fv = self.v - np.float32(0.07 * s["pitch"]) * depth
        self.eye_v = -0.09 + 0.035 * t["eye_height"]
        self.eye_u = 0.222 + 0.032 * t["eye_spacing"]
        self.brow_v = self.eye_v - 0.150 - 0.035 * t["brow_height"]
        self.nose_v = 0.195 + 0.050 * t["nose_length"]
        self.mouth_v = 0.385 + 0.030 * t["mouth_height"] + 0.020 * t["nose_length"]
        self.chin_v = 0.690 + 0.075 * t["chin_length"]

    def _shape(self) -> None:
        """Lay out the head: ``q`` is a radius that is 1 on its outline, ``head`` its coverage."""
        t = self.t
        self.width = 0.515 + 0.055 * t["head_width"]
        au = np.abs(self.u)
        top = np.clip(-self.v / 0.80, 0.0, None)
        low = np.clip(self.v / self.chin_v, 0.0, None)
        taper = 0.27 - 0.15 * t["jaw_width"]
        cheeks = 0.045 * t["cheekbones"] * np.exp(-(((low - 0.22) / 0.22) ** 2))
        half = self.width * (1.0 + cheeks - taper * low**1.5)
        n_low = 2.25 + 0.45 * t["jaw_square"]
        q_top = ((au / self.width) ** 2.2 + top**2.2) ** (1.0 / 2.2)
        q_low = ((au / np.maximum(half, 0.05)) ** n_low + low**n_low) ** (1.0 / n_low)
        self.q = np.where(self.v < 0.0, q_top, q_low).astype(np.float32)
        self.head = _edge((1.0 - self.q) * 0.52, 1.6)

    def _light(self) -> None:
        """Build the height field of the face and shade it."""
        t, s = self.t, self.s
        u, v, au = self.fu, self.fv, np.abs(self.fu)
        z = 0.50 * np.sqrt(np.clip(1.0 - 0.93 * self.q**2, 0.02, 1.0))
        bridge = 0.050 + 0.014 * t["nose_bridge"]
        nose_w = 0.085 + 0.030 * t["nose_width"]
        along = _smooth((v - self.eye_v + 0.10) / (self.nose_v - self.eye_v + 0.10))
        below = _smooth((self.nose_v + 0.075 - v) / 0.09) * _smooth((v - self.brow_v + 0.10) / 0.16)
        ridge = np.exp(-((u / (bridge + 0.030 * along)) ** 2)) * (0.035 + 0.075 * along) * below
        z += ridge * (1.0 + 0.25 * t["nose_bridge"])
        z += (0.040 + 0.014 * t["nose_tip"]) * _bump(
            u, v, (0.0, self.nose_v), (0.055 + 0.012 * t["nose_tip"], 0.050)
        )
        z += 0.040 * _bump(au, v, (nose_w, self.nose_v + 0.025), (0.036, 0.036))
        z -= (0.045 + 0.020 * t["eye_depth"]) * _bump(
            au, v, (self.eye_u - 0.02, self.eye_v - 0.01), (0.13, 0.085)
        )
        z += (0.022 + 0.012 * t["eye_depth"]) * _bump(
            au, v, (self.eye_u, self.brow_v + 0.01), (0.16, 0.05)
        )
        z += (0.030 + 0.018 * t["cheekbones"]) * _bump(au, v, (0.29, 0.10), (0.11, 0.09))
        z += 0.030 * _bump(u, v, (0.0, self.chin_v - 0.10), (0.12, 0.08))
        z += 0.020 * _bump(u, v, (0.0, self.mouth_v), (0.17, 0.10))
        z -= 0.012 * _bump(u, v, (0.0, self.mouth_v + 0.13), (0.10, 0.03))
        dv, du = np.gradient(z, np.float32(_PIXEL))
        lx, ly = 0.75 * s["light_x"], -0.45 + 0.40 * s["light_y"]
        norm = float(np.sqrt(lx * lx + ly * ly + 1.0))
        facing = (-du * lx - dv * ly + 1.0) / (np.sqrt(du * du + dv * dv + 1.0) * norm)
        ambient = 0.36 + 0.16 * s["ambient"]
        self.lambert = np.clip(facing, 0.0, 1.0)
        self.shade = (ambient + (1.12 - ambient) * self.lambert).astype(np.float32)
        self.side = 1.0 + 0.22 * s["light_x"] * np.clip(self.u, -1.0, 1.0)
        self.gloss = (np.clip(facing, 0.0, 1.0) ** 14).astype(np.float32)

    # layers

    def _rows(self, centre: float, half: float) -> slice:
        """Return the rows that hold face heights near ``centre``: small parts are cheap."""
        found = np.flatnonzero((np.abs(self.fv[:, ::8] - centre) < half).any(axis=1))
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)

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
        fall = 1.0 + 0.30 * s["light_x"] * _X - 0.18 * _Y - 0.12 * (_X * _X + _Y * _Y)
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
        end = -0.25 + 1.45 * _ramp(self.long, 0.35, 1.0)
        top = np.clip((-self.v - 0.05) / (0.75 + self.volume), 0.0, None)
        q = (np.abs(self.u / wide) ** 2.4 + top**2.4) ** (1 / 2.4)
        wisp = 0.020 * self.strands
        self.hair_outer = _edge((1.0 - q) * 0.5 + wisp * 0.6, 2.5)
        fall = _edge(end - self.v + 2.0 * wisp, 8.0) * np.clip(1.0 - self.bald, 0.0, 1.0)
        tone = (0.42 + 0.10 * self.strands) * self.side
        self._put(self.hair_colour * tone[..., None], self.hair_outer * fall)

    def body(self) -> None:
        """Paint neck and clothes."""
        t, s = self.t, self.s
        half = 0.255 + 0.050 * t["neck_width"] + 0.06 * np.clip(self.v - 0.75, 0.0, None)
        neck = _edge(half - np.abs(self.u), 2.0) * (self.v > 0.2)
        under = 0.42 + 0.45 * _smooth((self.v - self.chin_v + 0.02) / 0.30)
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
        clothes = _edge(collar, 2.0) * _edge(0.95 - np.abs(self.u) + 0.5 * (self.v - 0.9), 3.0)
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
            _edge((1.0 - q) * 0.08, 1.6),
        )

    def skin(self) -> None:
        """Paint the face: skin, lips, beard, brows, eyes; then light it."""
        face = np.broadcast_to(self.skin_colour, (_N, _N, 3)).copy()
        self._complexion(face)
        self._beard(face)
        self._mouth(face)
        self._brows(face)
        face *= self.shade[..., None]
        depth = (1.0 - self.shade)[..., None] * (1.0 - 0.6 * self.melanin)
        face *= 1.0 - np.clip(depth, 0.0, 1.0) * np.asarray([0.0, 0.10, 0.14], np.float32)
        face += (0.05 + 0.03 * self.melanin) * self.gloss[..., None]
        self._nostrils(face)
        self._eyes(face)
        self._put(face, self.head)

    def _complexion(self, face: Field) -> None:
        t = self.t
        u, v, au = self.fu, self.fv, np.abs(self.fu)
        pale = 1.0 - 0.75 * self.melanin
        red = (0.10 + 0.13 * (t["blush"] + 1.0)) * pale
        rosy = _bump(au, v, (0.27, 0.16), (0.13, 0.11)) + 0.6 * _bump(
            u, v, (0.0, self.nose_v), (0.09, 0.08)
        )
        face *= 1.0 - (red * rosy)[..., None] * np.asarray([0.05, 0.55, 0.50], np.float32)
        spots = max(0.0, t["freckles"] - 0.2) * pale
        if spots > 0.0:
            rows = self._rows(0.12, 0.18)
            near = np.full_like(u[rows], 9.0)
            for a, b in self.texture.uniform(-1.0, 1.0, (26, 2)):
                near = np.minimum(
                    near, (u[rows] - 0.30 * a) ** 2 + (v[rows] - 0.12 - 0.13 * b) ** 2
                )
            field = np.exp(-near / 0.014**2)
            face[rows] *= 1.0 - 0.55 * spots * field[..., None] * np.asarray(
                [0.5, 0.8, 1.0], np.float32
            )
        age = max(0.0, t["age"])
        fold_u = 0.085 + 0.030 * t["nose_width"] + 0.06 + 0.45 * (v - self.nose_v)
        fold = np.exp(-(((au - fold_u) / 0.018) ** 2)) * _bump(
            au, v, (0.17, self.nose_v + 0.09), (0.2, 0.09)
        )
        bags = _bump(au, v, (self.eye_u, self.eye_v + 0.085), (0.09, 0.022))
        lines = np.exp(-((np.sin((v + 0.02 * u * u) * 62.0) - 1.0) ** 2) / 0.15) * _bump(
            u, v, (0.0, -0.40), (0.24, 0.10)
        )
        face *= (
            1.0
            - ((0.12 + 0.42 * age) * fold + (0.10 + 0.25 * age) * bags + 0.30 * age * lines)[
                ..., None
            ]
        )

    def _beard(self, face: Field) -> None:
        t = self.t
        v, au = self.fv, np.abs(self.fu)
        grown = max(0.0, t["beard"]) * (0.25 if t["hair_length"] > 0.5 else 1.0)
        lip = max(0.0, t["moustache"] - 0.05) / 0.95 * (0.25 if t["hair_length"] > 0.5 else 1.0)
        if grown <= 0.0 and lip <= 0.0:
            return
        rough = 1.0 + 0.16 * self.strands
        line = self.mouth_v + 0.10 - 0.95 * np.clip(au - 0.12, 0.0, None) ** 1.25 * 1.6
        cheeks = _smooth((v - line) / 0.14)
        chin = _smooth((v - self.mouth_v - 0.07) / 0.06)
        full = np.maximum(cheeks * _smooth((au - 0.16) / 0.10), chin)
        droop = 0.5 * np.clip(au - 0.05, 0.0, None)
        tache = _edge(
            0.030 - np.abs(v - self.mouth_v + 0.070 - droop) + 0.06 * np.clip(0.10 - au, 0.0, 0.05),
            5.0,
        )
        tache = tache * _smooth((0.235 - au) / 0.07) * (0.72 + 0.28 * _smooth(au / 0.03))
        hairs = np.clip(
            np.maximum(
                min(1.0, 0.25 + 0.85 * grown) * full * (grown > 0),
                1.0 * min(1.0, 0.3 + lip) * tache * (lip > 0),
            )
            * rough,
            0.0,
            0.94,
        )
        face += (self.brow_colour * 1.1 - face) * hairs[..., None]

    def _mouth(self, face: Field) -> None:
        t, s = self.t, self.s
        smile = s["smile"]
        rows = self._rows(self.mouth_v, 0.16)
        face = face[rows]
        half = 0.178 + 0.032 * t["mouth_width"] + 0.020 * smile
        x = self.fu[rows] / half
        curve = 0.012 + 0.014 * t["lip_curve"] + 0.030 * smile
        seam = self.fv[rows] - self.mouth_v + curve * np.clip(x * x, 0.0, 1.6) - 0.4 * curve
        room = np.clip(1.0 - x * x, 0.0, 1.0)
        upper = (
            (0.044 + 0.018 * t["lip_upper"]) * room**0.7 * (1.0 - 0.28 * np.exp(-((x / 0.16) ** 2)))
        )
        lower = (0.060 + 0.024 * t["lip_lower"]) * room**0.62
        lips = np.where(seam < 0.0, _edge(upper + seam, 2.2), _edge(lower - seam, 2.2)) * (room > 0)
        tint = _linear(176, 74, 74) * (1.15 - 0.5 * self.melanin)
        colour = self.skin_colour * np.asarray([0.86, 0.58, 0.56], np.float32)
        colour = colour + (tint - colour) * np.float32(0.35 + 0.30 * t["lip_colour"])
        plump = np.where(
            seam < 0.0, 0.84, 1.0 + 0.10 * np.exp(-(((seam - 0.5 * lower) / 0.02) ** 2))
        )
        face += (colour * plump[..., None] - face) * (0.95 * lips)[..., None]
        line = np.exp(-((seam / 0.011) ** 2)) * _smooth((1.06 - np.abs(x)) / 0.10)
        face *= 1.0 - 0.66 * line[..., None]

    def _brows(self, face: Field) -> None:
        t = self.t
        rows = self._rows(self.brow_v, 0.16)
        face, fu, fv = face[rows], self.fu[rows], self.fv[rows]
        length = 0.150 + 0.026 * t["brow_length"]
        x = (np.abs(fu) - self.eye_u - 0.012) / length
        tilt, arch = 0.020 * t["brow_tilt"] - 0.006, 0.024 + 0.022 * t["brow_arch"]
        centre = self.brow_v - tilt * x - arch * (1.0 - (x - 0.25) ** 2)
        thick = (
            (0.026 + 0.013 * t["brow_thick"])
            * (1.0 - 0.45 * _smooth(x))
            * np.sqrt(np.clip(1.1 - x * x, 0.0, 1.0))
        )
        hair = _edge(thick - np.abs(fv - centre), 2.6) * _smooth((1.06 - np.abs(x)) / 0.18)
        face += (self.brow_colour - face) * ((0.66 + 0.26 * t["brow_dark"]) * hair)[..., None]

    def _nostrils(self, face: Field) -> None:
        t = self.t
        rows = self._rows(self.nose_v + 0.04, 0.13)
        face, u, v = face[rows], self.fu[rows], self.fv[rows]
        au = np.abs(u)
        wide = 0.085 + 0.030 * t["nose_width"]
        holes = _bump(au, v, (0.52 * wide, self.nose_v + 0.048), (0.30 * wide, 0.016))
        under = _bump(u, v, (0.0, self.nose_v + 0.068), (wide * 0.95, 0.020))
        wings = np.exp(-(((au - wide - 0.028) / 0.014) ** 2)) * _bump(
            u, v, (0.0, self.nose_v + 0.03), (1.0, 0.036)
        )
        face *= 1.0 - np.clip(0.62 * holes + 0.28 * under + 0.26 * wings, 0.0, 0.9)[..., None]

    def _eyes(self, face: Field) -> None:
        t, s = self.t, self.s
        rows = self._rows(self.eye_v, 0.19)
        face, fu, shade = face[rows], self.fu[rows], self.shade[rows]
        wide = 0.124 + 0.018 * t["eye_width"]
        height = (0.060 + 0.016 * t["eye_open"]) * (
            1.0 - 0.18 * max(0.0, s["blink"]) - 0.08 * max(0.0, s["smile"])
        )
        tilt = 0.16 * t["eye_tilt"]
        du, dv = np.abs(fu) - self.eye_u, self.fv[rows] - self.eye_v
        a, b = du + tilt * dv, dv + tilt * du
        x = a / wide
        room = np.clip(1.0 - x * x, 0.0, 1.0)
        up, down = height * room**0.75, 0.62 * height * room**0.8
        ball = np.where(b < 0.0, _edge(up + b, 1.8), _edge(down - b, 1.8)) * (room > 0)
        light = (0.62 + 0.38 * shade)[..., None]
        white = _linear(236, 230, 224) * light * (0.70 + 0.30 * room)[..., None]
        look = 0.022 * s["gaze"] * np.sign(fu)
        r = np.hypot(a - look, b + 0.10 * height)
        size = 0.061
        disc = _edge(size - r, 1.8)
        ring = 1.0 - 0.45 * _smooth((r - 0.6 * size) / (0.4 * size))
        iris = (
            self.iris_colour * (ring * (0.9 + 0.5 * _smooth((b + 0.02) / 0.06)))[..., None] * light
        )
        white += (iris - white) * disc[..., None]
        white *= 1.0 - 0.93 * _edge(0.42 * size - r, 1.8)[..., None]
        white *= 1.0 - 0.50 * np.exp(-(((up + b) / 0.024) ** 2))[..., None]
        white += (
            0.75
            * _bump(a - look, b, (-0.020 + 0.02 * s["light_x"], -0.026), (0.015, 0.015))[..., None]
        )
        face += (white - face) * ball[..., None]
        near = _smooth((1.12 - np.abs(x)) / 0.18)
        lash = np.exp(-(((b + up) / 0.014) ** 2)) * near
        rim = np.exp(-(((b - down) / 0.012) ** 2)) * near
        crease = np.exp(-(((b + up + 0.034 + 0.010 * t["eye_depth"]) / 0.012) ** 2)) * near
        face *= (
            1.0
            - np.clip(
                0.80 * lash + 0.26 * rim + (0.24 + 0.12 * t["eye_depth"]) * crease, 0.0, 0.95
            )[..., None]
        )

    def hair_front(self) -> None:
        """Paint the hair that lies over the forehead and the temples."""
        t = self.t
        u, v = self.fu, self.fv
        start = -0.50 - 0.07 * t["hairline"] - 0.10 * max(0.0, t["age"]) * (t["fringe"] < 0.2)
        part = np.clip((u - 0.26 * t["hair_part"]) / 0.45, -1.2, 1.2)
        line = start + 0.10 * part * part + 0.10 * np.sign(t["hair_part"]) * part * 0.6
        if t["fringe"] > 0.2:
            line = line + 0.26 * min(1.0, (t["fringe"] - 0.2) / 0.6) * (1.0 - 0.35 * np.abs(part))
        sides = _smooth((np.abs(self.u) / self.width - 0.80) / 0.16)
        reach = -0.05 + 0.10 * _ramp(self.long, 0.0, 0.35) + 1.2 * _ramp(self.long, 0.45, 1.0)
        line = np.maximum(line, -1.2 + (1.2 + reach) * sides)
        cover = (
            _edge(line - v + 0.016 * self.strands, 3.2) * self.hair_outer * (1.0 - 0.92 * self.bald)
        )
        crown = 1.0 + 0.28 * np.exp(-(((self.q - 0.86) / 0.12) ** 2)) * np.clip(-self.v, 0.0, 1.0)
        tone = (0.50 + 0.55 * self.lambert) * crown * (1.0 + 0.26 * self.strands) * self.side
        self.canvas *= (
            1.0
            - (0.30 * _edge(line - v + 0.05, 9.0) * self.head * (1.0 - cover) * (1.0 - self.bald))[
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
        small = (self.canvas * gain).reshape(SIZE, _SCALE, SIZE, _SCALE, 3).mean(axis=(1, 3))
        tone = np.clip(small, 0.0, None)
        tone = tone / (1.0 + 0.12 * tone) * 1.06
        rng = np.random.Generator(np.random.PCG64(self.grain))
        noise = rng.normal(0.0, 0.008, (SIZE, SIZE, 3))
        srgb = np.clip(tone, 0.0, 1.0) ** (1.0 / 2.2) + noise
        picture: Picture = np.clip(srgb * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        return picture


def _ramp(x: float, low: float, high: float) -> float:
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)
