"""Strict reading: what is taken back is what can be written."""

from __future__ import annotations

import pytest

from govsdk.canonical import canonical_bytes, parse_json
from govsdk.errors import MalformedEvidenceError


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e999", '{"a":1,"a":1}', "[" * 100_000])
def test_what_cannot_be_written_is_not_read(text: str) -> None:
    """Not-a-number and infinity in any spelling, a name twice, endless nesting."""
    assert canonical_bytes(parse_json(b'{"a":1e308}', what="it")) == b'{"a":1e+308}'
    with pytest.raises(MalformedEvidenceError):
        parse_json(text.encode(), what="it")
