"""The main job as a platform engineer's script calls it: exit codes, JSON, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Called, Govsdk, govsdk
from tests.workflow import world

__all__ = ["govsdk"]

Forget = Callable[..., Called]


@pytest.fixture
def forget(govsdk: Govsdk, place: Path) -> Forget:
    """``govsdk forget`` for the subject of a fresh workspace, answered as JSON."""

    def call(*options: object) -> Called:
        opened = ("--workspace", place / "workspace", "--keys", place / "secrets")
        return govsdk("forget", world.SUBJECT, *options, *opened, "--yes", "--json")

    return call


def test_success_leaves_certificate_and_receipt_and_exits_with_0(
    forget: Forget, govsdk: Govsdk, place: Path, tmp_path: Path
) -> None:
    """The files pass the offline checks as they lie there; a retry says the same."""
    done = forget("--policy", world.POLICY, "--request-id", "r-1", "--out", tmp_path / "evidence")
    assert (done.code, done.json["ok"], done.json["verdict"]) == (0, True, "FORGOTTEN")
    timing = done.json["timing"]
    assert timing["edit"] > 0
    assert timing["total"] >= timing["edit"] + timing["baseline"]
    files = done.json["files"]
    public = place / "workspace" / "keys"
    verified = govsdk(
        "verify", files["certificate"], "--receipt", files["receipt"],
        "--key", public / "signer.pub.pem", "--log-key", public / "log.vkey", "--json",
    )  # fmt: skip
    assert (verified.code, verified.json["ok"]) == (0, True)

    again = forget("--policy", world.POLICY, "--request-id", "r-1", "--out", tmp_path / "again")
    assert (again.code, again.json["request"]) == (0, done.json["request"])
    assert again.json["timing"].keys() == {"total"}
    assert world.SUBJECT not in done.err


def test_a_plan_without_a_possible_verdict_says_so_first(govsdk: Govsdk, place: Path) -> None:
    """With the exit code that `forget` would end with; a plan that may lead to one exits with 0."""
    opened = ("--workspace", place / "workspace", "--keys", place / "secrets")

    hopeless = govsdk("plan", world.SUBJECT, "--policy", "strict", *opened)
    assert hopeless.code == 3
    assert hopeless.out.startswith("NO VERDICT IS POSSIBLE: too few people are enrolled")
    possible = govsdk("plan", world.SUBJECT, "--policy", world.POLICY, *opened)
    assert possible.code == 0
    assert "NO VERDICT" not in possible.out


def test_a_failed_verdict_exits_with_3_and_says_what_failed(forget: Forget, tmp_path: Path) -> None:
    """No certificate, no receipt; the claims are in the answer."""
    policy = yaml.safe_load(world.POLICY.read_text())
    policy["unlearning"]["overrides"]["steps"] = 0
    policy["claims"]["forget"]["trials"] = 32  # of eight, a line may stay open by chance
    (tmp_path / "unedited.yaml").write_text(yaml.safe_dump(policy))

    failed = forget("--policy", tmp_path / "unedited.yaml", "--out", tmp_path / "evidence")

    assert (failed.code, failed.json["verdict"]) == (3, "NOT_FORGOTTEN")
    assert failed.json["files"] == {}
    claims = failed.json["verifications"][-1]["claims"]
    assert {"FAIL"} == {claim["outcome"] for claim in claims if claim["name"] == "forget"}
