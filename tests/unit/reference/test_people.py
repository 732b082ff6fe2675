"""Nobody serves two purposes, and the renderer needs no torch."""

import subprocess
import sys
from itertools import combinations

from govsdk.reference.people import RANGES
from govsdk.reference.plan import SHIPPED, TINY


def test_no_person_serves_two_purposes():
    """The ranges are pairwise disjoint."""
    for first, second in combinations(RANGES.values(), 2):
        assert not set(first) & set(second)


def test_plans_stay_within_the_ranges():
    """A plan takes its people from the range of the same name, and as many as it says."""
    for plan in (SHIPPED, TINY):
        for name, (people, photos) in plan.books().items():
            assert set(people) <= set(RANGES[name])
            assert photos >= 1
    assert len(SHIPPED.books()["calibration"][0]) >= 2000


def test_drawing_people_loads_no_torch():
    """`govsdk demo` draws its pictures before any heavy library is needed."""
    code = (
        "import sys; import govsdk.reference.renderer, govsdk.reference.world, "
        "govsdk.reference.people; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
