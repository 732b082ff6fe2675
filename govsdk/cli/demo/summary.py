"""What the demo says at its end: as ``summary.json``, and as a panel for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from govsdk.cli.demo.checking import Checked
from govsdk.cli.demo.pictures import Stars
from govsdk.cli.forgetting import claims
from govsdk.cli.stopwatch import in_words
from govsdk.cli.tables import fields
from govsdk.records import Verification

if TYPE_CHECKING:
    from govsdk.govern.result import ForgetResult


def summarise(
    result: ForgetResult,
    *,
    stars: Stars,
    people: int,
    photos: int,
    checked: Checked,
    tampered: Checked,
    seconds: Mapping[str, float],
    out: Path,
) -> dict[str, Any]:
    """Return everything worth keeping of one run, as JSON values."""
    return {
        "version": 1,
        "headline": result.headline,
        "person": stars.forgotten.name,
        "drawnInstead": stars.anchor.name,
        "people": people,
        "photos": photos,
        "seconds": dict(seconds),
        "check": {"command": checked.command, "exitCode": checked.exit_code, **checked.report},
        "tamperedCheck": {"exitCode": tampered.exit_code},
        "files": sorted({path.name for path in out.iterdir()} | {"summary.json"}),
        "folder": str(out),
        "result": dict(result.to_dict()),
        "note": "Everybody here is invented. The passphrases in keys/ are for this demo only.",
    }


def view(data: Mapping[str, Any], folder: Path) -> RenderableType:
    """Return the summary for people."""
    last = Verification.model_validate(data["result"]["verifications"][-1])
    held = data["check"]["exitCode"] == 0 != data["tamperedCheck"]["exitCode"]
    colour = "green" if held else "red"
    return Panel(
        Group(
            Text(f"{data['person']}: {data['headline']}", style=f"bold {colour}"),
            Text(_drawn(data, last)),
            Text(),
            claims(last.claims),
            Text(),
            fields(
                {
                    "Checked offline": _checked(data),
                    "Erased": _erased(data),
                    **_earlier(last),
                    "Time": in_words(data["seconds"]),
                    "Look at": f"{data['folder']}/before_after.png",
                    "Files": f"{data['folder']}: {', '.join(data['files'])}",
                    "Again": f"govsdk demo --workspace {folder} --again",
                }
            ),
            Text(),
            Text(data["check"]["command"], style="dim"),
            Text(data["note"], style="dim"),
        ),
        title="govsdk demo",
        border_style=colour,
        padding=(1, 2),
    )


def _drawn(data: Mapping[str, Any], last: Verification) -> str:
    before = {c.recogniser: c for c in last.controls if c.name == "baseline"}
    after = {c.recogniser: c for c in last.claims if c.name == "forget" and c.part != "photos"}
    seen = "; ".join(
        f"by {name} in {before[name].events} of {before[name].trials} drawings before, "
        f"in {after[name].events} of {after[name].trials} after"
        for name in sorted(before.keys() & after.keys(), key=str)
    )
    return f"Recognised {seen}.\nDrawn instead: {data['drawnInstead']}."


def _checked(data: Mapping[str, Any]) -> str:
    check, twin = data["check"], data["tamperedCheck"]["exitCode"]
    passed = sum(each["status"] == "PASS" for each in check.get("checks", ()))
    said = f"{passed} checks passed" if check["exitCode"] == 0 else "REFUSED"
    said_of_twin = "refused" if twin else "ACCEPTED"
    return (
        f"{said} (exit code {check['exitCode']}); a copy with one bit flipped was {said_of_twin} "
        f"(exit code {twin})"
    )


def _erased(data: Mapping[str, Any]) -> str:
    erasure = data["result"]["erasure"]
    scan = erasure["scan"]
    return (
        f"keys {erasure['keysDestroyed']}, templates {erasure['templates']}, "
        f"photos {erasure['photos']}; byte scan: {scan['hitsBefore']} hits before, "
        f"{scan['hitsAfter']} after, in {scan['files']} files"
    )


def _earlier(last: Verification) -> dict[str, str]:
    if last.screen is None or not last.screen.subjects:
        return {}
    screen = last.screen
    return {
        "Forgotten earlier": f"{screen.hits} hits in {screen.subjects * screen.probes_each} "
        f"drawings of {screen.subjects} screened"
    }
