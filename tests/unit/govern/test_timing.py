"""Progress carries the seconds of its stage."""

from govsdk.govern.timing import Timed


def test_each_stage_is_timed_from_its_first_report():
    """Seconds of the stage so far, and per picture that was drawn, not found in a store."""
    now, seen = iter([10.0, 10.0, 14.0, 20.0, 20.0]), []
    timed = Timed(lambda *report: seen.append(report), clock=lambda: next(now))
    timed("forget", 60, 100)
    timed("forget", 100, 100, "A")
    timed("screen", 0, 10)

    assert seen == [
        ("forget", 60, 100, "0.0 s"),
        ("forget", 100, 100, "A, 4.0 s, 0.100 s each"),
        ("screen", 0, 10, "0.0 s"),
    ]
