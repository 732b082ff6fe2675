"""The demo's cast: invented people with invented names, and their picture files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from govsdk.ports import Progress
from govsdk.reference.people import DEMO_PEOPLE

# 18 and 7 share no factor, so walking both lists together meets every pair once: 126 names.
_FIRST = (
    *("Ada", "Bo", "Cleo", "Dara", "Eden", "Finn", "Gray", "Hana", "Indra"),
    *("Jules", "Kit", "Lior", "Mika", "Noor", "Ode", "Pax", "Quinn", "Remi"),
)
_LAST = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Rowan", "Willow")

FORGETTABLE = 3
"""How many people have photos enough to be forgotten, one per run with ``--again``."""
MANY, FEW = 24, 6
"""Photos of people who can be forgotten, and of everybody else."""


@dataclass(frozen=True)
class Extra:
    """Somebody in the demo."""

    seed: int
    name: str
    photos: int

    @property
    def subject(self) -> str:
        """The id under which they are enrolled, and the name of their folder."""
        return self.name.lower().replace(" ", "-")

    def files(self, photos: Path) -> list[Path]:
        """Return their picture files below the folder ``photos``."""
        return [photos / self.subject / f"{number:02d}.png" for number in range(self.photos)]


def cast() -> list[Extra]:
    """Return everybody, those who can be forgotten first."""
    count = len(_FIRST) * len(_LAST)
    names = [f"{_FIRST[i % len(_FIRST)]} {_LAST[i % len(_LAST)]}" for i in range(count)]
    return [
        Extra(seed, name, MANY if place < FORGETTABLE else FEW)
        for place, (seed, name) in enumerate(zip(DEMO_PEOPLE, names, strict=False))
    ]


def draw_photos(people: list[Extra], folder: Path, progress: Progress) -> int:
    """Draw every picture file that is not there yet; return how many there are in all."""
    from govsdk.reference.renderer import person, photo
    from govsdk.report.pillow import write_png

    wanted = list(_shots(people, folder))
    for done, (extra, number, path) in enumerate(wanted):
        if not path.exists():
            write_png(path, photo(person(extra.seed), number))
        progress("draw photos", done + 1, len(wanted), extra.name)
    return len(wanted)


def _shots(people: list[Extra], folder: Path) -> Iterator[tuple[Extra, int, Path]]:
    for extra in people:
        for number, path in enumerate(extra.files(folder)):
            yield extra, number, path
