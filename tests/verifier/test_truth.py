"""Verdict against truth: 3,000 fresh pictures of a subject whom the judge saw in a few dozen.

Half of them come from D, half from photos taken for this alone: 1,500 that nobody has seen. The
judge judges each half under each recogniser, and so does this: the worst of the four decides.
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
BOUND = world.POLICY.claims.forget.bound


def limits(crowd: Crowd, drawer: Drawer, name: str) -> tuple[float, float]:
    """Return 99.9 % limits of the true leak rate where it is largest: part and recogniser."""
    each = FRESH // 2
    hits = crowd.leaks_by_part(drawer, FRESH, seed=9)
    worst = max(count for part in hits.values() for count in part.values())
    lower, upper = rate_lower(worst, each, 0.001), rate_upper(worst, each, 0.001)
    # The figures of docs/what_it_proves.md.
    print(f"{name}: {hits} of {each} each; the worst {lower:.4f} to {upper:.4f}")  # noqa: T201  docs' figures
    return lower, upper


def test_the_truth_agrees_with_an_accepted_edit(crowd: Crowd, before: Model, after: Model) -> None:
    """FORGOTTEN by PIU, the one method there is; every part's true rate lies below the bound."""
    assert methods.names() == ("piu",)
    assert crowd.verify(after, before).verdict is Verdict.FORGOTTEN
    assert limits(crowd, after.drawer, "good edit")[1] < BOUND


def test_the_truth_agrees_with_a_refused_edit(
    crowd: Crowd, before: Model, edited: Path, tmp_path: Path
) -> None:
    """Refused; some part's true rate lies beyond the bound, though not far."""
    leaky = world.model(world.between(edited, world.LEAKY, tmp_path / "leaky"))

    assert crowd.verify(leaky, before).verdict is not Verdict.FORGOTTEN
    lower, upper = limits(crowd, leaky.drawer, "leaky edit")
    assert lower > BOUND
    assert upper < 0.5
