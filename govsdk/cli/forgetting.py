"""``plan``, ``forget``, ``requests``, ``abandon``: the main job, dry, for good, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from govsdk.certify.bundles import SUFFIX
from govsdk.cli.opening import KeysFolder, Subject, WorkspaceFolder, open_workspace
from govsdk.cli.outputs import made_folder
from govsdk.cli.plain import plain
from govsdk.cli.progress import bars
from govsdk.cli.stopwatch import Stopwatch, in_words
from govsdk.cli.streams import is_terminal
from govsdk.cli.tables import cell, fields, table
from govsdk.cli.verb import Answer, Verb, add_verbs, confirm
from govsdk.errors import VerdictError
from govsdk.govern.result import ForgetResult
from govsdk.records import Attack, Claim, Verdict

MEANING = {
    Verdict.FORGOTTEN: "edited, measured, published, erased, certified",
    Verdict.NOTHING_TO_FORGET: "the unedited model does not draw the person often enough: no edit; "
    "erased, and certified as erasure only",
    Verdict.NOT_FORGOTTEN: "a claim failed: nothing was published, the person is restricted",
    Verdict.INCONCLUSIVE: "a claim stayed open: nothing was published, the person is restricted",
}

OLD = "This request had ended before this call: here is its outcome, nothing was done anew."
RETRY = (
    "To try again, give another --request-id; `govsdk release` lifts the restriction first if "
    "photos are to be added."
)

PolicyName = Annotated[
    str, typer.Option("--policy", "-p", help="A shipped policy by name, or a policy file.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {
        "plan": plan,
        "forget": forget,
        "requests": requests,
        "abandon": abandon,
    }
    add_verbs(app, verbs, panel="Forgetting")


def plan(
    subject: Subject,
    policy: PolicyName = "standard",
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Show what `forget` would do; writes nothing.

    Exit code 3, as `forget` would end, where no verdict is possible: the first line says why.
    """
    planned = open_workspace(workspace, keys).plan_forget(subject, policy)
    data = planned.to_dict()
    if planned.why_no_verdict is None:
        return Answer(data, fields(data))
    view = Group(no_verdict(planned.why_no_verdict), Text(), fields(data))
    return Answer(data, view, VerdictError.exit_code)


def forget(
    subject: Subject,
    policy: PolicyName = "standard",
    request_id: Annotated[
        str | None,
        typer.Option(help="Your own id of the request; a retry with it never acts twice."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(help="Where the certificate and the one-time receipt go.", metavar="DIR"),
    ] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """Forget a person: edit the model, prove it, erase, certify. Safe to retry.

    Writes certificate-REQUEST.sigstore.json and, once, receipt-REQUEST.json into --out: the receipt
    belongs to the person and is kept nowhere else. REQUEST is how the ledger and the logs name the
    request. `timing`, under --json, has the seconds that each stage took in this call.
    """
    opened = open_workspace(workspace, keys)
    if not yes and is_terminal(sys.stdin):
        confirm("Forget this person for good?")
    with made_folder(out, "--out"), bars() as progress:
        watch = Stopwatch(progress)
        result = opened.forget(
            subject, policy, request_id=request_id, receipt_to=out, progress=watch
        )
        files, timing = save(result, out), watch.figures()
    data = {**result.to_dict(), "files": files, "timing": timing}
    view = Group(describe(result, files), fields({"time": in_words(timing)}))
    return Answer(data, view, 0 if result.ok else VerdictError.exit_code)


def requests(
    ended: Annotated[
        bool, typer.Option("--ended", help="List those that have ended, too.")
    ] = False,
    workspace: WorkspaceFolder = None,
    keys: KeysFolder = None,
) -> Answer:
    """List the requests that were begun and did not end: how far they are, whom they are about.

    The person is shown while they are enrolled; a request's own id is kept nowhere. `due` is a
    calendar month from when govsdk took the request; the law's month (GDPR, Art. 12(3)) began the
    day it reached you.
    """
    found = open_workspace(workspace, keys).requests(ended=ended)
    rows = [
        (
            each.request[:16],
            each.stage.value,
            each.policy,
            each.received_at,
            each.due_on,
            each.subject,
        )
        for each in found
    ]
    columns = ("request", "stage", "policy", "received", "due", "subject")
    return Answer(plain(found), table(columns, rows))


def abandon(subject: Subject, workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Give up a request that was begun and cannot end; nothing is published, and it is logged."""
    open_workspace(workspace, keys).abandon(subject)
    return Answer(
        {"subject": subject, "abandoned": True},
        "given up; the person, if still enrolled, is restricted",
    )


def no_verdict(reason: str) -> RenderableType:
    """Return what a dry run says of a request that would end before any edit."""
    return Group(
        Text(f"NO VERDICT IS POSSIBLE: {reason}", style=cell(Verdict.INCONCLUSIVE.value).style),
        Text("`forget` would end INCONCLUSIVE before any edit, and leave the person restricted."),
    )


def save(result: ForgetResult, folder: Path) -> dict[str, str]:
    """Write the certificate, if there is one; return its and the receipt's paths by kind."""
    files: dict[str, str] = {}
    if result.certificate is not None:
        name = f"certificate-{result.request[:16]}{SUFFIX}"
        files["certificate"] = str(result.certificate.save(folder / name))
    if result.receipt_path is not None:
        files["receipt"] = str(result.receipt_path)
    return files


def describe(result: ForgetResult, files: dict[str, str], *, retry: str = RETRY) -> RenderableType:
    """Return the result for people: verdict, claims, stages, files.

    Args:
        retry: How to try again, said of a request that had ended without success before.
    """
    parts: list[RenderableType] = [
        Text(result.headline, style=cell(result.verdict.value).style),
        Text(MEANING[result.verdict]),
        *([Text(f"{OLD} {'' if result.ok else retry}".rstrip())] if result.ended_before else []),
        Text(),
    ]
    if result.verifications:
        last = result.verifications[-1]
        parts += [claims(last.claims), Text()]
        if last.attacks:
            parts += [attacks(last.attacks), Text()]
    stages = {
        s.stage: "ok " + s.note if s.passed else "NOT PASSED " + s.note for s in result.stages
    }
    return Group(*parts, fields({**stages, **files}))


def claims(lines: Sequence[Claim]) -> RenderableType:
    """Return the claims of a verification as a table."""
    return table(
        ("claim", "of", "by", "bound", "measured", "lower", "upper", "trials", "outcome"),
        [
            (
                *(c.name, c.part, c.recogniser),
                *map(_rate, (c.bound, c.value, c.lower, c.upper)),
                *(c.trials, c.outcome.value),
            )
            for c in lines
        ],
    )


def attacks(lines: Sequence[Attack]) -> RenderableType:
    """Return the attacks of a verification as a table: runs that succeeded, of how many.

    A p below 0.05 fails a line; else it passes if ``upper`` is there and within ``bound``, and the
    counts before the edit, of both, show that the attack works.
    """
    return table(
        (
            *("attack", "by", "subject", "strangers", "both, before"),
            *("value", "upper", "bound", "p", "outcome"),
        ),
        [
            (
                a.name if a.photos is None else f"{a.name}, {a.photos} photos",
                a.recogniser,
                f"{a.events}/{a.runs}",
                f"{a.stranger_events}/{a.stranger_runs}",
                _before(a),
                _rate(a.value),
                "none" if a.upper is None else _rate(a.upper),
                "" if a.bound is None else _rate(a.bound),
                _rate(a.p_value),
                a.outcome.value if a.outcome else "reported",
            )
            for a in lines
        ],
    )


def _before(line: Attack) -> str:
    """Return what was found in the unedited model: the subject, and the strangers."""
    if not line.control_runs:
        return "not run"
    person = f"{line.control_events}/{line.control_runs}"
    return f"{person}, {line.control_stranger_events}/{line.control_stranger_runs}"


def _rate(text: str) -> str:
    return f"{float(text):.4f}"
