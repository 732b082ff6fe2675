"""Recognisers: aligned face crops in, unit embeddings and qualities out.

- Preprocessing is InsightFace's to the bit: bilinear to the network's size on 8-bit values, then
  ``(x - mean) / std``, RGB, NCHW; ``get_feat`` of the same file gives the same numbers.
- Quality is what the calibration record says: the length of the raw embedding, or PreFIQs, the
  distance to what the same network says when pruned.
- The weights' digest and the calibration record are checked against each other before use.
- Nothing is downloaded, and onnxruntime must run on the device that was asked for; with none, on a
  GPU if it can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from govsdk.errors import (
    BackendError,
    MissingModelError,
    ModelCorruptError,
    NonFiniteError,
    RequestError,
)
from govsdk.models.calibration import CalibrationRecord, QualityMetric
from govsdk.models.networks import Network, Session
from govsdk.models.pruning import pruned, stability
from govsdk.models.resizing import resized
from govsdk.ports import Embedded, Float32, Picture, Role

BATCH = 64
"""Pictures embedded at a time."""

UNSCALED = (0.0, 1.0)
"""Mean and deviation for a network that scales pictures by itself."""

HEAD = 8
"""Of so many nodes the names tell whether it does."""

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""onnxruntime's name of each kind of device."""

_ON_THE_CPU = "set `device: cpu` (in workspace.yaml), or install onnxruntime-gpu and its driver"

Forward = Callable[[Float32], Float32]
"""Blob ``[n, 3, side, side]`` in about [-1, 1] to raw embeddings ``[n, d]``."""


class Recogniser:
    """A recogniser under its role (a ``ports.Embedder``)."""

    def __init__(
        self,
        name: Role,
        forward: Forward,
        *,
        sha256: str,
        dimension: int,
        side: int = 112,
        scale: tuple[float, float] = (127.5, 127.5),
        pruned: Forward | None = None,
    ) -> None:
        """Wrap any network.

        Args:
            sha256: Digest of the weights' file.
            dimension: Length of the embeddings.
            side: Width and height the network reads, pixels.
            scale: Mean and standard deviation subtracted and divided by.
            pruned: The same network, pruned: quality is then PreFIQs.
        """
        self.name = name
        self.sha256 = sha256
        self.dimension = dimension
        self._forward = forward
        self._pruned = pruned
        self.side = side
        self.scale = scale

    @classmethod
    def load(
        cls,
        path: Path,
        name: Role,
        calibration: CalibrationRecord | None = None,
        *,
        device: str = "auto",
        metric: QualityMetric = "raw embedding length",
    ) -> Self:
        """Return the recogniser in the ONNX file ``path``.

        Args:
            metric: What its qualities are; a calibration record decides, where there is one.

        Raises:
            MissingModelError: there is no such file.
            ModelCorruptError: it is damaged, or not a recogniser with one square RGB input.
            RequestError: there is no such device.
            BackendError: onnxruntime does not run on it.
            DigestMismatchError: ``calibration`` was made with other weights.
        """
        if not path.is_file():
            raise MissingModelError(f"recogniser {name}", recogniser=name)
        data = path.read_bytes()
        session = _session(data, name, device)
        match [end.shape for end in (*session.get_inputs(), *session.get_outputs())]:
            case [[_, 3, int(side), int(width)], [_, int(dimension)]] if side == width:
                pass
            case shapes:
                raise ModelCorruptError(
                    f"recogniser {name} is not one picture in, one vector out:"
                    f" [n, 3, side, side] and [n, d], not {' and '.join(map(str, shapes))}",
                    recogniser=name,
                )
        if calibration is not None:
            calibration.fits(hashlib.sha256(data).hexdigest())
            metric = calibration.quality.metric
        cut = _session(pruned(data), name, device) if metric == "PreFIQs" else None

        return cls(
            name,
            _forward(session),
            pruned=None if cut is None else _forward(cut),
            sha256=hashlib.sha256(data).hexdigest(),
            dimension=dimension,
            side=side,
            scale=_scale(data),
        )

    @classmethod
    def of_module(
        cls,
        module: Network,
        name: Role,
        *,
        sha256: str,
        dimension: int,
        side: int = 112,
        scale: tuple[float, float] = (127.5, 127.5),
    ) -> Self:
        """Return the recogniser that a torch module computes, on the module's own device."""
        import torch

        def forward(blob: Float32) -> Float32:
            with torch.inference_mode():
                device = next(module.parameters()).device
                raw: Float32 = module(torch.from_numpy(blob).to(device)).float().cpu().numpy()
            return raw

        module.eval()
        return cls(
            name,
            forward,
            sha256=sha256,
            dimension=dimension,
            side=side,
            scale=scale,
        )

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        """Return unit embeddings ``[n, d]`` and qualities ``[n]`` of RGB crops of any size.

        Raises:
            NonFiniteError: the network produced a NaN or an infinity.
            BackendError: onnxruntime failed.
        """
        unit, lengths = self._units(self._forward, pictures)
        if self._pruned is None:
            return Embedded(unit, lengths)
        return Embedded(unit, stability(unit, self._units(self._pruned, pictures)[0]))

    def _units(self, forward: Forward, pictures: Sequence[Picture]) -> tuple[Float32, Float32]:
        """Return unit embeddings ``[n, d]`` and the lengths ``[n]`` that they had."""
        raw = np.zeros((len(pictures), self.dimension), np.float32)
        for start in range(0, len(pictures), BATCH):
            batch = slice(start, start + BATCH)
            raw[batch] = forward(self.blob(pictures[batch]))
        if not np.isfinite(raw).all():
            raise NonFiniteError(f"an embedding under recogniser {self.name}", what="embedding")
        norms = np.linalg.norm(raw, axis=1)
        unit = raw / np.maximum(norms, np.finfo(np.float32).tiny)[:, None]
        return unit.astype(np.float32), norms.astype(np.float32)

    @property
    def span(self) -> tuple[float, float]:
        """What black and white are in a :meth:`blob`."""
        mean, deviation = self.scale
        return -mean / deviation, (255 - mean) / deviation

    def blob(self, pictures: Sequence[Picture]) -> Float32:
        """Return pictures as the network reads them: ``[n, 3, side, side]``."""
        mean, deviation = self.scale
        values = np.stack([resized(picture, self.side) for picture in pictures], axis=0)
        scaled = (values.astype(np.float32) - mean) * (1 / deviation)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)


def _forward(session: Session) -> Forward:
    """Return what the network computes, in as many runs as its batch size asks for."""
    entry = session.get_inputs()[0]
    fixed = entry.shape[0] if isinstance(entry.shape[0], int) else None
    at_once = fixed or BATCH

    def run(part: Float32) -> Float32:
        missing = fixed - len(part) if fixed else 0
        filled = np.pad(part, ((0, missing), (0, 0), (0, 0), (0, 0)))
        try:
            raw: Float32 = session.run(None, {entry.name: filled})[0]
        except Exception as cause:  # onnxruntime's classes are no part of its interface
            raise BackendError("onnxruntime failed while it embedded pictures") from cause
        return raw[: len(part)]

    def forward(blob: Float32) -> Float32:
        return np.concatenate([run(blob[i : i + at_once]) for i in range(0, len(blob), at_once)])

    return forward


def _session(data: bytes, name: Role, device: str) -> Session:
    """Return a session on the named device; ``auto`` is the GPU where one can be used."""
    import onnxruntime

    kind, _, number = device.partition(":")
    if kind not in ("auto", *_PROVIDERS):
        raise RequestError(f"recognisers run on {', '.join(_PROVIDERS)}, not on {device!r}")
    there = onnxruntime.get_available_providers()
    if kind == "cuda" and _PROVIDERS[kind] not in there:
        raise BackendError(
            f"the onnxruntime installed here has no {_PROVIDERS[kind]}",
            hint=_ON_THE_CPU,
            device=device,
        )
    if kind != "cpu" and _PROVIDERS["cuda"] in there:
        session = _on_cuda(data, number)
        if session is not None:
            return session
    try:
        session = _opened(data, _PROVIDERS["cpu"])
    except Exception as cause:
        raise ModelCorruptError(f"recogniser {name} cannot be read", recogniser=name) from cause
    if kind == "cuda":
        # The file is sound, as the CPU shows.
        raise BackendError(f"onnxruntime does not run on {device}", hint=_ON_THE_CPU, device=device)
    return session


def _on_cuda(data: bytes, number: str) -> Session | None:
    """Return a session on a GPU; None if onnxruntime fails there, or goes elsewhere by itself."""
    try:
        session = _opened(data, _PROVIDERS["cuda"], **({"device_id": number} if number else {}))
    except Exception:  # without a driver or a library: whatever onnxruntime makes of that
        return None
    return session if session.get_providers()[0] == _PROVIDERS["cuda"] else None


def _opened(data: bytes, provider: str, **where: str) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Its own fallback would print, and could change the device between two pictures.
    return onnxruntime.InferenceSession(
        data, options, providers=[(provider, where)], enable_fallback=0
    )


def _scale(data: bytes) -> tuple[float, float]:
    """Return mean and deviation as InsightFace guesses them: none if the graph scales by itself."""
    import onnx

    heads = [node.name for node in onnx.load_from_string(data).graph.node[:HEAD]]
    subtracts = any(head.startswith(("Sub", "_minus")) for head in heads)
    multiplies = any(head.startswith(("Mul", "_mul")) for head in heads)
    return UNSCALED if subtracts and multiplies else (127.5, 127.5)
