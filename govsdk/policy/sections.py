"""What every part of a policy is made of: closed sections, kinds of numbers, their written form."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(strict=True, ge=0.00001, lt=1)]
"""A rate or a share of trials, in [0.00001, 1): claims are signed with six digits."""

MOST_TRIALS = 1_000_000
"""No setting asks for more of anything, and no reader counts with a control of more."""

Count = Annotated[int, Field(strict=True, ge=1, le=MOST_TRIALS)]
"""How many, at least one."""

Positive = Annotated[float, Field(strict=True, gt=0, le=1000)]


class Section(BaseModel):
    """A part of a policy: frozen and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def exact(value: float) -> Decimal:
    """Return ``value`` as the decimal number it was written as."""
    return Decimal(repr(value))


def written(value: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    """Return ``value`` with each float as its shortest decimal text, so that 0.050 equals 0.05."""
    match value:
        case float():
            return f"{exact(value).normalize():f}"
        case dict():
            return {key: written(item) for key, item in value.items()}
        case list():
            return [written(item) for item in value]
        case _:
            return value
