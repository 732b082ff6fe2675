"""Witnesses: what they cosign, what they refuse, and what the ledger does with it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from govsdk.canonical import base64_text
from govsdk.certify.check import check
from govsdk.certify.witnesses import Witnessing
from govsdk.durable import write_file
from govsdk.errors import (
    ConflictError,
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    MalformedEvidenceError,
    ProofError,
    RequestError,
    SignatureError,
)
from govsdk.ledger import Ledger, audit, cosigned, export, restore
from govsdk.ledger.cosigned import keep, newest, offer, prove
from govsdk.ledger.witness import Witness
from govsdk.tlog.cosignatures import WitnessSigner, witnesses_of
from govsdk.tlog.findings import Status
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.proofs import proof_text
from govsdk.tlog.witnessing import Offer, parse_offer
from tests.evidence import certificate_in, envelope, keys, ledger_of
from tests.unit.tlog.test_cosignatures import ONE, SEEN, TWO, witness

LOG = VerifierKey.parse(keys().log.vkey)


@pytest.fixture
def memory(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness", ONE)


def offered(ledger: Ledger, since: int) -> bytes:
    return offer(ledger.log_folder, LOG, since=since)


def test_a_growing_log_is_cosigned(tmp_path: Path, memory: Witness) -> None:
    """From nothing, then from the head remembered, and again the same head."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    assert memory.last(LOG) is None
    memory.cosign(offered(ledger, 0), LOG, seconds=SEEN)
    ledger.append_many([envelope(f"more{number}") for number in range(4)])

    note = memory.cosign(offered(ledger, 3), LOG, seconds=SEEN)

    last = memory.last(LOG)
    assert last is not None
    assert (last.size, last.note) == (7, note)
    assert memory.cosign(offered(ledger, 7), LOG, seconds=SEEN) == note


def test_a_fork_is_not_cosigned(tmp_path: Path, memory: Witness) -> None:
    """Another history of the same length, or a longer one, is refused; the true one goes on."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    memory.cosign(offered(ledger, 0), LOG, seconds=SEEN)
    fork = ledger_of(tmp_path / "fork", 2)
    fork.append(envelope("other"), once="other")

    with pytest.raises(LedgerForkError, match="two heads"):
        memory.cosign(offered(fork, 3), LOG, seconds=SEEN)
    fork.append(envelope("e3"), once="e3")
    with pytest.raises(LedgerForkError, match="no proof"):
        memory.cosign(offered(fork, 3), LOG, seconds=SEEN)
    ledger.append(envelope("e3"), once="e3")
    assert memory.cosign(offered(ledger, 3), LOG, seconds=SEEN)


def test_a_shorter_log_is_not_cosigned(tmp_path: Path, memory: Witness) -> None:
    """A head from the past is a rollback, although the log signed it."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    past = offered(ledger, 0)
    ledger.append(envelope("e2"), once="e2")
    memory.cosign(offered(ledger, 0), LOG, seconds=SEEN)

    with pytest.raises(LedgerRollbackError):
        memory.cosign(past, LOG, seconds=SEEN)


def test_an_offer_from_elsewhere_names_the_size(tmp_path: Path, memory: Witness) -> None:
    """An offer that starts at another size is a conflict that says where to start."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    memory.cosign(offered(ledger, 0), LOG, seconds=SEEN)
    ledger.append(envelope("e2"), once="e2")

    with pytest.raises(ConflictError) as caught:
        memory.cosign(offered(ledger, 1), LOG, seconds=SEEN)
    assert caught.value.facts["expected"] == 2


def test_offers_that_do_not_hold(tmp_path: Path, memory: Witness) -> None:
    """Another log's head, no offer at all, and a proof from nothing are refused."""
    good = parse_offer(offered(ledger_of(tmp_path / "ledger", 2), 0))
    other = VerifierKey.parse(keys(8).log.vkey)

    with pytest.raises(SignatureError):
        memory.cosign(good.to_bytes(), other, seconds=SEEN)
    with pytest.raises(MalformedEvidenceError):
        memory.cosign(good.note, LOG, seconds=SEEN)
    with pytest.raises(ProofError):
        memory.cosign(Offer(0, (bytes(32),), good.note).to_bytes(), LOG, seconds=SEEN)
    assert memory.cosign(good.to_bytes(), LOG, seconds=SEEN)


def test_a_changed_memory_is_noticed(tmp_path: Path, memory: Witness) -> None:
    """What the witness remembers is signed by itself."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    memory.cosign(offered(ledger, 0), LOG, seconds=SEEN)
    (path,) = (tmp_path / "witness").glob("*.checkpoint")
    content = path.read_bytes()

    for changed in (ledger.head().note.encode(), content[:-9] + b"AAAAAAA=\n", b""):
        path.write_bytes(changed)
        with pytest.raises(IntegrityError):
            memory.last(LOG)
    path.write_bytes(content)
    assert memory.last(LOG)


def test_the_ledger_keeps_what_witnesses_send(tmp_path: Path) -> None:
    """Cosignatures of one head are joined; those of a foreign head or by strangers are not kept."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    pinned = [ONE.verifier, TWO.verifier]
    notes = [
        Witness(tmp_path / signer.name, signer).cosign(offered(ledger, 0), LOG, seconds=SEEN)
        for signer in (ONE, TWO)
    ]
    with pytest.raises(SignatureError, match="no pinned witness"):
        keep(ledger.log_folder, notes[1].encode(), LOG, [ONE.verifier])
    for note in notes:
        head = keep(ledger.log_folder, note.encode(), LOG, pinned)

    assert newest(ledger.log_folder, LOG) == head
    assert head.note.count("\n\N{EM DASH} ") == 3
    fork = ledger_of(tmp_path / "fork", 2)
    with pytest.raises(LedgerForkError):
        keep(fork.log_folder, notes[0].encode(), LOG, pinned)


def test_an_export_carries_the_cosignatures(tmp_path: Path) -> None:
    """The audit of an export counts the witnesses of its head."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    note = Witness(tmp_path / "w", ONE).cosign(offered(ledger, 0), LOG, seconds=SEEN)
    pinned = {
        "key_pem": keys().certificate.public_pem,
        "log_vkey": keys().log.vkey,
        "witnesses": [ONE.verifier],
    }
    export(ledger.log_folder, tmp_path / "before", log_vkey=keys().log.vkey)
    keep(ledger.log_folder, note.encode(), LOG, [ONE.verifier])
    export(ledger.log_folder, tmp_path / "after", log_vkey=keys().log.vkey)

    lines = {name: audit(tmp_path / name, **pinned).findings[8] for name in ("before", "after")}

    assert (lines["before"].status, lines["before"].reason) == (Status.FAIL, "quorum")
    assert (lines["after"].status, lines["after"].name) == (Status.PASS, "witnesses")
    assert ledger.audit().ok


def test_restoring_keeps_what_witnesses_added(tmp_path: Path) -> None:
    """Rebuilt from an export that many witnesses cosigned, the ledger works, and an export of it
    carries their lines again; those that were kept here meanwhile are there as well."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    signers = [witness(number) for number in range(1, 5)]
    pinned = [each.verifier for each in signers]

    def cosign(signer: WitnessSigner) -> None:
        note = Witness(tmp_path / signer.name, signer).cosign(offered(ledger, 0), LOG, seconds=SEEN)
        keep(ledger.log_folder, note.encode(), LOG, pinned)

    for signer in signers[:3]:
        cosign(signer)
    carried = export(ledger.log_folder, tmp_path / "export", log_vkey=keys().log.vkey)
    assert carried == ledger.head(), "the control: the live head is the log's own"
    cosign(signers[3])

    for folder, expected in (("new", 3), ("ledger", 4)):
        (tmp_path / folder / "ledger.duckdb").unlink(missing_ok=True)
        (tmp_path / folder / "journal").unlink(missing_ok=True)
        restored = restore(tmp_path / "export", tmp_path / folder, keys=keys())
        assert restored.append(envelope("e0"), once="e0").index == 0
        assert restored.head() == carried
        kept = newest(restored.log_folder, LOG)
        assert kept is not None
        assert len(witnesses_of(kept.note.encode(), pinned)) == expected
        assert restored.audit().ok


def test_a_head_that_strangers_signed_in_the_logs_name_restores_nothing(tmp_path: Path) -> None:
    """It holds, since unknown signatures do not count, and is too long to be kept here."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    export(ledger.log_folder, tmp_path / "export", log_vkey=keys().log.vkey)
    line = f"\N{EM DASH} {LOG.name} {base64_text(bytes(68))}\n"
    with (tmp_path / "export" / "checkpoint").open("a") as checkpoint:
        checkpoint.write(line * 5)

    with pytest.raises(MalformedEvidenceError, match="too many signatures"):
        restore(tmp_path / "export", tmp_path / "new", keys=keys())
    assert not (tmp_path / "new").exists()


def test_no_cosignature_is_lost_between_two_that_keep_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is joined with those that are there, another process cannot store its own."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    pinned = [ONE.verifier, TWO.verifier]
    first, second = (
        Witness(tmp_path / signer.name, signer).cosign(offered(ledger, 0), LOG, seconds=SEEN)
        for signer in (ONE, TWO)
    )
    with ThreadPoolExecutor(max_workers=1) as other:
        waiting: list[Future[object]] = []

        def meanwhile(path: Path, data: bytes, *, mode: int) -> None:
            monkeypatch.undo()
            waiting.append(other.submit(keep, ledger.log_folder, second.encode(), LOG, pinned))
            wait(waiting, timeout=0.3)
            write_file(path, data, mode=mode)

        monkeypatch.setattr(cosigned, "write_file", meanwhile)
        keep(ledger.log_folder, first.encode(), LOG, pinned)
        assert len(waiting) == 1, "the control: the two met"
        waiting[0].result()

    both = newest(ledger.log_folder, LOG)
    assert both is not None
    assert len(witnesses_of(both.note.encode(), pinned)) == 2


def test_a_certificate_under_a_cosigned_head(tmp_path: Path) -> None:
    """Check 10 passes with the entry's proof under a cosigned head, and fails without."""
    certificate, _ = certificate_in(tmp_path)
    ledger = Ledger.open(tmp_path / "ledger", keys=keys())
    ledger.append(envelope("later"), once="later")
    note = Witness(tmp_path / "w", ONE).cosign(offered(ledger, 0), LOG, seconds=SEEN)
    keep(ledger.log_folder, note.encode(), LOG, [ONE.verifier])
    proofs = [proof_text(prove(ledger.log_folder, index, LOG)).encode() for index in (2, 1)]

    def tenth(proof: bytes | None, *, quorum: int = 1) -> tuple[str, str]:
        witnesses = Witnessing((ONE.verifier, TWO.verifier), quorum, proof)
        report = check(
            certificate,
            key_pem=keys().certificate.public_pem,
            log_vkey=keys().log.vkey,
            witnesses=witnesses,
        )
        return report.findings[9].status.value, report.findings[9].reason

    assert tenth(proofs[0]) == ("PASS", "")
    assert tenth(proofs[0], quorum=2) == ("FAIL", "quorum")
    assert tenth(None) == ("FAIL", "quorum")
    assert tenth(proofs[1]) == ("FAIL", "inclusion")
    with pytest.raises(RequestError):
        tenth(proofs[0], quorum=3)


def test_proofs_without_witnesses_lead_to_the_head(tmp_path: Path) -> None:
    """Every entry is proved under the present head; an entry that is not there has no proof."""
    ledger = ledger_of(tmp_path / "ledger", 5)

    for index in range(5):
        assert prove(ledger.log_folder, index, LOG).tree_size == 5
    for index in (-1, 5):
        with pytest.raises(RequestError):
            prove(ledger.log_folder, index, LOG)
