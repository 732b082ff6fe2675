"""What a recogniser's scores mean: decision thresholds, angles and qualities measured on people
who serve nothing else.

- A record belongs to one weights file, by digest: with any other, :meth:`CalibrationRecord.fits`
  refuses it.
- A threshold is given out only if the record's people carry its rate, whoever made the record.
- Every number is a decimal string, since the record is quoted in signed bytes.

Source: ISO/IEC 19795-1 for FMR and the rule of 30; design.md, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import ceil, isqrt
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from govsdk.canonical import digest
from govsdk.durable import read_file
from govsdk.errors import (
    DigestMismatchError,
    MissingModelError,
    ModelCorruptError,
    RequestError,
    TooFewPeopleError,
)
from govsdk.records import DecimalText, Record, Sha256

End = Literal["low", "point", "high"]
"""Which end of a threshold's 95 % interval: ``low`` accepts more, ``high`` accepts less."""

ERRORS_NEEDED = 30
"""The rule of 30: a rate rests on at least so many false matches (within 30 %, 90 % confidence)."""


def people_needed(rate: str) -> int:
    """Return how many people have 30 / ``rate`` pairs among them."""
    pairs = ceil(ERRORS_NEEDED / Decimal(rate))
    people = isqrt(2 * pairs)
    while people * (people - 1) // 2 < pairs:
        people += 1
    return people


def require_people(people: int, rates: Sequence[str]) -> None:
    """Require pairs of people enough for every rate.

    Raises:
        TooFewPeopleError: ``facts`` say how many there are, how many are needed, and for what rate.
    """
    needed, rate = max((people_needed(rate), rate) for rate in rates)
    if people < needed:
        raise TooFewPeopleError(
            f"{people} people, {needed} needed for FMR {rate}",
            people=people,
            needed=needed,
            fmr=rate,
        )


class OperatingPoint(Record):
    """The threshold that gives one false match rate."""

    fmr: DecimalText
    """False match rate, in (0, 1)."""
    threshold: DecimalText
    """Cosine at or above which two faces count as the same person."""
    low: DecimalText
    high: DecimalText
    """Ends of the threshold's 95 % interval, from a bootstrap over people."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not float(self.low) <= float(self.threshold) <= float(self.high):
            raise ValueError("low <= threshold <= high does not hold")
        return self

    def at(self, end: End) -> float:
        """Return the threshold, or that end of its interval."""
        return float({"low": self.low, "point": self.threshold, "high": self.high}[end])


class PhotoPairPoint(Record):
    """A threshold for comparing two single photos, as a search does."""

    fmr: DecimalText
    threshold: DecimalText


class GenuineAngle(Record):
    """Quantiles of the angle between a person's photo and the centroid of their others, radians."""

    p50: DecimalText
    p95: DecimalText
    p999: DecimalText
    """The radius of the distribution D."""


QualityMetric = Literal["raw embedding length", "PreFIQs"]
"""The length of the recogniser's raw output, or how little that output moves under pruning."""


class QualityScale(Record):
    """How face quality is measured, and what real photos reach."""

    metric: QualityMetric = "raw embedding length"
    p01: DecimalText
    """The 1st percentile over real photos: below it, a picture counts as showing no face."""


class GeneratedFaces(Record):
    """The same scores of what a generator drew from the photos' embeddings.

    Drawn faces may look more alike than photos do: doubt that counts against the model.
    """

    generator: Sha256
    """Digest of the generator's manifest."""
    conditioner: Sha256
    """Digest of the recogniser whose embeddings it drew from."""
    steps: int
    guidance: DecimalText
    thresholds: tuple[OperatingPoint, ...] = Field(min_length=1)
    """One drawing against the centroid of another person's photos."""
    tar_at_fmr: dict[str, DecimalText]
    """Share of drawings accepted as their own person, by false match rate."""


class CalibrationRecord(Record):
    """One recogniser's calibration."""

    version: Literal[1] = 1
    recogniser: str
    """Role or name of the recogniser."""
    recogniser_sha256: Sha256
    score_type: Literal["image-vs-centroid cosine"] = "image-vs-centroid cosine"
    people: int
    photos_per_person: int
    impostor_comparisons: int
    genuine_comparisons: int
    thresholds: tuple[OperatingPoint, ...] = Field(min_length=1)
    photo_pair_thresholds: tuple[PhotoPairPoint, ...] = ()
    tar_at_fmr: dict[str, DecimalText] = Field(default_factory=dict)
    """True accept rate by false match rate."""
    photo_pair_tar_at_fmr: dict[str, DecimalText] = Field(default_factory=dict)
    genuine_angle: GenuineAngle
    quality: QualityScale
    seed: int
    generated: GeneratedFaces | None = None
    """None: only photos were calibrated."""

    @property
    def digest(self) -> Sha256:
        """SHA-256 of the canonical form, as plans and certificates name the record."""
        return digest(self.public())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the record in ``path``.

        Raises:
            MissingModelError: there is no such file.
            ModelCorruptError: the file is not a calibration record.
            BackendError: it cannot be read.
        """
        kept = read_file(path, "reading a calibration record")
        if kept is None:
            raise MissingModelError(
                "no calibration record",
                hint="check the path, put the file back, or make another one: `govsdk calibrate`",
                file=path.name,
            )
        try:
            return cls.model_validate_json(kept)
        except ValidationError as cause:
            first = cause.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            raise ModelCorruptError(
                f"calibration record: {where or 'JSON'}: {first['msg']}", file=path.name
            ) from cause

    def fits(self, recogniser_sha256: str) -> None:
        """Require that the record was made with this weights file.

        Raises:
            DigestMismatchError: it was made with another one.
        """
        if recogniser_sha256 != self.recogniser_sha256:
            raise DigestMismatchError(
                f"the calibration record belongs to another recogniser {self.recogniser}",
                hint="calibrate this recogniser on your own data: `govsdk calibrate`",
                expected=self.recogniser_sha256,
                found=recogniser_sha256,
            )

    def threshold(self, fmr: str, end: End = "point") -> float:
        """Return the cosine threshold at false match rate ``fmr`` (``"0.001"`` or ``"1e-3"``).

        Raises:
            RequestError: the record has no threshold for that rate.
            TooFewPeopleError: it has one, of too few people.
        """
        return self.point(fmr).at(end)

    def strictest(self, fmr: str, end: Literal["low", "high"]) -> float:
        """Return the threshold by which drawings are judged: photos' or drawings', the stricter.

        ``low`` is for forgetting, where more matches are stricter, ``high`` for retention.

        Raises:
            RequestError: the record has no threshold for that rate.
            TooFewPeopleError: it has one, of too few people.
        """
        ends = [point.at(end) for point in self.points(fmr)]
        return min(ends) if end == "low" else max(ends)

    def pair_threshold(self, fmr: str) -> float:
        """Return the cosine from which two single photos count as one person's.

        Raises:
            RequestError: the record has no such threshold for that rate.
            TooFewPeopleError: it has one, of too few people.
        """
        for point in self.photo_pair_thresholds:
            if Decimal(point.fmr) == _rate(fmr):
                require_people(self.people, (point.fmr,))
                return float(point.threshold)
        raise RequestError(
            f"no threshold for two photos at FMR {fmr}",
            hint="calibrate that rate, too (`govsdk calibrate --fmr`)",
        )

    def covers(self, fmr: str) -> bool:
        """Return whether the record has thresholds at false match rate ``fmr``, of people enough.

        Raises:
            RequestError: ``fmr`` is not a rate.
        """
        there = any(Decimal(point.fmr) == _rate(fmr) for point in self.thresholds)
        return there and self.people >= people_needed(fmr)

    def point(self, fmr: str) -> OperatingPoint:
        """Return the operating point of photos at false match rate ``fmr``.

        Raises:
            RequestError: the record has none for that rate.
            TooFewPeopleError: it has one, of too few people.
        """
        return self._find(self.thresholds, fmr)

    def points(self, fmr: str) -> list[OperatingPoint]:
        """Return the operating points at ``fmr``: of photos and, if calibrated, of drawings.

        Raises:
            RequestError: the record has none for that rate.
            TooFewPeopleError: it has one, of too few people.
        """
        calibrated = [self.thresholds, *([self.generated.thresholds] if self.generated else [])]
        return [self._find(points, fmr) for points in calibrated]

    def _find(self, points: Sequence[OperatingPoint], fmr: str) -> OperatingPoint:
        found = next((p for p in points if Decimal(p.fmr) == _rate(fmr)), None)
        if found is None:
            known = ", ".join(p.fmr for p in points)
            raise RequestError(
                f"no threshold at FMR {fmr}; the record has {known}",
                hint="calibrate that rate, too (`govsdk calibrate --fmr`), or name one of these in "
                "a policy of your own",
            )
        require_people(self.people, (found.fmr,))
        return found


def _rate(fmr: str) -> Decimal:
    try:
        return Decimal(fmr)
    except InvalidOperation as cause:
        raise RequestError(f"{fmr!r} is not a rate") from cause
