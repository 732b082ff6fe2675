"""The policy as it stands in a file: claims, attempts, method, anchors, residuals, evidence.

- Frozen and closed: nothing changes a loaded policy, and unknown keys are refused.
- Rates and shares are fractions (``0.05`` is five per cent); other units stand in the names.

Source: docs/formats/policy-v1.md.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from govsdk.canonical import digest
from govsdk.errors import RequestError
from govsdk.policy.read import locate, read
from govsdk.records import Sha256

Share = Annotated[float, Field(strict=True, ge=0.00001, lt=1)]
"""A rate or a share of trials, in [0.00001, 1): claims are signed with six digits."""

Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
"""How many, at least one."""

Positive = Annotated[float, Field(strict=True, gt=0, le=1000)]

Cosine = Annotated[float, Field(strict=True, ge=-1, le=1)]

MAX_ALPHA = 0.05
"""What all attempts together may spend: the chance to accept a model that breaks a bound."""


class Section(BaseModel):
    """A part of a policy: frozen and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Forget(Section):
    """The model no longer draws the person."""

    bound: Share
    """Largest match rate that still counts as forgotten."""
    trials: Count
    """Generations for each part: around the person's centroid, and from their sealed photos."""
    fmr: Share = 0.001
    """False match rate of the threshold; its lower, stricter end decides."""


class HardNeighbours(Section):
    """The enrolled people who look most like the subject are still drawn."""

    bound: Share
    """Largest loss of their match rate, as a share of pairs."""
    people: Count
    """How many of the nearest people are looked at."""
    pairs: Count
    """Pictures before and after the edit, from the same condition and seed."""


class Retention(Section):
    """Everybody else is still drawn."""

    bound: Share
    """Largest loss of the match rate, as a share of pairs (0.02 is two points)."""
    pairs: Count
    """Pictures before and after the edit, from the same condition and seed."""
    fmr: Share = 0.0001
    """False match rate of the threshold; its upper, stricter end decides."""
    hard_neighbours: HardNeighbours | None = None
    """None: they are not judged apart from the others."""


class Quality(Section):
    """Pictures of everybody else are as good as before."""

    bound: Annotated[float, Field(strict=True, ge=0.00001, le=3)]
    """Largest mean loss of face quality, in standard deviations of the pictures before the edit."""


class NoFace(Section):
    """The edited model still draws faces, the subject's replacement included."""

    bound: Share
    """Largest share of pictures worse than 99 % of real photos."""


class Claims(Section):
    """What must hold; FORGOTTEN needs all four."""

    forget: Forget
    retention: Retention
    quality: Quality
    no_face: NoFace


class Controls(Section):
    """Measurements that show that the trials could have come out otherwise."""

    baseline_trials: Annotated[int, Field(strict=True, ge=10, le=1_000_000)]
    """Generations of the unedited model, half around the centroid and half from sealed photos."""
    baseline_rate: Share = 0.5
    """Match rate that the unedited model must exceed, or there is nothing to forget."""
    screen_probes: Count = 10
    """Generations for each person whom this line of models forgot earlier."""


class Tuning(Section):
    """Conditions are optimised until one draws the person."""

    runs: Count
    """Searches for the subject, and as many for each stranger."""
    iterations: Count
    """Steps of a search."""
    rate: Positive
    """How far a step goes in each number of the condition."""
    looks: Count
    """Pictures of a search that recogniser A sees on the way; the best condition is kept."""
    pictures: Count
    """Fresh pictures of what a search found: one that is accepted is a success."""

    @model_validator(mode="after")
    def _looks_fit(self) -> Self:
        if self.iterations % self.looks:
            raise ValueError("the iterations are no multiple of the looks")
        return self


class Search(Tuning):
    """Conditions near the person are optimised."""

    reach: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    """How much of D's support is searched, as a share of its radius."""
    bound: Share
    """By how much, at most, the subject's rate of success may exceed the strangers'."""


class Direction(Section):
    """What sets the person apart is added to other people's conditions."""

    runs: Count
    """Other people to start from, for the subject and for each stranger."""
    strengths: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=20)]
    """How much of the difference is added; recogniser A chooses the best."""
    pictures: Count
    """Fresh pictures at the best strength: one that is accepted is a success."""
    bound: Share
    """By how much, at most, the subject's rate of success may exceed the strangers'."""


class Teaching(Section):
    """A copy of the model is taught a few pictures."""

    runs: Count
    """Copies taught the subject, and as many for each stranger."""
    control_runs: Count
    """Copies of the unedited model; it draws the person untaught."""
    photos: Count
    """Photos whose pictures are taught."""
    rank: Count
    """Rank of the adapters."""
    learning_rate: Positive
    batch: Count
    """Pictures taught in each step."""
    checks: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=0)], ...], Field(min_length=2, max_length=12)
    ]
    """Steps after which fresh pictures are judged, ascending from 0; the last ends the run."""
    pictures: Count
    """Fresh pictures at each check: learned, if half of them are accepted."""

    @field_validator("checks")
    @classmethod
    def _ascending_from_zero(cls, checks: tuple[int, ...]) -> tuple[int, ...]:
        if checks[0] != 0 or list(checks) != sorted(set(checks)):
            raise ValueError("the checks must ascend from 0")
        return checks


class Relearning(Teaching):
    """The copy is taught to draw the person again."""

    bound: Count
    """How many times as fast as a stranger, at most, the subject may be relearned."""


class Attacks(Section):
    """What somebody who holds the weights may try, and how little it may bring back."""

    strangers: Count = 3
    """Enrolled people whom the same attacks aim at, for comparison."""
    search: Search
    direction: Direction
    relearning: Relearning
    free_token: Tuning | None = None
    """Reported only: the whole token is free."""
    fine_tuning: Teaching | None = None
    """Reported only: the copy is taught other people."""
    difference: Tuning | None = None
    """Reported only: both models are searched for where they differ."""

    @property
    def gated(self) -> dict[str, Search | Direction | Relearning]:
        """The attacks that decide, under the names that are signed."""
        return {
            "embedding-search": self.search,
            "direction-arithmetic": self.direction,
            "relearning": self.relearning,
        }

    @property
    def reported(self) -> dict[str, Tuning | Teaching]:
        """The attacks that decide nothing, likewise."""
        asked: dict[str, Tuning | Teaching | None] = {
            "free-token": self.free_token,
            "benign-fine-tuning": self.fine_tuning,
            "difference-search": self.difference,
        }
        return {name: settings for name, settings in asked.items() if settings is not None}

    @property
    def digest(self) -> Sha256:
        """SHA-256 of the canonical form of these settings."""
        return digest(_written(self.model_dump(mode="json")))


class Attempts(Section):
    """How often the edit may be tried before the request fails."""

    alpha: Annotated[
        tuple[Annotated[float, Field(strict=True, ge=0.00001, lt=0.5)], ...],
        Field(min_length=1, max_length=10),
    ]
    """Error probability that each attempt may spend; each judges on its own sealed photos."""

    @field_validator("alpha")
    @classmethod
    def _within_budget(cls, alpha: tuple[float, ...]) -> tuple[float, ...]:
        if sum(map(_exact, alpha)) > _exact(MAX_ALPHA):
            raise ValueError(f"the attempts spend more than {MAX_ALPHA} together")
        return alpha


class Unlearning(Section):
    """How the weights are edited; the judge reads none of it."""

    method: str = "piu"
    preset: str
    overrides: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr] = {}
    """Settings of the preset to replace, such as ``steps``."""


class Anchors(Section):
    """Who may replace the subject."""

    margin: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.15
    """How far the two centroids' cosine must stay below the forgetting threshold."""
    own_below: Share = 0.999
    """Share of the anchor's own photos that must not match the subject."""
    band: tuple[Cosine, Cosine] | None = None
    """Cosines that the centroids must lie between, as in PIU; None: only the margin counts."""
    choice: Literal["nearest-qualified", "random-qualified"] = "nearest-qualified"

    @field_validator("band")
    @classmethod
    def _ordered(cls, band: tuple[float, float] | None) -> tuple[float, float] | None:
        if band is not None and band[0] >= band[1]:
            raise ValueError("the band's first cosine must be the smaller one")
        return band


class Evidence(Section):
    """How long the sealed evidence is kept."""

    retention_days: Annotated[int, Field(strict=True, ge=1, le=36_500)]


class Policy(Section):
    """A whole policy."""

    version: Literal[1]
    name: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    """Quoted with every verdict."""
    claims: Claims
    controls: Controls
    attacks: Attacks | None = None
    """None: nothing is claimed about attacks."""
    attempts: Attempts
    unlearning: Unlearning
    anchors: Anchors = Anchors()
    residuals: Literal["sealed", "none"] = "sealed"
    """Whether sealed embeddings outlive erasure, so that the proof can be repeated."""
    evidence: Evidence

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Return the policy in a file, or the shipped one of that name (``"standard"``).

        Raises:
            PolicyError: no such policy, or it is not valid; names file, line and fix.
        """
        path = locate(name_or_path)
        return read(path, cls)

    @property
    def digest(self) -> Sha256:
        """SHA-256 of the canonical form of :meth:`public`."""
        return digest(self.public())

    @property
    def headline(self) -> str:
        """What a verdict is quoted with, e.g. ``quickstart: < 5 %``."""
        percent = (_exact(self.claims.forget.bound) * 100).normalize()
        return f"{self.name}: < {percent:f} %"

    def alpha(self, attempt: int) -> float:
        """Return the error probability that ``attempt`` (from 1) may spend.

        Raises:
            RequestError: the policy allows fewer attempts.
        """
        allowed = len(self.attempts.alpha)
        if not 1 <= attempt <= allowed:
            raise RequestError(f"attempt {attempt}; the policy allows {allowed}")
        return self.attempts.alpha[attempt - 1]

    def public(self) -> dict[str, Any]:
        """Return every setting, defaults included, as JSON values without floats.

        A section that is not there is left out, so that a new one changes no older digest.
        """
        written: dict[str, Any] = _written(self.model_dump(mode="json"))
        return {name: value for name, value in written.items() if value is not None}


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of a policy file."""
    return Policy.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _written(value: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    """Return ``value`` with each float as its shortest decimal text, so that 0.050 equals 0.05."""
    match value:
        case float():
            return f"{_exact(value).normalize():f}"
        case dict():
            return {key: _written(item) for key, item in value.items()}
        case list():
            return [_written(item) for item in value]
        case _:
            return value
