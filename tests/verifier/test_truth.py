"""Verdict against truth: 3,000 fresh pictures of a subject whom the judge saw in a few dozen.

Half of them come from D, half from photos taken for this alone: 1,500 that nobody has seen.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.policy.limits import rate_lower, rate_upper
from govsdk.ports import Drawer
from govsdk.records import Verdict
from govsdk.unlearn import methods
from govsdk.verify import Model
from tests.verifier import world
from tests.verifier.world import Crowd

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

FRESH = 3000
LEAKY = 0.56
"""How far the refused edit goes from the shipped weights to the good ones."""
BOUND = world.POLICY.claims.forget.bound


def limits(crowd: Crowd, drawer: Drawer, name: str) -> tuple[float, float]:
    """Return 99.9 % limits of the true leak rate under the recogniser that sees more leaks."""
    hits = crowd.leaks(drawer, FRESH, seed=9)
    print(f"{name}: {hits} of {FRESH}")  # noqa: T201  the figures of docs/what_it_proves.md
    worst = max(hits.values())
    return rate_lower(worst, FRESH, 0.001), rate_upper(worst, FRESH, 0.001)


def test_the_truth_agrees_with_an_accepted_edit(crowd: Crowd, before: Model, after: Model) -> None:
    """FORGOTTEN by PIU, the one method there is; the true rate lies below the bound."""
    assert methods.names() == ("piu",)
    assert crowd.verify(after, before).verdict is Verdict.FORGOTTEN
    assert limits(crowd, after.drawer, "good edit")[1] < BOUND


def test_the_truth_agrees_with_a_refused_edit(
    crowd: Crowd, before: Model, edited: Path, tmp_path: Path
) -> None:
    """Refused; the true rate lies beyond the bound, though not far."""
    leaky = world.model(world.between(edited, LEAKY, tmp_path / "leaky"))

    assert crowd.verify(leaky, before).verdict is not Verdict.FORGOTTEN
    lower, upper = limits(crowd, leaky.drawer, "leaky edit")
    assert lower > BOUND
    assert upper < 0.5
