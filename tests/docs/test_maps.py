"""A package's map of its modules names each of them once, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.test_pages import ROOT

MAPPED = ("certify", "govern", "ledger", "models", "registry", "tlog", "unlearn", "verify")


def mapped(text: str) -> Counter[str]:
    """Return the modules and packages that lines of a map begin with."""
    return Counter(re.findall(r"^    +(\w+(?:\.py|/)) ", text, re.MULTILINE))


def there(package: Path) -> Counter[str]:
    """Return those that lie in the folder."""
    modules = [path.name for path in package.glob("*.py") if path.name != "__init__.py"]
    return Counter([*modules, *(f"{path.parent.name}/" for path in package.glob("*/__init__.py"))])


@pytest.mark.parametrize("name", MAPPED)
def test_a_map_is_complete(name: str) -> None:
    """As it stands; with one line more or less it would not be."""
    package = ROOT / "govsdk" / name
    text = (package / "__init__.py").read_text()
    assert mapped(text) == there(package)
    assert mapped(text + "    newcomer.py      what nobody wrote\n") != there(package)
