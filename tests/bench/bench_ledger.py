"""What do durability and proof cost, beside a bare DuckDB, and how does it grow with the ledger?

Run: ``python -m tests.bench ledger``, or ``python -m tests.bench ledger --entries 1000000`` for
another size than 100,000. Every figure is printed beside the goal it is held against.

The bare baseline is one certificate's bytes in one row of two columns, committed by itself through
a connection that stays open: the least that DuckDB does to make a row durable, one sync. It takes
turns with the ledger's appends, so that both meet the same machine. The ledger syncs its journal,
which does not grow, and commits the rows together when that is full or the session ends: what an
append takes when its share of the commits is added stands beside, and what a sync takes by itself.
Where a machine is shared, seconds on the clock say little: the fastest tenth and the processor's
seconds stand there too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from govsdk.certify.statements import Kind, statement
from govsdk.ledger import Ledger
from govsdk.ledger.cosigned import prove
from govsdk.ledger.entries import signed_rows
from govsdk.tlog.notes import VerifierKey
from tests.evidence import MODEL, envelope, keys

SINGLE = 200
GROUP = 5000

AUDIT = """
import re, sys, time
from pathlib import Path
from govsdk.ledger import audit
from tests.evidence import keys
started, before = time.perf_counter(), time.process_time()
report = audit(Path(sys.argv[1]), key_pem=Path(sys.argv[2]).read_bytes(), log_vkey=sys.argv[3])
report.require()
print(time.perf_counter() - started, time.process_time() - before)
# Not getrusage: what it calls the most starts from the parent's memory.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def median(work: Callable[[], object], times: int) -> float:
    """Return the median of the seconds that ``work`` takes."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def bare(folder: Path) -> duckdb.DuckDBPyConnection:
    """Return an open DuckDB with an empty table for envelopes."""
    connection = duckdb.connect(str(folder / "bare.duckdb"))
    connection.execute("CREATE TABLE entries (seq UBIGINT, envelope BLOB)")
    connection.execute("CHECKPOINT")
    return connection


def appending(folder: Path) -> None:
    """Print what one durable append takes: bare, signed and proved, and one sync by itself."""
    ledger, block = Ledger.create(folder / "single", keys=keys()), folder / "block"
    contents = [envelope(f"e{number}", padding="x" * 600) for number in range(SINGLE)]
    seconds: dict[str, list[float]] = {"bare DuckDB": [], "append": [], "a sync in place": []}
    block.write_bytes(bytes(4096))
    handle = os.open(block, os.O_RDWR)
    with bare(folder) as connection, ledger.session() as session:
        for number, content in enumerate(contents):
            started = time.perf_counter()
            connection.execute("INSERT INTO entries VALUES (?, ?)", [number, content])
            inserted = time.perf_counter()
            session.append(content, once=f"e{number}")
            appended = time.perf_counter()
            os.pwrite(handle, content, 0)
            os.fdatasync(handle)
            synced = time.perf_counter()
            for name, each in zip(
                seconds, (inserted - started, appended - inserted, synced - appended), strict=True
            ):
                seconds[name].append(each)
        closing = time.perf_counter()
        session.commit()
        closing = time.perf_counter() - closing
    os.close(handle)
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    fastest = {name: statistics.quantiles(each, n=10)[0] for name, each in seconds.items()}
    for name in seconds:
        line(name, f"{1e3 * middle[name]:.2f} ms, fastest tenth {1e3 * fastest[name]:.2f}")
    for name, each in (("median", middle), ("fastest tenth", fastest)):
        rate = each["bare DuckDB"] / each["append"]
        line(f"rate of appends, {name}", f"{rate:.2f} of bare (goal 0.8)")
    rate = sum(seconds["bare DuckDB"]) / (sum(seconds["append"]) + closing)
    line("rate, all of them as rows", f"{rate:.2f} of bare")
    alone = iter(range(SINGLE))

    def by_itself() -> None:
        name = f"alone-{next(alone)}"
        ledger.append(envelope(name), once=name)

    line("append, opened and published", f"{1e3 * median(by_itself, 20):.2f} ms")


def grown(folder: Path, entries: int) -> Ledger:
    """Return a ledger of so many entries, and print how fast they went in, in groups.

    A group is signed, then stored: durable, under a signed head. The public folder is written as
    the session ends.
    """
    ledger = Ledger.create(folder / f"of-{entries}", keys=keys())
    seconds = dict.fromkeys(("stored", "signed", "published"), 0.0)
    with ledger.session() as writing:
        for start in range(0, entries, GROUP):
            group = [said(number) for number in range(start, min(start + GROUP, entries))]
            started = time.perf_counter()
            rows = signed_rows(group, keys().certificate)
            signed = time.perf_counter()
            writing.store(rows)
            seconds["signed"] += signed - started
            seconds["stored"] += time.perf_counter() - signed
        closing = time.perf_counter()
    seconds["published"] = time.perf_counter() - closing
    line(f"{entries:,} in groups of {GROUP:,}", "entries a second (goal 20,000)")
    spent = 0.0
    for told, each in zip(("stored", "and signed", "and published"), seconds.values(), strict=True):
        spent += each
        line(f"  {told}", f"{entries / spent:,.0f}")
    return ledger


def said(number: int) -> bytes:
    """Return the statement of entry ``number``."""
    return statement(Kind.REQUEST, [MODEL], {}, once=f"e{number}")


def line(name: str, found: str) -> None:
    print(f"  {name:32}{found}", flush=True)


def proving(folder: Path, size: int, log: VerifierKey) -> float:
    """Return seconds for the inclusion proof of one entry."""
    numbers = iter(range(0, size, size // 100))
    return median(lambda: prove(folder, next(numbers), log), 100)


def audited(log: Path, folder: Path, pinned: bytes) -> tuple[float, float, int]:
    """Return seconds, processor seconds and MiB of an audit in a process of its own."""
    pem = folder / "signer.pub.pem"
    pem.write_bytes(pinned)
    command = [sys.executable, "-c", AUDIT, str(log), str(pem), keys().log.vkey]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, processor, mebibytes = shown.split()
    return float(seconds), float(processor), int(mebibytes)


def main(entries: int = 100_000) -> None:
    """Print every figure beside its goal."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        appending(folder)
        log, pinned = VerifierKey.parse(keys().log.vkey), keys().certificate.public_pem
        for size in (entries // 10, entries):
            ledger = grown(folder, size)
            proof = proving(ledger.log_folder, size, log)
            line(f"inclusion proof in {size:,}", f"{1e3 * proof:.2f} ms (goal 5 in 1,000,000)")
            seconds, processor, mebibytes = audited(ledger.log_folder, folder, pinned)
            line(
                f"audit of {size:,}",
                f"{seconds:.1f} s, {processor:.1f} of CPU (goal 120 at 1,000,000), "
                f"{mebibytes} MiB at most",
            )
