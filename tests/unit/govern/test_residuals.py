"""Who can open what outlives erasure, and when it is destroyed."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from govsdk import KeyProvider, Policy, Workspace
from govsdk.canonical import sha256_hex
from govsdk.certify.predicate import Forgetting
from govsdk.certify.recipients import fingerprint, is_recipient
from govsdk.certify.residuals import new_identity, open_sealed, recipient_of, seal
from govsdk.certify.revocations import Reason
from govsdk.durable import locked
from govsdk.errors import (
    DigestMismatchError,
    EvidenceError,
    KeyUseError,
    LockedError,
    MalformedEvidenceError,
    RequestError,
)
from govsdk.govern.config import WorkspaceConfig
from govsdk.govern.judging import people_to_screen
from govsdk.govern.lapsing import lapse_unscreened, unscreened
from govsdk.govern.plan import PrivatePlan
from govsdk.govern.residual_file import ResidualFile
from govsdk.govern.residuals import (
    earlier_subjects,
    forbidden_for_anchors,
    keep_residual,
    key_holders,
    open_residual,
    replayed,
    residual_path,
    serves_for_others,
)
from govsdk.govern.sweeping import sweep
from govsdk.govern.withdrawing import revoke, standings
from govsdk.ports import Anchor, Float32, PhotoSplit, SubjectId, Templates
from govsdk.records import Residual
from tests.evidence import MODEL, erasure_only
from tests.unit.cli.conftest import Govsdk
from tests.unit.govern.test_workflow import request as asked
from tests.withdrawals import certify_in

REQUEST = "1" * 64
KEPT = "2" * 64
NEVER_KEPT, WITHDRAWN, NEVER_EDITED = "3" * 64, "4" * 64, "5" * 64
ROWS = np.eye(3, 16, dtype=np.float32)
needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="the age tool is not installed")


def opened(place: Path, *auditors: str, now: str = "2027-01-01") -> Workspace:
    """Return the workspace with ``auditors``, on the day ``now``."""
    folder = place / "workspace"
    config = WorkspaceConfig.load(folder).model_copy(update={"auditors": auditors})
    config.save(folder)
    keys = KeyProvider.from_folder(place / "keys")
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return Workspace.open(folder, keys=keys, clock=lambda: moment)


def keep(
    workspace: Workspace,
    request: str,
    expires: str,
    *,
    policy: Policy | None = None,
    said: Forgetting | None = None,
    rows: Float32 = ROWS,
    instead: Float32 = ROWS[0],
) -> None:
    """Seal a residual and certify it, as the workflow does; the certificate may be ``said``."""
    anchor = Anchor(SubjectId("anchor"), instead, 0.1, 1.0)
    private = PrivatePlan(bytes(32), "c" * 64, PhotoSplit((0,), ((1, 2),)), anchor, {})
    templates = Templates(SubjectId("x"), {"A": rows, "B": rows})
    sealed = keep_residual(workspace, request, templates, private, policy=policy)
    residual = Residual(
        name="embeddings",
        purpose="re-verification",
        key_holder=key_holders(workspace),
        sha256=sha256_hex(sealed),
        expires_at=f"{expires}T00:00:00Z",
    )
    if said is not None:
        said = said.model_copy(update={"residuals": (residual,)})
    certify_in(workspace, request, (residual,), said=said)


def decrypted(file: Path, identity: str, place: Path) -> subprocess.CompletedProcess[bytes]:
    """Return what the stock tool makes of ``file``."""
    (place / "identity.txt").write_text(identity)
    command = ["age", "--decrypt", "-i", str(place / "identity.txt"), str(file)]
    return subprocess.run(command, capture_output=True, check=False)


def test_whoever_was_never_edited_out_is_no_earlier_subject(place: Path) -> None:
    """Nothing to forget: they cannot come back. Anchors stay away from them as from the others."""
    workspace = opened(place)
    keep(workspace, REQUEST, "2027-02-01", said=erasure_only())
    assert earlier_subjects(workspace) == []
    assert len(forbidden_for_anchors(workspace)) == 2

    keep(workspace, KEPT, "2027-02-01")
    assert [past.templates.subject for past in earlier_subjects(workspace)] == [KEPT]
    assert len(forbidden_for_anchors(workspace)) == 4


def test_an_edit_is_screened_under_the_policies_of_the_earlier_people(place: Path) -> None:
    """What was certified to each counts; the edit's own where an old residual names none."""
    workspace, strict = opened(place), Policy.load("strict")
    keep(workspace, REQUEST, "2027-02-01", policy=strict)
    keep(workspace, KEPT, "2027-02-01")
    run = asked(place, "ada")

    assert run.policy != strict
    assert [past.policy for past in people_to_screen(run.workspace, run.policy)] == [
        strict,
        run.policy,
    ]


def test_whoever_is_drawn_instead_of_somebody_is_known_by_their_residual(place: Path) -> None:
    """Their own certificate must say what is kept of them; of nobody else anything is."""
    workspace = opened(place)
    drawn = Templates(SubjectId("anchor"), {"A": ROWS[:1]})
    other = Templates(SubjectId("other"), {"A": ROWS[1:]})
    assert not serves_for_others(workspace, drawn)

    keep(workspace, REQUEST, "2026-12-31")

    assert serves_for_others(workspace, drawn)
    assert not serves_for_others(workspace, other)
    sweep(workspace)
    assert not serves_for_others(workspace, drawn)


def test_nobody_is_led_to_somebody_who_was_forgotten_since(place: Path) -> None:
    """Not to the person of this edit, nor to one of an earlier edit, however many steps away."""
    workspace, (first, second, third) = opened(place), np.eye(3, 16, 5, dtype=np.float32)
    keep(workspace, REQUEST, "2027-02-01", instead=first)
    stranger = Templates(SubjectId("stranger"), {"A": ROWS[2:]})

    def aims(person: Templates, anchor: Float32) -> list[int]:
        return [int(aim.argmax()) - 5 for _, aim in replayed(workspace, person, anchor)]

    assert aims(stranger, second) == [0]
    assert aims(Templates(SubjectId("anchor"), {"A": first[None]}), second) == [1]

    keep(workspace, KEPT, "2027-02-01", rows=np.repeat(first[None], 3, axis=0), instead=second)

    assert aims(stranger, third) == [1, 1]
    assert aims(Templates(SubjectId("anchor"), {"A": second[None]}), third) == [2, 2]


@pytest.mark.parametrize(("replaced", "left"), [("", "AB"), ("B", "A"), ("A", "")])
def test_nobody_is_compared_under_another_recogniser(place: Path, replaced: str, left: str) -> None:
    """Its cosines would be low whoever is drawn: the person counts as one who cannot be looked for.

    What A saw of them still steers later edits, and keeps anchors away, as long as it is the same.
    """
    workspace = opened(place)
    keep(workspace, KEPT, "2027-02-01")
    workspace.embedders = {
        name: Mock(sha256="0" * 64 if name == replaced else judge.sha256)
        for name, judge in workspace.embedders.items()
    }

    earlier = earlier_subjects(workspace)

    assert ["".join(sorted(past.templates.by_recogniser)) for past in earlier] == [left] * bool(
        left
    )
    assert unscreened(workspace) == ([KEPT] if replaced else [])
    assert len(people_to_screen(workspace, Policy.load("quickstart"))) == (not replaced)


def test_a_damaged_residual_is_named_by_its_request(place: Path) -> None:
    """It stops every later edit, so whoever answers for it must know which one to mend."""
    workspace = opened(place)
    for request in (REQUEST, KEPT):
        keep(workspace, request, "2027-02-01")
    assert len(earlier_subjects(workspace)) == 2
    path = residual_path(workspace, KEPT)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises((EvidenceError, KeyUseError)) as refused:
        earlier_subjects(workspace)

    assert refused.value.facts["request"] == KEPT[:16]


def test_a_residual_that_no_certificate_names_is_refused(place: Path) -> None:
    """Its recipients are public, so anybody who writes to the folder could seal another person."""
    workspace = opened(place)
    keep(workspace, REQUEST, "2027-02-01")
    path, keys = residual_path(workspace, REQUEST), workspace.keys
    whole = path.read_bytes()
    assert open_residual(workspace, REQUEST) is not None
    other = ResidualFile({"A": ROWS[::-1], "B": ROWS}, PhotoSplit((0,), ((1, 2),)), ROWS[1])
    path.write_bytes(seal(other.to_bytes(), [keys.recipient]))
    assert ResidualFile.from_bytes(open_sealed(path.read_bytes(), keys.verifier))

    for read in (earlier_subjects, forbidden_for_anchors, unscreened):
        with pytest.raises(DigestMismatchError, match="not the one") as refused:
            read(workspace)
        assert refused.value.facts["request"] == REQUEST[:16]

    path.write_bytes(whole)
    assert open_residual(workspace, REQUEST) is not None


def test_whoever_lost_their_certificate_file_is_not_forgotten_twice(place: Path) -> None:
    """The ledger remembers them: they are screened, kept away from, and swept as before."""
    workspace = opened(place)
    keep(workspace, REQUEST, "2027-02-01")
    workspace.certificate_path(REQUEST).unlink()

    later = opened(place, now="2028-01-01")

    assert len(people_to_screen(later, Policy.load("quickstart"))) == 1
    assert len(forbidden_for_anchors(later)) == 2
    assert [each.request for each in sweep(later)] == [REQUEST]
    assert unscreened(later) == [REQUEST]
    assert not residual_path(later, REQUEST).exists()


def test_a_stray_file_among_certificates_is_none(place: Path) -> None:
    """An auditor's notes may lie there, say."""
    workspace = opened(place)
    keep(workspace, KEPT, "2027-02-01")
    (workspace.folder / "certificates" / "notes.json").write_text("{}")
    assert workspace.certificates() == [KEPT]
    assert unscreened(workspace) == []


@pytest.mark.parametrize(
    ("reason", "screened"), [(Reason.SUBJECT_CAME_BACK, 0), (Reason.KEY_COMPROMISE, 1)]
)
def test_whoever_is_known_to_have_come_back_fails_no_later_edit(
    place: Path, reason: Reason, screened: int
) -> None:
    """They are replayed, so that they may be gone again, and on record as back."""
    workspace = opened(place)
    keep(workspace, REQUEST, "2027-02-01")
    run = asked(place, "ada")
    assert len(people_to_screen(run.workspace, run.policy)) == 1

    revoke(workspace, REQUEST, reason)

    assert len(people_to_screen(run.workspace, run.policy)) == screened
    assert len(earlier_subjects(workspace)) == 1


@needs_age
def test_an_auditor_opens_the_residual_with_the_stock_tool(place: Path) -> None:
    """So does the workspace's verifier; a stranger, and an auditor named later, do not."""
    auditor, late = new_identity(), new_identity()
    workspace = opened(place, recipient_of(auditor))
    keep(workspace, REQUEST, "2027-02-01")
    opened(place, recipient_of(auditor), recipient_of(late))
    file = residual_path(workspace, REQUEST)

    found = decrypted(file, auditor, place)

    assert found.returncode == 0, found.stderr
    assert set(json.loads(found.stdout)) == {"version", "embeddings", "edit", "sealed", "anchor"}
    assert decrypted(file, workspace.keys.verifier, place).stdout == found.stdout
    assert decrypted(file, late, place).returncode != 0
    assert decrypted(file, new_identity(), place).returncode != 0


def test_the_certificate_names_the_key_holders(place: Path) -> None:
    """By fingerprint; without auditors the workspace's verifier stands alone."""
    recipient = recipient_of(new_identity())

    assert key_holders(opened(place)) == "workspace verifier key"
    assert key_holders(opened(place, recipient)).endswith(f"auditors {fingerprint(recipient)}")


def test_a_mistyped_auditor_is_refused_when_the_configuration_is_read(place: Path) -> None:
    """Not after the edit, when the residual is sealed; pyrage agrees on what is a key."""
    good = recipient_of(new_identity())
    changed = "q" if good[30] != "q" else "p"
    assert is_recipient(good)
    for wrong in (good[:30] + changed + good[31:], good[:-1], good.upper(), "", "ssh-ed25519 A"):
        assert not is_recipient(wrong)
        with pytest.raises(RequestError, match="auditors"):
            opened(place, wrong)


def test_whoever_cannot_be_screened_lapses_once(place: Path) -> None:
    """With the next version; neither who is kept, nor who was withdrawn or has lapsed before."""
    workspace = opened(place, now="2027-01-01")
    keep(workspace, KEPT, "2027-02-01")
    keep(workspace, REQUEST, "2026-12-31")
    sweep(workspace)
    certify_in(workspace, NEVER_KEPT)
    certify_in(workspace, WITHDRAWN)
    workspace.revoke(WITHDRAWN, "issued-in-error")
    certify_in(workspace, NEVER_EDITED, said=erasure_only())

    size = workspace.ledger.size

    assert unscreened(workspace) == [REQUEST, NEVER_KEPT]
    for _ in range(2):
        lapse_unscreened(workspace, MODEL)

    assert workspace.ledger.size == size + 1
    assert standings(workspace) == {
        workspace.certificate(REQUEST).leaf.leaf_hash: "no longer re-verifiable",
        workspace.certificate(NEVER_KEPT).leaf.leaf_hash: "lapsed",
        workspace.certificate(WITHDRAWN).leaf.leaf_hash: "revoked: issued-in-error",
    }
    assert workspace.ledger.audit().ok


def test_only_expired_residuals_are_swept(place: Path) -> None:
    """The expired file is gone and logged, the other one still opens; the audit stays clean."""
    workspace = opened(place, now="2027-01-01")
    keep(workspace, REQUEST, "2026-12-31")
    keep(workspace, KEPT, "2027-01-02")

    assert [each.request for each in sweep(workspace, dry_run=True)] == [REQUEST]
    assert open_residual(workspace, REQUEST) is not None
    (swept,) = sweep(workspace)

    assert not residual_path(workspace, REQUEST).exists()
    assert open_residual(workspace, KEPT) is not None
    assert swept.entry == workspace.ledger.size - 1
    assert sweep(workspace) == []
    assert workspace.ledger.audit().ok


def test_a_killed_sweep_is_carried_on(place: Path) -> None:
    """A file destroyed without an entry is logged; one that came back is destroyed again."""
    workspace = opened(place)
    keep(workspace, REQUEST, "2026-12-31")
    path = residual_path(workspace, REQUEST)
    content = path.read_bytes()
    path.unlink()

    (logged,) = sweep(workspace)
    path.write_bytes(content)
    (again,) = sweep(workspace)

    assert logged.entry == again.entry
    assert not path.exists()


def test_a_sweep_destroys_what_a_killed_write_left(place: Path) -> None:
    """Sealed to the same keys, it would open after the entry says that it was destroyed."""
    workspace = opened(place)
    keep(workspace, REQUEST, "2026-12-31")
    keep(workspace, KEPT, "2027-02-01")
    left = [
        path.with_name(f".{path.name}.0123456789abcdef.tmp")
        for path in (residual_path(workspace, REQUEST), residual_path(workspace, KEPT))
    ]
    for each in left:
        each.write_bytes(residual_path(workspace, REQUEST).read_bytes())
    assert open_sealed(left[0].read_bytes(), workspace.keys.verifier)

    assert [each.request for each in sweep(workspace)] == [REQUEST]

    assert [each.exists() for each in left] == [False, True]


WHOLE = ResidualFile({"A": ROWS}, PhotoSplit((0,), ((1, 2),)), ROWS[0]).to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"anchor": {"shape": [0, 16], "float32": ""}},
        {"anchor": {"shape": [10**30], "float32": ""}},
        {"edit": ["x"]},
        {"sealed": [[1.5]]},
        {"embeddings": 7},
        {"scores": {"plan": "", "verification": "", "notes": {"baseline": "\ud800"}}},
    ],
)
def test_what_is_no_residual_ends_as_one_error(change: dict[str, object]) -> None:
    """Whatever stands in it; the error quotes nothing of that."""
    content = json.loads(WHOLE)
    assert ResidualFile.from_bytes(json.dumps(content).encode()).split.sealed == ((1, 2),)
    for data in (json.dumps(content | change).encode(), b"[" * 200_000, b"\xff", b"null"):
        with pytest.raises(MalformedEvidenceError, match="not a residual") as refused:
            ResidualFile.from_bytes(data)
        assert refused.value.__cause__ is None


def test_a_sweep_waits_for_an_edit(place: Path) -> None:
    """An edit may need the residuals of earlier people."""
    workspace = opened(place)
    workspace.config = workspace.config.model_copy(update={"lock_timeout_seconds": 0.05})
    keep(workspace, REQUEST, "2026-12-31")
    with (
        locked(workspace.folder / "models" / "edit.lock"),
        pytest.raises(LockedError),
    ):
        sweep(workspace)

    assert residual_path(workspace, REQUEST).exists()


def test_sweep_and_verify_on_the_command_line(govsdk: Govsdk, place: Path) -> None:
    """After the sweep ``verify --ledger`` passes and says: no longer re-verifiable."""
    keep(opened(place), REQUEST, "2020-01-01")
    keys = place / "workspace" / "keys"

    assert govsdk("evidence", "sweep").out.count("no longer re-verifiable") == 1
    assert govsdk("ledger", "export", place / "export").code == 0
    answer = govsdk(
        *("verify", place / "workspace" / "certificates" / f"{REQUEST}.sigstore.json"),
        *("--key", keys / "signer.pub.pem", "--log-key", keys / "log.vkey"),
        *("--ledger", place / "export"),
    )

    assert answer.code == 0
    assert "no longer re-verifiable" in answer.out
