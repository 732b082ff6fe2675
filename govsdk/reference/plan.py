"""How large the training chain is: every number a run depends on, in one record.

- A run is a function of its plan and its seed. Not checked: that a run folder is gone on with under
  the plan it was begun with; what was changed on the way belongs into its ``history.txt``.
- ``SHIPPED`` is the plan that was settled on. The weights in this package have its sizes, and a
  longer way behind them: rates changed by hand, and 8,459 of the generator's 14,859 steps added
  afterwards on a GPU (``history`` in their manifest).
- ``TINY`` proves the chain in seconds and its weights are worth nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from govsdk.reference import people


@dataclass(frozen=True, slots=True)
class Plan:
    """People, steps and batch sizes of each stage."""

    people_a: int = 2400
    people_b: int = 2400
    people_generator: int = 5000
    people_validation: int = 200
    people_calibration: int = 2000
    people_evaluation: int = 200
    photos_recogniser: int = 10
    photos_generator: int = 6
    photos_calibration: int = 4
    photos_evaluation: int = 12
    conditions_evaluation: int = 300
    """Held-out conditions, one generation each."""
    recogniser_steps: int = 1400
    recogniser_batch: int = 96
    recogniser_rate: float = 2e-3
    restart_steps: int = 400
    """Steps of a recogniser after its rate has fallen to nothing: it rises to ``restart_rate`` and
    falls once more (warm restart, SGDR, arXiv 1608.03983)."""
    restart_rate: float = 4e-4
    autoencoder_steps: int = 1000
    autoencoder_batch: int = 32
    autoencoder_rate: float = 2e-3
    refine_steps: int = 900
    refine_batch: int = 16
    reader_steps: int = 900
    reader_batch: int = 256
    generator_steps: int = 4300
    generator_batch: int = 128
    generator_rate: float = 8e-4
    generator_channels: tuple[int, ...] = (32, 64, 96, 160)
    identity_loss_from: int = 900
    """Step from which decoded estimates of the clean picture are compared with it."""
    bootstrap: int = 1000
    """Person-bootstrap resamples behind each calibrated interval."""

    def books(self) -> dict[str, tuple[range, int]]:
        """Return each photobook's people and photos per person."""
        return {
            "recogniser-a": (people.TRAIN_A_PEOPLE[: self.people_a], self.photos_recogniser),
            "validation": (
                people.VALIDATION_PEOPLE[: self.people_validation],
                self.photos_generator,
            ),
            "generator": (
                people.TRAIN_GENERATOR_PEOPLE[: self.people_generator],
                self.photos_generator,
            ),
            "recogniser-b": (people.TRAIN_B_PEOPLE[: self.people_b], self.photos_recogniser),
            "calibration": (
                people.CALIBRATION_PEOPLE[: self.people_calibration],
                self.photos_calibration,
            ),
        }

    def to_dict(self) -> dict[str, object]:
        """Return the plan as plain values, for the manifest."""
        return asdict(self)


SHIPPED = Plan()

TINY = Plan(
    people_a=12, people_b=12, people_generator=12, people_validation=4, people_calibration=8,
    people_evaluation=4, conditions_evaluation=4,
    photos_recogniser=3, photos_generator=2, photos_calibration=3, photos_evaluation=3,
    recogniser_steps=4, recogniser_batch=8, restart_steps=2,
    autoencoder_steps=3, autoencoder_batch=4, refine_steps=3, refine_batch=4,
    reader_steps=3, reader_batch=8, generator_steps=4, generator_batch=4, identity_loss_from=2,
    bootstrap=20,
)  # fmt: skip
