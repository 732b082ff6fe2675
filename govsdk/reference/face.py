"""Paint a face: skin, lips, beard and brows, lit; then nostrils and eyes.

- Everything lies in the coordinates of the head's front, so that it turns with the head.
- Small parts are painted on the rows they can reach only.
"""

from __future__ import annotations

import numpy as np

from govsdk.reference.head import Head
from govsdk.reference.paint import RASTER, Field, bump, edge, linear, smooth


class Face(Head):
    """A head whose face can be painted."""

    def painted(self, strands: Field) -> Field:
        """Return the lit face, as if it filled the raster: [raster, raster, 3].

        Args:
            strands: Texture of the hair around 0, for the beard.
        """
        face = np.broadcast_to(self.skin_colour, (RASTER, RASTER, 3)).copy()
        self._complexion(face)
        self._beard(face, strands)
        self._mouth(face)
        self._brows(face)
        face *= self.shade[..., None]
        depth = (1.0 - self.shade)[..., None] * (1.0 - 0.6 * self.melanin)
        face *= 1.0 - np.clip(depth, 0.0, 1.0) * np.asarray([0.0, 0.10, 0.14], np.float32)
        face += (0.05 + 0.03 * self.melanin) * self.gloss[..., None]
        self._nostrils(face)
        self._eyes(face)
        return face

    def _complexion(self, face: Field) -> None:
        t = self.t
        u, v, au = self.fu, self.fv, np.abs(self.fu)
        pale = 1.0 - 0.75 * self.melanin
        red = (0.10 + 0.13 * (t["blush"] + 1.0)) * pale
        rosy = bump(au, v, (0.27, 0.16), (0.13, 0.11)) + 0.6 * bump(
            u, v, (0.0, self.nose_v), (0.09, 0.08)
        )
        face *= 1.0 - (red * rosy)[..., None] * np.asarray([0.05, 0.55, 0.50], np.float32)
        spots = max(0.0, t["freckles"] - 0.2) * pale
        if spots > 0.0:
            rows = self.rows(0.12, 0.18)
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
        fold = np.exp(-(((au - fold_u) / 0.018) ** 2)) * bump(
            au, v, (0.17, self.nose_v + 0.09), (0.2, 0.09)
        )
        bags = bump(au, v, (self.eye_u, self.eye_v + 0.085), (0.09, 0.022))
        lines = np.exp(-((np.sin((v + 0.02 * u * u) * 62.0) - 1.0) ** 2) / 0.15) * bump(
            u, v, (0.0, -0.40), (0.24, 0.10)
        )
        face *= (
            1.0
            - ((0.12 + 0.42 * age) * fold + (0.10 + 0.25 * age) * bags + 0.30 * age * lines)[
                ..., None
            ]
        )

    def _beard(self, face: Field, strands: Field) -> None:
        t = self.t
        v, au = self.fv, np.abs(self.fu)
        grown = max(0.0, t["beard"]) * (0.25 if t["hair_length"] > 0.5 else 1.0)
        lip = max(0.0, t["moustache"] - 0.05) / 0.95 * (0.25 if t["hair_length"] > 0.5 else 1.0)
        if grown <= 0.0 and lip <= 0.0:
            return
        rough = 1.0 + 0.16 * strands
        line = self.mouth_v + 0.10 - 0.95 * np.clip(au - 0.12, 0.0, None) ** 1.25 * 1.6
        cheeks = smooth((v - line) / 0.14)
        chin = smooth((v - self.mouth_v - 0.07) / 0.06)
        full = np.maximum(cheeks * smooth((au - 0.16) / 0.10), chin)
        droop = 0.5 * np.clip(au - 0.05, 0.0, None)
        tache = edge(
            0.030 - np.abs(v - self.mouth_v + 0.070 - droop) + 0.06 * np.clip(0.10 - au, 0.0, 0.05),
            5.0,
        )
        tache = tache * smooth((0.235 - au) / 0.07) * (0.72 + 0.28 * smooth(au / 0.03))
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
        rows = self.rows(self.mouth_v, 0.16)
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
        lips = np.where(seam < 0.0, edge(upper + seam, 2.2), edge(lower - seam, 2.2)) * (room > 0)
        tint = linear(176, 74, 74) * (1.15 - 0.5 * self.melanin)
        colour = self.skin_colour * np.asarray([0.86, 0.58, 0.56], np.float32)
        colour = colour + (tint - colour) * np.float32(0.35 + 0.30 * t["lip_colour"])
        plump = np.where(
            seam < 0.0, 0.84, 1.0 + 0.10 * np.exp(-(((seam - 0.5 * lower) / 0.02) ** 2))
        )
        face += (colour * plump[..., None] - face) * (0.95 * lips)[..., None]
        line = np.exp(-((seam / 0.011) ** 2)) * smooth((1.06 - np.abs(x)) / 0.10)
        face *= 1.0 - 0.66 * line[..., None]

    def _brows(self, face: Field) -> None:
        t = self.t
        rows = self.rows(self.brow_v, 0.16)
        face, fu, fv = face[rows], self.fu[rows], self.fv[rows]
        length = 0.150 + 0.026 * t["brow_length"]
        x = (np.abs(fu) - self.eye_u - 0.012) / length
        tilt, arch = 0.020 * t["brow_tilt"] - 0.006, 0.024 + 0.022 * t["brow_arch"]
        centre = self.brow_v - tilt * x - arch * (1.0 - (x - 0.25) ** 2)
        thick = (
            (0.026 + 0.013 * t["brow_thick"])
            * (1.0 - 0.45 * smooth(x))
            * np.sqrt(np.clip(1.1 - x * x, 0.0, 1.0))
        )
        hair = edge(thick - np.abs(fv - centre), 2.6) * smooth((1.06 - np.abs(x)) / 0.18)
        face += (self.brow_colour - face) * ((0.66 + 0.26 * t["brow_dark"]) * hair)[..., None]

    def _nostrils(self, face: Field) -> None:
        t = self.t
        rows = self.rows(self.nose_v + 0.04, 0.13)
        face, u, v = face[rows], self.fu[rows], self.fv[rows]
        au = np.abs(u)
        wide = 0.085 + 0.030 * t["nose_width"]
        holes = bump(au, v, (0.52 * wide, self.nose_v + 0.048), (0.30 * wide, 0.016))
        under = bump(u, v, (0.0, self.nose_v + 0.068), (wide * 0.95, 0.020))
        wings = np.exp(-(((au - wide - 0.028) / 0.014) ** 2)) * bump(
            u, v, (0.0, self.nose_v + 0.03), (1.0, 0.036)
        )
        face *= 1.0 - np.clip(0.62 * holes + 0.28 * under + 0.26 * wings, 0.0, 0.9)[..., None]

    def _eyes(self, face: Field) -> None:
        t, s = self.t, self.s
        rows = self.rows(self.eye_v, 0.19)
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
        ball = np.where(b < 0.0, edge(up + b, 1.8), edge(down - b, 1.8)) * (room > 0)
        light = (0.62 + 0.38 * shade)[..., None]
        white = linear(236, 230, 224) * light * (0.70 + 0.30 * room)[..., None]
        look = 0.022 * s["gaze"] * np.sign(fu)
        r = np.hypot(a - look, b + 0.10 * height)
        size = 0.061
        disc = edge(size - r, 1.8)
        ring = 1.0 - 0.45 * smooth((r - 0.6 * size) / (0.4 * size))
        iris = (
            self.iris_colour * (ring * (0.9 + 0.5 * smooth((b + 0.02) / 0.06)))[..., None] * light
        )
        white += (iris - white) * disc[..., None]
        white *= 1.0 - 0.93 * edge(0.42 * size - r, 1.8)[..., None]
        white *= 1.0 - 0.50 * np.exp(-(((up + b) / 0.024) ** 2))[..., None]
        white += (
            0.75
            * bump(a - look, b, (-0.020 + 0.02 * s["light_x"], -0.026), (0.015, 0.015))[..., None]
        )
        face += (white - face) * ball[..., None]
        near = smooth((1.12 - np.abs(x)) / 0.18)
        lash = np.exp(-(((b + up) / 0.014) ** 2)) * near
        rim = np.exp(-(((b - down) / 0.012) ** 2)) * near
        crease = np.exp(-(((b + up + 0.034 + 0.010 * t["eye_depth"]) / 0.012) ** 2)) * near
        face *= (
            1.0
            - np.clip(
                0.80 * lash + 0.26 * rim + (0.24 + 0.12 * t["eye_depth"]) * crease, 0.0, 0.95
            )[..., None]
        )
