"""docs/verify_elsewhere.md: each tool takes the honest certificate and forgeries as it says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import govsdk
from govsdk.certify.bundles import parse_bundle
from govsdk.tlog.proofs import proof_text
from tests.interop.conftest import HERE, Handed
from tests.interop.forgeries import FORGERIES, HONEST, World
from tests.interop.pages import DOCS, blocks, require, run

PAGE = "verify_elsewhere.md"
BLOCKS = blocks(PAGE)
SECTIONS = ["openssl", "securesystemslib", "in-toto", "proofbundle"]
"""The tools that need nothing but Python and OpenSSL."""
FORGED = [name for name in FORGERIES if name != HONEST]


def table() -> dict[str, dict[str, str]]:
    """Return what the page says each tool makes of each forgery."""
    lines = re.findall(r"^\| (.+) \|$", (DOCS / PAGE).read_text(), re.MULTILINE)
    head, *rows = [line.split(" | ") for line in lines]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def accepted(section: str, folder: Path) -> str:
    """Return what the page's table should say: whether the section's commands end with 0."""
    unpack(folder)
    return "yes" if run(BLOCKS[section], folder).code == 0 else "no"


def unpack(folder: Path) -> None:
    if not (folder / "signed.bin").exists():
        require(BLOCKS["unpack"], folder)


@pytest.mark.parametrize("section", [*SECTIONS, "govsdk"])
def test_the_honest_certificate_is_accepted(section: str, handed: Handed) -> None:
    """Each section's commands end and print as the page says."""
    folder = handed(HONEST)
    unpack(folder)
    require(BLOCKS[section], folder)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("forgery", FORGED)
def test_forgeries_fare_as_the_table_says(section: str, forgery: str, handed: Handed) -> None:
    """What a tool must refuse it refuses; what it cannot notice the page admits."""
    assert accepted(section, handed(forgery)) == table()[forgery][section]


@pytest.mark.parametrize("forgery", FORGED)
def test_govsdk_refuses_every_forgery(forgery: str, handed: Handed) -> None:
    """Called in this process, to be quick: its command is run on the honest one above."""
    folder = handed(forgery)
    keys = {"key": folder / "signer.pub.pem", "log_key": folder / "log.vkey"}
    assert not govsdk.verify_certificate(folder / "certificate.sigstore.json", **keys).ok
    assert table()[forgery]["govsdk"] == "no"


def test_the_table_is_complete() -> None:
    """Every forgery has a row and every tool a column; each forgery is refused by some tool."""
    assert list(table()) == list(FORGERIES)
    for forgery, cells in table().items():
        assert set(cells) == {*SECTIONS, "sigstore", "govsdk"}
        assert ("no" in cells.values()) == (forgery != HONEST)


@pytest.mark.slow
def test_sigstore_from_npm(handed: Handed, node_modules: Path) -> None:
    """@sigstore/verify, told of our ledger, accepts and refuses as the table says."""
    for forgery, cells in table().items():
        folder = handed(forgery)
        (folder / "node_modules").symlink_to(node_modules)
        require(BLOCKS["trusted-root"], folder)
        if forgery == HONEST:
            require(BLOCKS["sigstore"], folder)
        assert accepted("sigstore", folder) == cells["sigstore"], forgery


@pytest.mark.slow
def test_the_demo_s_certificate(demonstrated: Path, node_modules: Path) -> None:
    """Every command of the page, in its order, on the certificate that `govsdk demo` left.

    It was issued by the whole workflow, so it says more than the one that is made for the tests
    above. ``.ci/run`` runs the demo before the tests; without one, that other certificate is taken.
    """
    (demonstrated / "node_modules").symlink_to(node_modules)
    for block in BLOCKS.values():
        require(block, demonstrated)


def test_the_versions_shown_are_those_tested() -> None:
    """What the page installs is what package.json and the extra ``dev`` install."""
    page = (DOCS / PAGE).read_text()
    package = json.loads((HERE / "package.json").read_text())
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    from_npm = re.findall(r"(@sigstore/[\w-]+)@([\d.]+)", page)
    from_pypi = re.findall(r"[\w-]+(?:\[\w+\])?==[\d.]+", page)

    assert dict(from_npm) == package["dependencies"]
    assert len(from_pypi) == 3
    assert set(from_pypi) <= set(project["optional-dependencies"]["dev"])


def test_the_rewritten_proof_is_the_one_we_export(world: World, handed: Handed) -> None:
    """The page's own few lines and ``tlog.proofs`` make the same file."""
    folder = handed(HONEST)
    unpack(folder)
    require(BLOCKS["proofbundle"], folder)
    assert (folder / "certificate.tlog-proof").read_text() == proof_text(world.position)
    assert (folder / "leaf.json").read_bytes() == parse_bundle(world.honest).leaf
