"""The settings of PIU, by preset and with overrides from a policy.

- ``piu`` is the paper's, exactly, for the first request on a model line; ``replay``, on later ones,
  is ours. Those named ``piu-miniature`` are tuned on the reference world.
- An unknown preset or override is an error that names it; nothing is silently ignored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from govsdk.canonical import digest
from govsdk.errors import PolicyError
from govsdk.records import Sha256

Latents = Literal["noise", "sampled"]

BLOCK_FORMS = {
    "down_blocks.N": r"down_blocks\.\d+",
    "mid_block": "mid_block",
    "up_blocks.N": r"up_blocks\.\d+",
}
"""What block groups of a U-Net are called; which of them it has is seen when it is edited."""


def _require(holds: bool, key: str, must: str) -> None:
    if not holds:
        raise PolicyError.of(f"unlearning.overrides.{key}", f"must be {must}")


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
    distribution: float = 0.0
    """Share of the subject's conditions that are drawn from D; the rest are photo mixtures."""
    border: float = 0.0
    """Share that is drawn from D's outer part, where the subject is hardest to tell from others."""
    latents: Latents = "noise"
    """Where the network is asked: under pure noise, or in states that its own sampling passes."""
    pictures: int = 64
    """Pictures whose states are asked for the subject; ``sampled`` only."""
    neighbours: int = 20
    """People most like the subject whose photos all belong to the states; ``sampled`` only."""
    nearby: float = 0.5
    """Share of the rows to preserve that are theirs; ``sampled`` only."""
    photos: int = 2
    """Photos of everybody else that belong to the states; ``sampled`` only."""
    states: int = 8
    """Sampling steps, and so states, of each picture; ``sampled`` only."""
    searched: float = 0.0
    """Share of the subject's own conditions that give way to ones found hard: tuned until the
    student sees the subject; ``sampled`` only."""
    search_every: int = 16
    """Steps between searches for hard conditions."""
    reach: float = 0.6
    """How far from the centroid they lie at most, as a share of D's radius."""
    preserved: int = 1
    """Rows to preserve for each row of the subject."""
    empty: float = 0.0
    """Share of those rows that ask for guidance's empty condition."""
    spare: float = 0.0
    """How far steps avoid what others' tokens read: the less, the further; 0 not at all."""
    replay: float = 1 / 3
    """Share of the subject's rows that goes to people forgotten earlier, if there are any: ours,
    whatever the preset."""
    blocks: tuple[str, ...] = ("down_blocks.2", "mid_block", "up_blocks.1", "up_blocks.2")
    """Block groups whose cross-attention is edited."""
    watch_every: int = 0
    """Steps between looks at the early-stop signal; 0 takes none."""
    relax: float = 1.0
    """Factor on ``lambda_`` for a look that still showed the subject, and its inverse for one that
    did not; in (0, 1]."""
    margin: float = 0.12
    """How far below the threshold, as a cosine, a look's best score must stay: a look sees few
    pictures, and one recogniser only."""
    watch_runs: int = 2
    """Looks in a row that must show nothing before the edit stops early."""
    checkpoint_every: int = 25
    """Steps between checkpoints."""

    def __post_init__(self) -> None:
        for name in ("eta", "lambda_", "weight_decay", "start_keep", "steps", "spare", "margin"):
            _require(getattr(self, name) >= 0, name, "at least 0")
        for name in ("neighbours", "distribution", "border", "searched", "watch_every"):
            _require(getattr(self, name) >= 0, name, "at least 0")
        for name in ("micro_batch", "accumulate", "mixture", "preserved"):
            _require(getattr(self, name) >= 1, name, "at least 1")
        for name in ("photos", "states"):
            _require(getattr(self, name) >= 1, name, "at least 1")
        _require(self.pictures >= 2, "pictures", "at least 2: the anchor's and the subject's")
        for name in ("watch_runs", "checkpoint_every", "search_every"):
            _require(getattr(self, name) >= 1, name, "at least 1")
        _require(self.lr > 0, "lr", "positive")
        _require(0 <= self.replay < 1, "replay", "in [0, 1)")
        _require(0 < self.relax <= 1, "relax", "in (0, 1]")
        _require(0 <= self.empty < 1, "empty", "in [0, 1)")
        _require(0 <= self.nearby <= 1, "nearby", "in [0, 1]")
        _require(self.distribution + self.border <= 1, "border", "at most 1 with distribution")
        _require(self.searched <= 1, "searched", "at most 1")
        _require(not self.searched or self.latents == "sampled", "searched", "0 under pure noise")
        _require(0 < self.reach <= 1, "reach", "in (0, 1]")
        _require(self.latents in get_args(Latents), "latents", f"one of {get_args(Latents)}")
        _require(bool(self.blocks), "blocks", "at least one block group")
        for block in self.blocks:
            form = f"of the form {', '.join(BLOCK_FORMS)}, not {block!r}"
            _require(
                any(re.fullmatch(each, block) for each in BLOCK_FORMS.values()), "blocks", form
            )

    @property
    def batch(self) -> int:
        """Rows of each kind in one optimiser step."""
        return self.micro_batch * self.accumulate

    def digest(self) -> Sha256:
        """Return the digest that names these settings in the evidence."""
        return digest({name: _text(value) for name, value in asdict(self).items()})


# Tuned on the reference world (docs/reference_world.md): the start does much of the forgetting, the
# steps finish it and mend what it did to others; a small network needs a higher rate for that.
# People differ in how hard they are to forget: whoever still shows gets more of the loss.
_MINIATURE = PiuSettings(
    eta=0.5,
    lambda_=25.0,
    lr=5e-4,
    weight_decay=0.0,
    start_keep=30.0,
    decay=True,
    steps=128,
    accumulate=1,
    distribution=0.6,
    border=0.2,
    searched=0.25,
    search_every=32,
    latents="sampled",
    preserved=2,
    empty=0.11,
    spare=0.1,
    watch_every=16,
    watch_runs=8,  # one more than there are looks: they move lambda, and stop nothing
    relax=0.6,
)

PRESETS: Mapping[str, PiuSettings] = MappingProxyType(
    {
        "piu": PiuSettings(),
        "piu-miniature": _MINIATURE,
        # Many small steps, mostly of others, for policies that allow others to lose little. The
        # rate is high and falls to nothing, so the edit is never stopped early.
        "piu-miniature-thorough": replace(
            _MINIATURE,
            steps=480,
            micro_batch=4,
            preserved=8,
            nearby=0.45,
            lambda_=240.0,
            lr=4e-3,
            search_every=120,
            watch_every=80,
            watch_runs=9,
        ),
    }
)


def settings(preset: str, overrides: Mapping[str, object] | None = None) -> PiuSettings:
    """Return the preset's settings with ``overrides`` (a list stands for a tuple).

    Raises:
        PolicyError: an unknown preset or key, or a value of the wrong type or range.
    """
    if preset not in PRESETS:
        message = f"no preset {preset!r}{_nearest(preset, PRESETS)}"
        raise PolicyError.of("unlearning.preset", message)
    chosen = PRESETS[preset]
    known = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    changes: dict[str, Any] = {}
    for key, value in (overrides or {}).items():
        if key not in known:
            message = f"no setting of this name{_nearest(key, known)}"
            raise PolicyError.of(f"unlearning.overrides.{key}", message)
        changes[key] = _like(known[key], key, value)
    return replace(chosen, **changes)


def _like(model: object, key: str, value: object) -> object:
    """Return ``value`` in the type of ``model``, the preset's own value."""
    if isinstance(model, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(model, tuple) and isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    kind = "list" if isinstance(model, tuple) else type(model).__name__
    _require(type(value) is type(model), key, f"of type {kind}")
    return value


def _nearest(word: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def _text(value: object) -> object:
    """Return ``value`` without floats, for signed bytes."""
    if isinstance(value, float):
        return repr(value)
    return list(value) if isinstance(value, tuple) else value
