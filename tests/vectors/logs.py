"""Lies about a whole log, and about a new head offered to a witness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from govsdk.canonical import base64_text
from govsdk.tlog.statements import Kind
from tests.vectors.form import Content, Vector
from tests.vectors.world import HONEST, LOG, OTHER_LOG, SIGNER, STRANGER, Log, certified, entry

FILES = HONEST.files()
ENVELOPES, ENTRIES, HASHES = "envelopes/000.p/3", "tile/entries/000.p/3", "tile/0/000.p/3"
FORK = Log((entry("e0"), entry("x1"), certified()))


def vector(
    name: str,
    description: str,
    files: Mapping[str, bytes],
    check: str = "",
    reason: str = "",
    **more: object,
) -> Vector:
    inputs = {"files": dict(files), **more}
    return Vector(f"log-{name}", description, "log", inputs, check, reason)


def with_files_of(other: Log, *names: str) -> dict[str, bytes]:
    """Return the honest folder with some files taken from ``other``'s."""
    return {**FILES, **{name: other.files()[name] for name in names}}


def vectors() -> Iterator[Vector]:
    yield from folders()
    yield from histories()
    yield from offers()


def folders() -> Iterator[Vector]:
    yield vector("honest", "Nothing was changed.", FILES)
    yield vector("empty", "A log without entries.", Log(()).files())
    longer = HONEST.plus(entry("e3"))
    appended = {**longer.files(), "checkpoint": FILES["checkpoint"]}
    yield vector(
        "leaf-appended",
        "An entry appended without a head over it.",
        appended,
        "files",
        "file-missing",
    )
    hidden = {
        **FILES,
        ENTRIES: FILES[ENTRIES] + longer.files()["tile/entries/000.p/4"][len(FILES[ENTRIES]) :],
    }
    yield vector("leaf-hidden", "A leaf hidden behind the last one.", hidden, "root", "tail")
    yield vector(
        "envelope-hidden",
        "An envelope hidden behind the last one.",
        {**FILES, ENVELOPES: FILES[ENVELOPES] + entry("e3") + b"\n"},
        "signatures",
        "tail",
    )
    yield vector(
        "file-added",
        "A file that no head needs.",
        {**FILES, "README": b"trust me"},
        "files",
        "file-unexpected",
    )
    yield vector(
        "file-missing",
        "The envelopes are gone.",
        {k: v for k, v in FILES.items() if k != ENVELOPES},
        "files",
        "file-missing",
    )
    yield vector(
        "leaf-changed", "A leaf of another history.", with_files_of(FORK, ENTRIES), "root", "root"
    )
    yield vector(
        "tile-changed",
        "The hashes of another history.",
        with_files_of(FORK, HASHES),
        "tiles",
        "tile",
    )
    yield vector(
        "envelope-changed",
        "A genuine envelope that is not this leaf's.",
        with_files_of(FORK, ENVELOPES),
        "signatures",
        "leaf",
    )
    swapped = Log(HONEST.envelopes[::-1])
    yield vector(
        "reordered",
        "The leaves in another order.",
        with_files_of(swapped, ENTRIES, HASHES, ENVELOPES),
        "root",
        "root",
    )
    yield vector(
        "envelopes-reordered",
        "The envelopes in another order than their leaves.",
        with_files_of(swapped, ENVELOPES),
        "signatures",
        "leaf",
    )
    short = {**FILES, ENTRIES: FILES[ENTRIES][:-400]}
    yield vector("leaf-cut", "The last leaf was cut.", short, "root", "bundle")
    yield vector(
        "spaced",
        "A space in an envelope: the same JSON.",
        {**FILES, ENVELOPES: FILES[ENVELOPES].replace(b":", b": ", 1)},
        "signatures",
        "not-canonical",
    )
    crlf = {**FILES, ENVELOPES: FILES[ENVELOPES].replace(b"\n", b"\r\n")}
    yield vector("crlf", "Line ends of another system.", crlf, "signatures", "not-canonical")


def histories() -> Iterator[Vector]:
    yield vector(
        "stranger-entry",
        "An entry that the pinned key did not sign, under a genuine head.",
        Log((entry("e0"), entry("e1", by=STRANGER))).files(),
        "signatures",
        "keyid",
    )
    first = {"role": "certificate", "event": "created", "occurredAt": "2026-11-20T07:00:00Z"}
    own, posing = ({**first, "key": each.public_pem.decode()} for each in (SIGNER, STRANGER))
    begun = Log((entry("key/first", Kind.KEY, **own), entry("e0")))
    yield vector("first-key", "A log that begins with its certificate key.", begun.files())
    yield vector(
        "first-key-posing",
        "A stranger's key that calls itself the log's first, under a genuine head.",
        begun.plus(entry("key/posing", Kind.KEY, STRANGER, **posing)).files(),
        "signatures",
        "keyid",
    )
    yield vector(
        "duplicate",
        "One entry twice, under a genuine head.",
        Log((entry("e0"), entry("e0"))).files(),
        "statements",
        "name-twice",
    )
    yield vector(
        "name-again",
        "Two entries of one name, under a genuine head.",
        Log((entry("e0"), entry("e0", note="other"))).files(),
        "statements",
        "name-twice",
    )
    answer = {"commitment": "d" * 64}
    answered = Log((entry("c0", Kind.CERTIFICATE, request=answer),))
    other = answered.plus(entry("c1", Kind.CERTIFICATE, request={"commitment": "e" * 64}))
    yield vector("certified", "Two certificates, of two requests.", other.files())
    yield vector(
        "certified-twice",
        "Two certificates for one request, under a genuine head.",
        answered.plus(entry("c1", Kind.CERTIFICATE, request=answer)).files(),
        "statements",
        "certified-twice",
    )
    foreign = replace(HONEST, key=OTHER_LOG).files()
    yield vector(
        "foreign-head",
        "Another log's head.",
        {**FILES, "checkpoint": foreign["checkpoint"]},
        "checkpoint",
        "log-key",
    )
    other_size = replace(HONEST.checkpoint, size=2).text
    yield vector(
        "head-of-two",
        "A head that counts fewer entries than it covers.",
        {**FILES, "checkpoint": LOG.sign(other_size).encode()},
        "files",
        "file-missing",
    )
    endless = replace(HONEST.checkpoint, size=0).text
    emptied = {"checkpoint": LOG.sign(endless).encode()}
    yield vector(
        "emptied", "No entries under a root that is not the empty tree's.", emptied, "root", "root"
    )
    kept = [HONEST.note.encode()]
    yield vector(
        "kept-head",
        "Grown since the head that was kept.",
        HONEST.plus(entry("e3")).files(),
        checkpoints=kept,
    )
    yield vector(
        "fork",
        "Another history than the head that was kept.",
        FORK.files(),
        "heads",
        "fork",
        checkpoints=kept,
    )
    yield vector(
        "fork-longer",
        "Another history, longer than the head that was kept.",
        FORK.plus(entry("e3")).files(),
        "heads",
        "fork",
        checkpoints=kept,
    )
    yield vector(
        "rollback",
        "An older state of the log, whole and genuine.",
        Log(HONEST.envelopes[:2]).files(),
        "heads",
        "rollback",
        checkpoints=kept,
    )
    beginning = Log(HONEST.envelopes[1:])
    yield vector(
        "beginning-lost",
        "The oldest entry was dropped.",
        beginning.files(),
        "heads",
        "rollback",
        checkpoints=kept,
    )
    yield vector(
        "kept-foreign",
        "A head that was kept of another log.",
        FILES,
        "heads",
        "log-key",
        checkpoints=[foreign["checkpoint"]],
    )


def offers() -> Iterator[Vector]:
    grown = HONEST.plus(entry("e3"), entry("e4"))
    good = grown.offer(3)
    last = HONEST.note.encode()

    def offer(
        name: str, description: str, data: Content, reason: str = "", last: bytes = last
    ) -> Vector:
        inputs = {"offer": data, "last": last}
        return Vector(f"offer-{name}", description, "offer", inputs, reason=reason)

    yield offer("honest", "The log has grown.", good.to_bytes())
    yield offer(
        "first", "The first head that the witness sees.", grown.offer(0).to_bytes(), last=b""
    )
    yield offer("same", "The head that it has.", HONEST.offer(3).to_bytes())
    yield offer(
        "fork", "Another history of the same length.", FORK.offer(3).to_bytes(), "integrity.fork"
    )
    yield offer(
        "fork-longer",
        "Another history, grown.",
        FORK.plus(entry("e3")).offer(3).to_bytes(),
        "integrity.fork",
    )
    yield offer(
        "rollback",
        "A head from the past.",
        Log(HONEST.envelopes[:2]).offer(0).to_bytes(),
        "integrity.rollback",
    )
    yield offer(
        "elsewhere",
        "A proof from another size than the one remembered.",
        grown.offer(2).to_bytes(),
        "conflict",
    )
    yield offer(
        "forgets",
        "As if the witness had never seen this log.",
        grown.offer(0).to_bytes(),
        "conflict",
    )
    yield offer(
        "no-proof", "The proof was taken out.", replace(good, proof=()).to_bytes(), "integrity.fork"
    )
    wrong = (bytes(32), *good.proof[1:])
    yield offer(
        "other-hash",
        "A hash of the proof changed.",
        replace(good, proof=wrong).to_bytes(),
        "integrity.fork",
    )
    yield offer(
        "first-with-proof",
        "A proof from an empty log.",
        replace(grown.offer(0), proof=(bytes(32),)).to_bytes(),
        "evidence.proof",
        last=b"",
    )
    foreign = replace(grown, key=OTHER_LOG)
    yield offer("foreign", "Another log's head.", foreign.offer(3).to_bytes(), "evidence.signature")
    unsigned = replace(good, note=grown.checkpoint.text.encode())
    yield offer(
        "unsigned", "A head without a signature.", unsigned.to_bytes(), "evidence.malformed"
    )
    yield offer(
        "padded-size",
        "A size with a leading zero.",
        good.to_bytes().replace(b"old 3", b"old 03"),
        "evidence.malformed",
    )
    hashes = f"old 3\n{(base64_text(bytes(32)) + chr(10)) * 64}\n".encode()
    yield offer("many-hashes", "64 lines of proof.", hashes + good.note, "evidence.malformed")
    yield offer(
        "oversized",
        "An offer of 200 kB.",
        {"repeat": "old 3\n", "times": 34_000},
        "evidence.malformed",
    )
