"""What the workflow calls: the baseline before an edit, and the verification after it.

- The judge sees models only through what they draw, and photos only through sealed folds.
- Conditions and seeds follow from the note, which was signed after the model was fixed.
- Whatever cannot be measured makes the verdict INCONCLUSIVE, never FORGOTTEN.
- Only counts, limits and digests leave this module; embeddings stay in memory and in the stores.

Source: design.md, sections 1 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from govsdk.canonical import sha256_hex
from govsdk.errors import RequestError
from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.records import (
    Claim,
    Control,
    Embedder,
    Float32,
    Progress,
    Recogniser,
    Record,
    Screen,
    Templates,
    Verdict,
    Verification,
    silent,
)
from govsdk.verify.conditions import draw_conditions
from govsdk.verify.harness import harness_digest
from govsdk.verify.judge import Question, conclude, control, judge_loss, judge_mean, judge_rate
from govsdk.verify.panel import Panel, choose_panel, nearest_people
from govsdk.verify.screen import screen_earlier
from govsdk.verify.seeds import picture_seeds, stream
from govsdk.verify.statistics import mean_loss
from govsdk.verify.thresholds import CONDITIONING, Thresholds, thresholds_for, why_not_judged
from govsdk.verify.trials import Memory, Model, Scores, Store, run_trials


class Baseline(Record):
    """What the unedited model draws, and whether an edit makes sense."""

    version: Literal[1] = 1
    verdict: Verdict | None
    """None: edit and verify. Otherwise the request ends here, before any edit."""
    reason: str | None = None
    """Why it ends here."""
    controls: tuple[Control, ...] = ()
    excluded_directions: int = 0


@dataclass(frozen=True, eq=False)
class Judges:
    """The recognisers that judge, each with its calibration record."""

    embedders: Mapping[Recogniser, Embedder]
    calibrations: Mapping[Recogniser, CalibrationRecord]
