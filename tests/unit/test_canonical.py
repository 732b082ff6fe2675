"""Strict reading: what is taken back is what can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.canonical import canonical_bytes, parse_json, source_digest
from govsdk.errors import MalformedEvidenceError


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "-Infinity",
        "1e999",
        '{"a":1,"a":1}',
        "[" * 100_000,
        r'["\ud800"]',
        r'{"a":{"\ude00\ud83d":1}}',
    ],
)
def test_what_cannot_be_written_is_not_read(text: str) -> None:
    """Not-a-number and infinity in any spelling, a name twice, endless nesting, half characters."""
    assert canonical_bytes(parse_json(b'{"a":1e308}', what="it")) == b'{"a":1e+308}'
    assert parse_json(rb'["\ud83d\ude00"]', what="it") == ["\N{GRINNING FACE}"]
    with pytest.raises(MalformedEvidenceError):
        parse_json(text.encode(), what="it")


def test_a_source_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    """A changed byte, a renamed file and a new one are other code; files beside it are not."""
    for name in ("judge/a.py", "judge/deep/b.py", "beside/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    found = [source_digest(tmp_path, "judge")]
    (tmp_path / "beside" / "c.py").write_text("x = 2")
    (tmp_path / "judge" / "notes.txt").write_text("not code")
    assert source_digest(tmp_path, "judge") == found[0]

    (tmp_path / "judge" / "a.py").write_text("x = 2")
    found.append(source_digest(tmp_path, "judge"))
    (tmp_path / "judge" / "a.py").rename(tmp_path / "judge" / "z.py")
    found.append(source_digest(tmp_path, "judge"))
    (tmp_path / "judge" / "new.py").write_text("")
    found.append(source_digest(tmp_path, "judge"))
    found.append(source_digest(tmp_path, "judge", "beside/c.py"))

    assert len(set(found)) == 5
