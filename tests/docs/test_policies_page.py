"""The page for privacy officers explains every key of a policy and every line of a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from govsdk.policy import schema
from govsdk.records import Claim, Control, Outcome

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()


def keys(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that a policy may hold, from all its sections."""
    for section in (node, *node.get("$defs", {}).values()):
        yield from section.get("properties", {})


def explained(word: str) -> bool:
    """Return whether the page names ``word`` as a thing of a policy or verdict."""
    return any(f"{left}{word}" in PAGE for left in ("`", "`attempts.", "`evidence.", "### `"))


@pytest.mark.parametrize("key", sorted(set(keys(schema())) - {"version", "claims", "controls"}))
def test_every_key_is_explained(key: str) -> None:
    """A key that is added to the schema has to be explained."""
    assert explained(key)


@pytest.mark.parametrize("outcome", [str(each) for each in Outcome])
def test_every_outcome_is_explained(outcome: str) -> None:
    """What each one means and does not."""
    assert f"| `{outcome}` |" in PAGE


def test_every_claim_and_control_is_explained() -> None:
    """By the names that certificates use; the control of this test is a name that none uses."""
    claims = get_args(Claim.model_fields["name"].annotation)
    controls = get_args(Control.model_fields["name"].annotation)
    missing = {n for n in (*claims, *controls) if not explained(n.replace("-", "_"))}

    assert missing <= {"zero_edit", "zero-edit"}
    assert not explained("charisma")
