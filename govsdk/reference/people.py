"""Which invented people serve for what: disjoint ranges of seeds, named here and nowhere else.

- No seed lies in two ranges, except that the generator may also learn from recogniser A's people.
- Recogniser B, calibration, evaluation and demo people are seen by nothing else that is trained.
- 100,000 seeds apart: every range can grow without meeting the next.
"""

from __future__ import annotations

TRAIN_A_PEOPLE = range(100_000, 103_000)
"""Recogniser A learns from these."""

TRAIN_B_PEOPLE = range(200_000, 203_000)
"""Recogniser B learns from these, and the autoencoder and the generator never do."""

TRAIN_GENERATOR_PEOPLE = range(300_000, 310_000)
"""The autoencoder and the generator learn from these."""

VALIDATION_PEOPLE = range(400_000, 400_400)
"""To look at while training goes on; no figure of the model card uses them."""

CALIBRATION_PEOPLE = range(500_000, 502_500)
"""Thresholds come from these."""

EVALUATION_PEOPLE = range(600_000, 601_000)
"""Every figure of the model card comes from these."""

DEMO_PEOPLE = range(700_000, 701_000)
"""Who `govsdk demo`, the tests and the documentation draw."""

RANGES: dict[str, range] = {
    "recogniser-a": TRAIN_A_PEOPLE,
    "recogniser-b": TRAIN_B_PEOPLE,
    "generator": TRAIN_GENERATOR_PEOPLE,
    "validation": VALIDATION_PEOPLE,
    "calibration": CALIBRATION_PEOPLE,
    "evaluation": EVALUATION_PEOPLE,
    "demo": DEMO_PEOPLE,
}
