"""The policy as it stands in a file: claims, attempts, method, anchors, residuals, evidence.

- Frozen and closed: nothing changes a loaded policy, and unknown keys are refused.
- Rates and shares are fractions (``0.05`` is five per cent); other units stand in the names.

Source: docs/formats/policy-v1.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from govsdk.canonical import digest
from govsdk.errors import RequestError
from govsdk.policy.attacks import Attacks
from govsdk.policy.probes import Probes
from govsdk.policy.read import locate, read
from govsdk.policy.sections import MOST_TRIALS, Count, Section, Share, exact, written
from govsdk.records import PolicyName, Sha256

Cosine = Annotated[float, Field(strict=True, ge=-1, le=1)]


def _one_of_these(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Return ``value`` as checked; all choices in one sentence, not the first of them alone."""
    try:
        return check(value)
    except ValidationError:
        raise ValueError("must be a number, a truth value, a word, or a list of words") from None


Setting = Annotated[
    StrictBool | StrictInt | StrictFloat | StrictStr | tuple[StrictStr, ...],
    WrapValidator(_one_of_these),
]
"""A value of one of the editor's settings."""

MAX_ALPHA = 0.05
"""What all attempts together may spend: the chance to accept a model that breaks a bound."""


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

    @property
    def pictures(self) -> int:
        """How many pictures of the edited model must show a face.

        The nearest people's may be among the random pairs' already, and none counts twice.
        """
        return 2 * self.forget.trials + self.retention.pairs


class Controls(Section):
    """Measurements that show that the trials could have come out otherwise."""

    baseline_trials: Annotated[int, Field(strict=True, ge=10, le=MOST_TRIALS)]
    """Generations of the unedited model, half around the centroid and half from sealed photos."""
    baseline_rate: Share = 0.5
    """Match rate that the unedited model must exceed, or there is nothing to forget."""
    screen_probes: Count = 10
    """Generations for each person whom this line of models forgot earlier."""
    regression: Literal["revoke", "report"] = "revoke"
    """What becomes of the certificate of somebody whom the model in force draws again. An edit that
    brings somebody back is never published, whatever stands here."""


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
        if sum(map(exact, alpha)) > exact(MAX_ALPHA):
            raise ValueError(f"the attempts spend more than {MAX_ALPHA} together")
        return alpha


class Unlearning(Section):
    """How the weights are edited; the judge reads none of it."""

    method: str = "piu"
    preset: str
    overrides: dict[str, Setting] = Field(default_factory=dict)
    """Settings of the preset to replace, such as ``steps``, or the list ``blocks``."""


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
    name: PolicyName
    """Quoted with every verdict."""
    claims: Claims
    controls: Controls
    probes: Probes | None = None
    """None: the claims alone are measured, and the digest is that of a policy without probes."""
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
        percent = (exact(self.claims.forget.bound) * 100).normalize()
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
        settings: dict[str, Any] = written(self.settings())
        return settings

    def settings(self) -> dict[str, Any]:
        """Return the same with numbers, as a policy file has it; loaded, it is equal."""
        settings = self.model_dump(mode="json")
        return {name: value for name, value in settings.items() if value is not None}

    def text(self) -> str:
        """Return the policy as the text of a file, every default filled in; loaded, it is equal."""
        return str(yaml.safe_dump(self.settings(), sort_keys=False, allow_unicode=True))


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of a policy file."""
    return Policy.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
