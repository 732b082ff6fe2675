"""The settings of PIU, by preset and with overrides from a policy.

- ``piu`` is the paper's, exactly; ``piu-miniature`` is tuned on the reference world.
- An unknown preset or override is an error that names it; nothing is silently ignored.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from govsdk.canonical import digest
from govsdk.errors import PolicyError
from govsdk.records import Sha256

ForgetFrom = Literal["mixtures", "distribution", "both"]


def _require(holds: bool, key: str, must: str) -> None:
    if not holds:
        raise PolicyError(f"unlearning: {key} must be {must}", key=key)


@dataclass(frozen=True)
class PiuSettings:
    """Everything that shapes an edit besides the people and the seed."""

    eta: float = 1.0
    """Push away from the subject, beyond the anchor; >= 0."""
    lambda_: float = 10.0
    """Weight of preservation; >= 0."""
    lr: float = 1e-4
    """Learning rate of AdamW, constant; > 0."""
    weight_decay: float = 0.01
    start_keep: float = 0.0
    """Weight of the kept people in a start in closed form; 0 starts from the model as it is."""
    decay: bool = False
    """Whether the learning rate falls linearly to nothing over ``steps``."""
    steps: int = 400
    """Optimiser steps at most; 0 copies the model unedited."""
    micro_batch: int = 16
    """Rows of each kind (subject, retained) in one pass; halved when memory runs out."""
    accumulate: int = 2
    """Passes per optimiser step: a step sees ``micro_batch * accumulate`` rows of each kind."""
    mixture: int = 3
    """Photos in a Dirichlet mixture at most."""
    forget_from: ForgetFrom = "mixtures"
    """Where the subject's conditions come from: photo mixtures, the distribution D, half each."""
    replay: float = 1 / 3
    """Share of the subject's rows that goes to people forgotten earlier, if there are any."""
    blocks: tuple[str, ...] = ("down_blocks.2", "mid_block", "up_blocks.1", "up_blocks.2")
    """Block groups whose cross-attention is edited."""
    watch_every: int = 25
    """Steps between looks at the early-stop signal."""
    relax: float = 1.0
    """Factor on ``lambda_`` for every look that still showed the subject; in (0, 1]."""
    watch_runs: int = 2
    """Looks in a row that must show nothing before the edit stops early."""
    checkpoint_every: int = 25
    """Steps between checkpoints."""

    def __post_init__(self) -> None:
        for name in ("eta", "lambda_", "weight_decay", "start_keep", "steps"):
            _require(getattr(self, name) >= 0, name, "at least 0")
        for name in ("micro_batch", "accumulate", "mixture"):
            _require(getattr(self, name) >= 1, name, "at least 1")
        for name in ("watch_every", "watch_runs", "checkpoint_every"):
            _require(getattr(self, name) >= 1, name, "at least 1")
        _require(self.lr > 0, "lr", "positive")
        _require(0 <= self.replay < 1, "replay", "in [0, 1)")
        _require(0 < self.relax <= 1, "relax", "in (0, 1]")
        _require(self.forget_from in get_args(ForgetFrom), "forget_from", str(get_args(ForgetFrom)))
        _require(bool(self.blocks), "blocks", "at least one block group")

    @property
    def batch(self) -> int:
        """Rows of each kind in one optimiser step."""
        return self.micro_batch * self.accumulate

    def digest(self) -> Sha256:
        """Return the digest that names these settings in the evidence."""
        return digest({name: _text(value) for name, value in asdict(self).items()})


PRESETS: Mapping[str, PiuSettings] = MappingProxyType(
    {
        "piu": PiuSettings(),
        # The start does most of the forgetting, the steps finish it and mend what it did to others;
        # a small network needs a higher rate for that. People differ in how hard they are to
        # forget: whoever still shows gets more of the loss (docs/reference_world.md).
        "piu-miniature": PiuSettings(
            lr=5e-4,
            lambda_=20.0,
            steps=64,
            accumulate=1,
            forget_from="both",
            start_keep=12.0,
            decay=True,
            watch_every=16,
            watch_runs=4,
            relax=0.7,
        ),
    }
)


def settings(preset: str, overrides: Mapping[str, object] | None = None) -> PiuSettings:
    """Return the preset's settings with ``overrides`` (a list stands for a tuple).

    Raises:
        PolicyError: an unknown preset or key, or a value of the wrong type or range.
    """
    if preset not in PRESETS:
        raise PolicyError(f"unlearning.preset: no preset {preset!r}{_nearest(preset, PRESETS)}")
    chosen = PRESETS[preset]
    known = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    changes: dict[str, Any] = {}
    for key, value in (overrides or {}).items():
        if key not in known:
            raise PolicyError(f"unlearning.overrides: no setting {key!r}{_nearest(key, known)}")
        changes[key] = _like(known[key], key, value)
    return replace(chosen, **changes)


def _like(model: object, key: str, value: object) -> object:
    """Return ``value`` in the type of ``model``, the preset's own value."""
    if isinstance(model, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(model, tuple) and isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    _require(type(value) is type(model), key, f"of type {type(model).__name__}")
    return value


def _nearest(word: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def _text(value: object) -> object:
    """Return ``value`` without floats, for signed bytes."""
    if isinstance(value, float):
        return repr(value)
    return list(value) if isinstance(value, tuple) else value
