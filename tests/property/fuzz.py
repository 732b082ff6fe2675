"""What coverage-guided fuzzing finds in one parser: ``python -m tests.property.fuzz NAME SECONDS``.

Starts from a good input and keeps whatever reaches new code. Any error but ours ends it, with the
input printed. Needs ``atheris``, which the extra ``dev`` brings where there is a wheel of it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import atheris

with atheris.instrument_imports(include=["govsdk"]):
    from govsdk.errors import GovsdkError
    from tests.property.test_evidence_parsers import PARSERS, samples


def main(name: str, seconds: str) -> None:
    """Feed the parser ``name`` for so many seconds."""
    corpus = Path(mkdtemp())
    (corpus / "good").write_bytes(samples()[name])

    def once(data: bytes) -> None:
        with suppress(GovsdkError):
            PARSERS[name](data)

    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
