"""Write every vector as JSON beside this file: ``python -m tests.vectors.build``.

Nothing here is random, so building again changes no byte. What cannot be made twice, the answers of
a timestamp authority, is kept in ``stamps``.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.vectors import beside, certificates, logs
from tests.vectors.form import Vector
from tests.vectors.world import LOG, SIGNER

FOLDER = Path(__file__).parent
PINNED = "pinned.json"


def built() -> dict[str, str]:
    """Return every file by its name."""
    found = [*certificates.vectors(), *beside.vectors(), *logs.vectors()]
    pinned = {"key": SIGNER.public_pem.decode(), "logKey": LOG.vkey}
    names = [each.name for each in found]
    assert len(names) == len(set(names)), "two vectors of one name"
    return {PINNED: json.dumps(pinned, indent=1) + "\n", **dict(map(_file, found))}


def main() -> None:
    """Write what is new, remove what is no longer built."""
    files = built()
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text)


def _file(vector: Vector) -> tuple[str, str]:
    return f"{vector.name}.json", vector.to_json()


if __name__ == "__main__":
    main()
