"""A ledger of two entries whose keys need no files, and what must hold after any fault."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from govsdk.errors import GovsdkError
from govsdk.ledger import Ledger
from tests.vectors.world import LOG, SIGNER, entry

KEYS = SimpleNamespace(certificate=SIGNER, log=LOG)
ENTRIES = [entry(f"e{number}") for number in range(4)]


def made(folder: Path, entries: int = 2) -> Ledger:
    """Return a new ledger of the first ``entries`` entries."""
    ledger = Ledger.create(folder, keys=KEYS)
    for number in range(entries):
        ledger.append(ENTRIES[number], once=f"e{number}")
    return ledger


def opened(folder: Path) -> Ledger:
    return Ledger.open(folder, keys=KEYS)


@dataclass
class Tally:
    """What became of so many attempts; shown by ``pytest -rP``."""

    what: str
    reported: int = 0
    harmless: int = 0

    @property
    def tried(self) -> int:
        return self.reported + self.harmless

    @property
    def row(self) -> str:
        """The row of a table in docs/threat_model.md."""
        return f"| {self.what} | {self.tried} | {self.reported} | {self.harmless} |"

    def show(self) -> None:
        sys.stdout.write(f"{self.row}\n")


def reported(folder: Path, size: int) -> bool:
    """Return whether damage is reported; else all must read back byte for byte.

    Raises:
        AssertionError: It is neither: the ledger is wrong, and says nothing.
    """
    try:
        ledger = opened(folder)
        report = ledger.audit()
        if not report.ok:
            return True
        found = [ledger.find(f"e{number}") for number in range(size)]
    except GovsdkError:
        return True
    assert ledger.size == size
    assert [each and each[0] for each in found] == ENTRIES[:size]
    return False
