"""``policy lint|show|diff|schema``: what "forgotten" has to mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from govsdk.cli.plain import plain
from govsdk.cli.tables import document, table
from govsdk.cli.verb import Answer, Verb, add_group
from govsdk.errors import PolicyError

if TYPE_CHECKING:
    from govsdk.policy import Finding, Policy

Name = Annotated[
    str,
    typer.Argument(
        help="A shipped policy by name, or a file.", metavar="POLICY", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    verbs: dict[str, Verb] = {"lint": lint, "show": show, "diff": diff, "schema": schema}
    purpose = "Read, check and compare policies."
    add_group(app, "policy", verbs, purpose=purpose, panel="Policies and models")


def lint(policy: Name) -> Answer:
    """Check a policy: is it valid, can it be met, and how likely is a good model to meet it?"""
    from govsdk.policy import Policy
    from govsdk.policy import lint as examine
    from govsdk.policy.read import lines_of, locate

    loaded = Policy.load(policy)
    line_of = lines_of(locate(policy))
    findings = [*examine(loaded), *_unlearning(loaded)]
    valid = all(finding.level != "error" for finding in findings)
    data = {
        "policy": loaded.name,
        "valid": valid,
        "findings": [{"line": line_of(f.setting), **asdict(f)} for f in findings],
    }
    rows = [(f.level, line_of(f.setting), f.setting, f.message) for f in findings]
    view = table(("", "line", "setting", "finding"), rows)
    return Answer(data, view, 0 if valid else PolicyError.exit_code)


def _unlearning(policy: Policy) -> Iterator[Finding]:
    """Yield what the editor does not know; the policy itself takes any name."""
    from govsdk.govern.editing import require_editable
    from govsdk.policy import Finding

    try:
        require_editable(policy)
    except PolicyError as error:
        setting = str(error.facts["setting"])
        yield Finding("error", setting, error.detail.removeprefix(f"{setting}: "))


def show(policy: Name) -> Answer:
    """Print a policy as a file, with every default filled in, and its digest."""
    from govsdk.policy import Policy

    loaded = Policy.load(policy)
    return Answer(
        {"digest": loaded.digest, "policy": loaded.public()},
        f"# digest {loaded.digest}\n{loaded.text()}",
    )


def diff(before: Name, after: Name) -> Answer:
    """List the settings in which two policies differ."""
    from govsdk.policy import Policy
    from govsdk.policy import diff as compare

    changes = compare(Policy.load(before), Policy.load(after))
    rows = [(c.setting, c.before, c.after) for c in changes]
    return Answer(plain(changes), table(("setting", before, after), rows))


def schema() -> Answer:
    """Print the JSON schema of a policy file."""
    from govsdk.policy import schema as describe

    found = describe()
    return Answer(found, document(found))
