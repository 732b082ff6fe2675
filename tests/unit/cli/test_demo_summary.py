"""What the demo says of its own check."""

from __future__ import annotations

import re

import pytest

from govsdk.cli.demo.summary import _checked


@pytest.mark.parametrize(
    ("check", "twin", "said"),
    [
        ({"exitCode": 0, "checks": [{"status": "PASS"}]}, 5, "1 checks passed .* was refused"),
        ({"exitCode": 5, "error": {}}, 5, "REFUSED .* was refused"),
        ({"exitCode": 0, "checks": []}, 0, "0 checks passed .* was ACCEPTED"),
    ],
)
def test_the_check_is_told_as_it_ended(check: dict[str, object], twin: int, said: str) -> None:
    """A certificate that was refused, or a damaged copy that was not, is no success."""
    data = {"check": check, "tamperedCheck": {"exitCode": twin}}

    assert re.match(said, _checked(data))
