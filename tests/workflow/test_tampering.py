"""Whatever byte is changed afterwards, somebody notices; untouched, everything passes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from govsdk import Workspace
from govsdk.errors import GovsdkError
from govsdk.ledger import audit, export
from tests.workflow import world
from tests.workflow.test_forget import accepted, handed_over

SAMPLED = 60
"""Positions tried in a long file; the slow test tries every byte."""


def flips(data: bytes, positions: range | list[int]) -> Iterator[bytes]:
    for position in positions:
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        yield bytes(changed)


def test_flipped_bytes_of_the_certificate_fail(forgotten: Path) -> None:
    """A sample of positions all over the file."""
    untouched = handed_over(forgotten)
    data = untouched.pop("certificate")
    positions = sorted(random.Random(1).sample(range(len(data)), SAMPLED))

    assert accepted(data, **untouched)
    assert not any(accepted(each, **untouched) for each in flips(data, positions))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_flipped_byte_of_the_certificate_fails(forgotten: Path) -> None:
    """Each byte, one bit each."""
    untouched = handed_over(forgotten)
    data = untouched.pop("certificate")

    assert accepted(data, **untouched)
    assert not any(accepted(each, **untouched) for each in flips(data, range(len(data))))


def test_a_flipped_byte_in_each_file_of_the_published_model_fails(
    forgotten: Path, tmp_path: Path
) -> None:
    """The first, the middle and the last byte of every file.

    Three will do: the manifest has a SHA-256 of each file as a whole, so what is to be shown is
    that no file, and neither end of one, is left out.
    """
    model = tmp_path / "model"
    evidence = handed_over(forgotten)
    shutil.copytree(evidence["model"], model)
    evidence["model"] = model
    assert accepted(**evidence)

    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for changed in flips(data, sorted({0, len(data) // 2, len(data) - 1})):
            path.write_bytes(changed)
            assert not accepted(**evidence), path.name
        path.write_bytes(data)
    assert accepted(**evidence)


def test_flipped_bytes_of_the_exported_ledger_fail(forgotten: Path, tmp_path: Path) -> None:
    """A sample of positions in every file of the export."""
    workspace = world.open_workspace(forgotten)
    target = tmp_path / "export"
    export(workspace.ledger.log_folder, target, log_vkey=workspace.log_vkey)
    assert passes(workspace, target)

    for path in sorted(path for path in target.rglob("*") if path.is_file()):
        data = path.read_bytes()
        chosen = sorted(random.Random(2).sample(range(len(data)), min(len(data), 12)))
        for changed in flips(data, chosen):
            path.write_bytes(changed)
            assert not passes(workspace, target), path.name
        path.write_bytes(data)
    assert passes(workspace, target)


def passes(workspace: Workspace, target: Path) -> bool:
    try:
        return audit(target, key_pem=workspace.signer_pem, log_vkey=workspace.log_vkey).ok
    except GovsdkError:
        return False
