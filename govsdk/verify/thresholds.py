"""Where a recogniser's score starts to mean "this person", and a quality "this is a face".

- Doubt about a threshold counts against the model: forgetting is judged at the lower end of its
  confidence interval, where more pictures match, retention at the upper end, where fewer do; where
  drawings were calibrated besides photos, the stricter of the two decides.
- Without a calibration record of the very same weights there is no threshold, and no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from govsdk.errors import (
    DigestMismatchError,
    MissingModelError,
    RequestError,
    TooFewPeopleError,
)
from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Embedder, Role
from govsdk.records import JUDGES_NEEDED, DecimalText, decimal_text


@dataclass(frozen=True)
class Thresholds:
    """The decision thresholds of each recogniser."""

    forget: Mapping[Role, float]
    """Cosine from which a picture shows the subject."""
    retention: Mapping[Role, float]
    """Cosine from which a picture shows the retained person it was drawn for."""
    face: Mapping[Role, float]
    """Quality below which a picture shows no face."""
    radius: float
    """Radius of D, radians: the 99.9 % quantile of genuine angles under A."""

    def public(self) -> dict[str, DecimalText]:
        """Return the thresholds by ``recogniser/purpose``, as they are signed."""
        purposes = {"forget": self.forget, "retention": self.retention, "face": self.face}
        return {
            f"{name}/{purpose}": decimal_text(values[name])
            for purpose, values in purposes.items()
            for name in sorted(values)
        } | {f"{CONDITIONING}/radius": decimal_text(self.radius)}


def thresholds_for(
    policy: Policy,
    recognisers: Iterable[Role],
    calibrations: Mapping[Role, CalibrationRecord],
) -> Thresholds:
    """Return the thresholds that ``policy`` asks for, in the order of the recognisers' names.

    Raises:
        MissingModelError: a recogniser has no calibration record.
        RequestError: a record has no threshold at the policy's false match rate.
        TooFewPeopleError: it has one, of too few people.
    """
    forget, retention = str(policy.claims.forget.fmr), str(policy.claims.retention.fmr)
    names = sorted(recognisers)
    for name in names:
        if name not in calibrations:
            raise MissingModelError(
                f"recogniser {name} has no calibration record",
                hint="make one of your own photos: `govsdk calibrate`",
                recogniser=name,
            )
    records = {name: calibrations[name] for name in names}
    return Thresholds(
        forget={name: record.strictest(forget, "low") for name, record in records.items()},
        retention={name: record.strictest(retention, "high") for name, record in records.items()},
        face={name: float(record.quality.p01) for name, record in records.items()},
        radius=float(calibrations[CONDITIONING].genuine_angle.p999),
    )


def why_not_judged(
    policy: Policy,
    embedders: Mapping[Role, Embedder],
    calibrations: Mapping[Role, CalibrationRecord],
) -> str | None:
    """Return why these recognisers support no verdict, or None if they do."""
    if CONDITIONING not in embedders or len(embedders) < JUDGES_NEEDED:
        return f"two recognisers are needed, one of them {CONDITIONING}"
    if len({judge.sha256 for judge in embedders.values()}) < JUDGES_NEEDED:
        return "one recogniser under two names is no second opinion"
    for name in sorted(embedders):
        if name not in calibrations:
            return f"recogniser {name} has no calibration record"
        try:
            calibrations[name].fits(embedders[name].sha256)
        except DigestMismatchError:
            return f"the calibration record of recogniser {name} was made with other weights"
    try:
        thresholds_for(policy, embedders, calibrations)
    except RequestError as cause:
        return cause.detail
    except TooFewPeopleError as cause:
        return f"a calibration record is of too few people: {cause.detail}"
    return None
