"""Where the parts of a face lie, what colour they are and how the light falls on them.

- ``u`` and ``v`` are fixed to the head's outline, ``fu`` and ``fv`` to its front: turning
  the head moves the front against the outline.
- ``q`` is a radius that is 1 on the outline; the height field adds nose, sockets, brows, cheeks
  and lips to its dome, and ``shade`` is that field under one soft light.
"""

from __future__ import annotations

import numpy as np

from govsdk.reference.paint import (
    HAIR,
    IRIS,
    PIXEL,
    SKIN,
    X,
    Y,
    along,
    bump,
    edge,
    linear,
    smooth,
)
from govsdk.reference.traits import Person, Shot


class Head:
    """A head under given circumstances: colours, landmarks, outline and light, nothing painted."""

    def __init__(self, who: Person, circumstances: Shot) -> None:
        self.t = who.traits()
        self.s = circumstances.circumstances()
        self.texture = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence([0x68616972, who.seed]))
        )
        self._colours()
        self._place()
        self._shape()
        self._light()

    def _colours(self) -> None:
        t = self.t
        self.melanin = (t["skin_tone"] + 1.0) / 2.0
        warm = 0.07 * t["skin_warmth"]
        self.skin_colour = along(SKIN, self.melanin) * np.asarray(
            [1.0 + warm / 2, 1.0, 1.0 - 1.6 * warm], np.float32
        )
        light = (t["hair_light"] + 1.0) / 2.0 * (1.0 - 0.62 * self.melanin)
        colour = along(HAIR, light)
        red = max(0.0, t["hair_red"] - 0.1) / 0.9
        colour = colour + (linear(150, 62, 24) * (0.35 + 1.1 * light) - colour) * np.float32(
            0.75 * red * (1.0 - 0.6 * self.melanin)
        )
        grey = max(0.0, 0.7 * t["hair_grey"] + 0.3 * t["age"] - 0.25) / 0.75
        self.hair_colour = colour + (linear(176, 172, 168) - colour) * np.float32(
            min(1.0, 1.1 * grey)
        )
        self.brow_colour = colour * 0.55 + (linear(110, 106, 102) - colour * 0.55) * np.float32(
            0.6 * grey
        )
        iris = (t["iris_hue"] + 1.0) / 2.0 * (1.0 - 0.55 * self.melanin)
        self.iris_colour = along(IRIS, iris) * np.float32(1.0 + 0.45 * t["iris_light"])

    def _place(self) -> None:
        t, s = self.t, self.s
        zoom = 1.17 + 0.05 * s["zoom"]
        roll = 0.09 * s["roll"]
        x, y = (X - 0.05 * s["shift_x"]) / zoom, (Y - 0.05 * s["shift_y"] - 0.10) / zoom
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
        self.head = edge((1.0 - self.q) * 0.52, 1.6)

    def _light(self) -> None:
        """Build the height field of the face and shade it."""
        t, s = self.t, self.s
        u, v, au = self.fu, self.fv, np.abs(self.fu)
        z = 0.50 * np.sqrt(np.clip(1.0 - 0.93 * self.q**2, 0.02, 1.0))
        bridge = 0.050 + 0.014 * t["nose_bridge"]
        nose_w = 0.085 + 0.030 * t["nose_width"]
        along = smooth((v - self.eye_v + 0.10) / (self.nose_v - self.eye_v + 0.10))
        below = smooth((self.nose_v + 0.075 - v) / 0.09) * smooth((v - self.brow_v + 0.10) / 0.16)
        ridge = np.exp(-((u / (bridge + 0.030 * along)) ** 2)) * (0.035 + 0.075 * along) * below
        z += ridge * (1.0 + 0.25 * t["nose_bridge"])
        z += (0.040 + 0.014 * t["nose_tip"]) * bump(
            u, v, (0.0, self.nose_v), (0.055 + 0.012 * t["nose_tip"], 0.050)
        )
        z += 0.040 * bump(au, v, (nose_w, self.nose_v + 0.025), (0.036, 0.036))
        z -= (0.045 + 0.020 * t["eye_depth"]) * bump(
            au, v, (self.eye_u - 0.02, self.eye_v - 0.01), (0.13, 0.085)
        )
        z += (0.022 + 0.012 * t["eye_depth"]) * bump(
            au, v, (self.eye_u, self.brow_v + 0.01), (0.16, 0.05)
        )
        z += (0.030 + 0.018 * t["cheekbones"]) * bump(au, v, (0.29, 0.10), (0.11, 0.09))
        z += 0.030 * bump(u, v, (0.0, self.chin_v - 0.10), (0.12, 0.08))
        z += 0.020 * bump(u, v, (0.0, self.mouth_v), (0.17, 0.10))
        z -= 0.012 * bump(u, v, (0.0, self.mouth_v + 0.13), (0.10, 0.03))
        dv, du = np.gradient(z, np.float32(PIXEL))
        lx, ly = 0.75 * s["light_x"], -0.45 + 0.40 * s["light_y"]
        norm = float(np.sqrt(lx * lx + ly * ly + 1.0))
        facing = (-du * lx - dv * ly + 1.0) / (np.sqrt(du * du + dv * dv + 1.0) * norm)
        ambient = 0.36 + 0.16 * s["ambient"]
        self.lambert = np.clip(facing, 0.0, 1.0)
        self.shade = (ambient + (1.12 - ambient) * self.lambert).astype(np.float32)
        self.side = 1.0 + 0.22 * s["light_x"] * np.clip(self.u, -1.0, 1.0)
        self.gloss = (np.clip(facing, 0.0, 1.0) ** 14).astype(np.float32)

    def rows(self, centre: float, half: float) -> slice:
        """Return the rows that hold face heights near ``centre``: small parts are cheap."""
        found = np.flatnonzero((np.abs(self.fv[:, ::8] - centre) < half).any(axis=1))
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)
