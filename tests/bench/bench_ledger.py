"""What do durability and proof cost, beside a bare DuckDB, and how does it grow with the ledger?

Run: ``python -m tests.bench ledger``, or ``python tests/bench/bench_ledger.py ENTRIES`` for another
size than 100,000. Every figure is printed beside the goal it is held against. Where a machine is
shared, seconds on the clock say little: those of the processor stand beside.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from govsdk.certify.check import check
from govsdk.ledger import Ledger
from govsdk.ledger.cosigned import prove
from govsdk.tlog.notes import VerifierKey
from tests.evidence import certificate_in, envelope, keys

SINGLE = 60
GROUP = 5000

AUDIT = """
import resource, sys, time
from pathlib import Path
from govsdk.ledger import audit
from tests.evidence import keys
started, before = time.perf_counter(), time.process_time()
report = audit(Path(sys.argv[1]), key_pem=Path(sys.argv[2]).read_bytes(), log_vkey=sys.argv[3])
report.require()
print(time.perf_counter() - started, time.process_time() - before)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def median(work: Callable[[], object], times: int) -> float:
    """Return the median of the seconds that ``work`` takes."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def bare(folder: Path, *, kept_open: bool) -> float:
    """Return seconds for one committed row of a certificate's size, without anything else."""
    path = str(folder / f"bare-{kept_open}.duckdb")
    content = envelope("bare", padding="x" * 600)

    def insert(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("INSERT INTO entries VALUES (?, ?)", [1, content])

    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE entries (seq UBIGINT, envelope BLOB)")
        connection.execute("CHECKPOINT")
        if kept_open:
            return median(lambda: insert(connection), SINGLE)

    def opened() -> None:
        with duckdb.connect(path) as connection:
            insert(connection)

    return median(opened, SINGLE)


def single(folder: Path) -> float:
    """Return seconds for one append: committed, published, signed, proved."""
    ledger = Ledger.create(folder / "single", keys=keys())
    waiting: Iterator[int] = iter(range(SINGLE))
    signed = [envelope(f"e{number}", padding="x" * 600) for number in range(SINGLE)]

    def append() -> None:
        number = next(waiting)
        ledger.append(signed[number], once=f"e{number}")

    return median(append, SINGLE)


def grown(folder: Path, entries: int) -> tuple[Ledger, float]:
    """Return a ledger of so many entries, and how many a processor second takes in groups."""
    ledger, seconds = Ledger.create(folder / f"of-{entries}", keys=keys()), 0.0
    for start in range(0, entries, GROUP):
        group = [envelope(f"e{number}") for number in range(start, min(start + GROUP, entries))]
        started = time.process_time()
        ledger.append_many(group)
        seconds += time.process_time() - started
    return ledger, entries / seconds


def audited(ledger: Ledger, folder: Path) -> tuple[float, float, int]:
    """Return seconds, processor seconds and MiB of an audit in a process of its own."""
    pem = folder / "signer.pub.pem"
    pem.write_bytes(keys().certificate.public_pem)
    command = [sys.executable, "-c", AUDIT, str(ledger.log_folder), str(pem), keys().log.vkey]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, processor, mebibytes = shown.split()
    return float(seconds), float(processor), int(mebibytes)


def verifying(folder: Path) -> tuple[float, float, float]:
    """Return seconds to verify a certificate after import, and on the clock and of the processor
    as a fresh process."""
    certificate, _ = certificate_in(folder)
    files = {
        "c": certificate,
        "k": keys().certificate.public_pem,
        "l": keys().log.vkey.encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    pinned = {"key_pem": keys().certificate.public_pem, "log_vkey": keys().log.vkey}
    inside = median(lambda: check(certificate, **pinned).require(), 200)
    place = [str(folder / name) for name in files]
    command = [sys.executable, "-m", "govsdk.cli", "verify", place[0], "--key", place[1]]
    command += ["--log-key", place[2]]
    before, times = children(), 5
    fresh = median(lambda: subprocess.run(command, check=True, capture_output=True), times)
    return inside, fresh, (children() - before) / times


def children() -> float:
    """Return the processor seconds of all processes started here that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(entries: int = 100_000) -> None:
    """Print every figure beside its goal."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        once, opened, ours = (
            bare(folder, kept_open=True),
            bare(folder, kept_open=False),
            single(folder),
        )
        print(f"bare DuckDB, kept open       {1e3 * once:8.2f} ms a row")
        print(f"bare DuckDB, opened each time{1e3 * opened:8.2f} ms a row")
        print(f"append, signed and proved    {1e3 * ours:8.2f} ms an entry")
        print(f"  rate, bare kept open = 1   {once / ours:8.2f} (goal 0.8)")
        print(f"  rate, bare opened = 1      {opened / ours:8.2f}")
        inside, fresh, processor = verifying(folder)
        print(f"verify, after import         {1e3 * inside:8.2f} ms (goal 10)")
        print(f"verify, a fresh process      {fresh:8.2f} s, {processor:.2f} of CPU (goal 0.4)")
        small, _ = grown(folder, entries // 10)
        large, rate = grown(folder, entries)
        print(f"appended in groups of {GROUP:,}  {rate:8,.0f} entries a CPU second (goal 20,000)")
        log = VerifierKey.parse(keys().log.vkey)
        numbers = iter(range(0, entries, entries // 200))
        proof = median(lambda: prove(large.log_folder, next(numbers), log), 100)
        print(f"inclusion proof of {entries:,}   {1e3 * proof:8.2f} ms (goal 5 at 1,000,000)")
        for ledger, size in ((small, entries // 10), (large, entries)):
            seconds, processor, mebibytes = audited(ledger, folder)
            per_million = processor / size * 1e6
            print(
                f"audit of {size:>9,} entries   {seconds:8.2f} s, {processor:.2f} of CPU; "
                f"{per_million:.0f} for 1,000,000 (goal 120); {mebibytes} MiB at most"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
