"""The page on log events lists what the code logs."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator

from tests.docs.test_pages import ROOT

PAGE = ROOT / "docs" / "events.md"
Events = dict[str, set[str]]


def logged(source: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each event that ``source`` logs, with its fields."""
    for call in ast.walk(ast.parse(source)):
        match call:
            case ast.Call(
                func=ast.Attribute(value=logger),
                args=[ast.Constant(value=str(name)), *_],
                keywords=keywords,
            ) if name.startswith("govsdk.") and ast.unparse(logger).split(".")[-1] == "log":
                # A request's own logger (`self.log`, `run.log`) is bound to its name.
                bound = {"request"} if isinstance(logger, ast.Attribute) else set()
                yield name, bound | {keyword.arg or "**" for keyword in keywords}


def events_of_the_code() -> Events:
    found: Events = {}
    for file in sorted((ROOT / "govsdk").rglob("*.py")):
        for name, fields in logged(file.read_text()):
            found[name] = found.get(name, set()) | fields
    return found


def events_of_the_page() -> Events:
    rows = re.findall(r"^\| `(govsdk\.[^`]+)` \|[^|]+\|([^|]+)\|$", PAGE.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`([a-z_]+)`", fields)) for name, fields in rows}


def test_the_page_lists_every_event_with_its_fields() -> None:
    """And none that there is not."""
    assert events_of_the_page() == events_of_the_code()
    assert len(events_of_the_page()) >= 17


def test_an_event_that_the_page_lacks_would_be_noticed() -> None:
    """The control for the test above: events are found in code, bound and unbound."""
    source = 'log.info("govsdk.a", x=1)\nrun.log.info("govsdk.b")\nother("govsdk.c")'
    assert dict(logged(source)) == {"govsdk.a": {"x"}, "govsdk.b": {"request"}}


def test_the_lines_come_as_the_page_says() -> None:
    """Nothing before its snippet was run, afterwards one JSON document a line."""
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    event = "from govsdk.govern.events import log; log.info('govsdk.x', photos=1)\n"
    said = subprocess.run(
        [sys.executable, "-c", event + snippet + event],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stderr
    (line,) = said.splitlines()
    assert json.loads(line).keys() == {"event", "level", "timestamp", "photos"}
