"""Lies about what a verifier holds beside a certificate: an export, an older head, a timestamp, a
policy of one's own, an auditor's statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from govsdk.canonical import canonical_bytes
from govsdk.certify.predicate import Forgetting, SubjectCommitment
from govsdk.certify.reproductions import Reproduction, reproduction
from govsdk.certify.revocations import LeafReference, Reason, Revocation
from govsdk.policy import Policy
from govsdk.records import Claim, Control, Residual, Verdict
from govsdk.tlog.envelopes import parse_envelope, sign_payload
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.signatures import FileSigner, PublicKey
from govsdk.tlog.statements import Kind
from tests.evidence import MODEL, claim, control, screen
from tests.recorded import Step, citing, recorded, steps_of
from tests.vectors.certificates import GOOD, flipped, logged, proof_of, public, vector
from tests.vectors.form import Vector
from tests.vectors.stamps import LATER, OWN, root, stamp
from tests.vectors.world import (
    AFTER,
    HONEST,
    OTHER_LOG,
    SIGNER,
    STRANGER,
    Log,
    certified,
    entry,
    predicate,
    signer,
)
from tests.withdrawals import full_claims, full_controls, revocation_of

GROWN = HONEST.plus(entry("e3"))
SAID = Forgetting.model_validate(predicate())


def signed(payloads: Sequence[bytes]) -> list[bytes]:
    return [sign_payload(each, SIGNER).to_bytes() for each in payloads]


def requested(log: Log, said: Forgetting = SAID) -> Log:
    """Return ``log`` with a request at its end, from its plan to its certificate ``said``."""
    payloads, said = recorded(said, len(log.envelopes))
    return log.plus(*signed(payloads), certified(said.public()))


ISSUED = requested(Log(()))
PLACE = len(ISSUED.envelopes) - 1
FILE = ISSUED.bundle(PLACE).to_bytes()
"""A certificate, and what the ledger has of its request before it."""
LATER_ON = ISSUED.plus(entry("later"))
OTHER = SAID.model_copy(update={"subject_commitment": SubjectCommitment(value="7" * 64)})
FORK = requested(Log(()), OTHER)
NEXT, AUDITOR = signer(2), signer(3)
NOW = "2026-11-21T07:00:00Z"
POLICY = Path(__file__).parents[2] / "policies" / "quickstart.yaml"
ENVELOPES = f"envelopes/000.p/{PLACE + 2}"


def vectors() -> Iterator[Vector]:
    yield from older_heads()
    yield from withdrawals()
    yield from signers()
    yield from timestamps()
    yield from policies()
    yield from reproductions()
    yield from records()


def older_heads() -> Iterator[Vector]:
    def since(
        name: str, description: str, head: Log, ledger: Log | None, reason: str = ""
    ) -> Vector:
        given: dict[str, Any] = {"since": head.note.encode()}
        if ledger is not None:
            given["ledger"] = ledger.files()
        return vector(f"since-{name}", description, FILE, _where(11, reason), reason, **given)

    two = Log(ISSUED.envelopes[:2])
    yield since("older", "A head from before it, in the export.", two, LATER_ON)
    yield since("newer", "A head from after it, in the export.", LATER_ON, LATER_ON)
    yield since("own", "Its own head; no export is needed.", ISSUED, None)
    forked = Log(FORK.envelopes[:2])
    yield since("fork", "A head from before it, of another history.", forked, LATER_ON, "fork")
    grown = FORK.plus(entry("later"))
    yield since("fork-longer", "A head from after it, of another history.", grown, LATER_ON, "fork")
    yield since("fork-own", "Another head of the size of its own.", FORK, None, "fork")
    yield since("rollback", "The export ends before the head.", LATER_ON, ISSUED, "rollback")
    foreign = replace(ISSUED, key=OTHER_LOG)
    yield since("foreign", "A head of another log.", foreign, LATER_ON, "log-key")


def withdrawals() -> Iterator[Vector]:
    def held(
        name: str, description: str, files: Mapping[str, bytes], reason: str = "", **more: object
    ) -> Vector:
        return vector(name, description, FILE, _where(13, reason), reason, ledger=files, **more)

    def after(said: Revocation) -> Log:
        return ISSUED.plus(entry("later", Kind.REVOCATION, **said.public()))

    own = _reference(ISSUED, PLACE)
    other = own.model_copy(update={"leaf_hash": "7" * 64})
    revoked = after(revocation_of(own, Reason.MEASUREMENT_WRONG))
    superseded = after(revocation_of(own, Reason.SUPERSEDED, successor=other))
    yield held("standing", "A later entry, which is about something else.", LATER_ON.files())
    elsewhere = after(revocation_of(other, Reason.KEY_COMPROMISE, request="e" * 64)).files()
    yield held("revoked-another", "Another certificate was revoked.", elsewhere)
    twin = after(revocation_of(other, Reason.KEY_COMPROMISE)).files()
    yield held("revoked-twin", "Another certificate for its request was revoked.", twin, "revoked")
    yield held("revoked", "It was revoked.", revoked.files(), "revoked")
    yield held("superseded", "Another one took its place.", superseded.files(), "superseded")
    files = revoked.files()
    lines = files[ENVELOPES].splitlines(keepends=True)
    short, swapped = (
        {**files, ENVELOPES: b"".join([*lines[: PLACE + 1], *last])} for last in ([], lines[:1])
    )
    yield held("revocation-cut", "The revocation's envelope was taken out.", short, "short")
    yield held("revocation-swapped", "Another envelope in its place.", swapped, "leaf")
    bent = entry("later", Kind.REVOCATION, reason="he asked for it")
    said = "A revocation of a shape that is not known."
    yield held("revocation-malformed", said, ISSUED.plus(bent).files(), "revocation-malformed")
    early = Log(ISSUED.envelopes[:2]).files()
    yield held("export-older", "An export that ends before it.", early, "ledger-too-old")
    forked = FORK.plus(entry("later")).files()
    yield held("export-forked", "An export of another history.", forked, "fork")


def signers() -> Iterator[Vector]:
    """Yield a certificate of a key that was replaced: before its end, and after."""

    def event(by: FileSigner, word: str, about: FileSigner, **more: object) -> bytes:
        said = {"role": "certificate", "event": word, "occurredAt": NOW, **more}
        return entry(f"key/{word}", Kind.KEY, by, key=about.public_pem.decode(), **said)

    first = SIGNER.public_pem.decode()
    overlap = Log(
        (event(SIGNER, "rotated", NEXT), event(NEXT, "created", NEXT, predecessor=first)),
        signers=(PublicKey.from_pem(NEXT.public_pem),),
    )
    retired = event(NEXT, "retired", SIGNER)
    during = requested(overlap)
    *begun, last = during.envelopes
    before, after = during.plus(retired), replace(during, envelopes=(*begun, retired, last))
    said = "Signed during the overlap by the key that was retired later."
    own = during.bundle(len(begun)).to_bytes()
    yield vector("signer-retired-later", said, own, ledger=before.files())
    said = "Signed by the pinned key after it was retired."
    yield vector(
        "signer-retired",
        said,
        after.bundle(len(begun) + 1).to_bytes(),
        "revocation",
        "key-not-valid-here",
        ledger=after.files(),
    )


def timestamps() -> Iterator[Vector]:
    def stamped(
        name: str, description: str, answer: bytes, reason: str = "", **more: object
    ) -> Vector:
        given = {"timestamp": answer, "timestampCa": root("authority"), **more}
        return vector(f"stamp-{name}", description, GOOD, _where(12, reason), reason, **given)

    answer, later = stamp(OWN), stamp(LATER)
    own, neighbour = (proof_of(GROWN, index, GROWN.note) for index in (2, 1))
    yield stamped("own", "Its own head was stamped.", answer)
    yield stamped("later", "A later head was stamped, and the proof is given.", later, proof=own)
    yield stamped("elsewhere", "The stamp of another head.", later, "timestamp")
    said = "The proof under the stamped head is another entry's."
    yield stamped("proof-of-another", said, later, "inclusion", proof=neighbour)
    said, stranger = "An authority that the verifier does not trust.", root("stranger")
    yield stamped("stranger", said, answer, "timestamp", timestampCa=stranger)
    bit = answer[:-5] + bytes([answer[-5] ^ 1]) + answer[-4:]
    yield stamped("bit", "A bit of the stamp's signature changed.", bit, "timestamp")
    yield stamped("cut", "A stamp that was cut.", answer[:100], "timestamp-malformed")
    yield stamped("junk", "No stamp.", b"{}", "timestamp-malformed")


def policies() -> Iterator[Vector]:
    policy = Policy.load(POLICY)
    claims, controls = full_claims(policy), full_controls(policy)
    judged = (1, Verdict.NOT_FORGOTTEN), (2, Verdict.FORGOTTEN)

    def shows(
        name: str,
        description: str,
        reason: str = "",
        bound: str = "",
        claims: Sequence[Claim] = claims,
        controls: Sequence[Control] = controls,
        **more: object,
    ) -> Vector:
        said = predicate(claims=public(claims), controls=public(controls), **more)
        if bound:
            said["policy"] = {**said["policy"], "bound": bound}
            said["text"] = f"FORGOTTEN (quickstart: < {float(bound) * 100:.0f} %)"
        inputs = {"policy": POLICY.read_bytes()}
        lie = logged(certified(said))
        return vector(f"policy-{name}", description, lie, _where(15, reason), reason, **inputs)

    def first(**changes: object) -> Sequence[Claim]:
        return (claims[0].model_copy(update=changes), *claims[1:])

    yield shows("met", "Its figures are as strict as the policy.")
    loose = full_claims(policy, bound="0.060000", upper="0.050001")
    said = "It was issued under a larger bound than the policy's, and needed it."
    yield shows("bound", said, "policy-bound", bound="0.060000", claims=loose)
    hidden = full_claims(policy, bound="0.070000", value="0.060606", events=6, upper="0.010000")
    said = "The same, with upper limits below the figures that they limit."
    yield shows("limit", said, "policy-bound", bound="0.070000", claims=hidden)
    few = first(trials=claims[0].trials - 1)
    yield shows("trials", "A trial fewer than the policy asks.", "policy-trials", claims=few)
    risky = first(alpha="0.040001")
    yield shows("alpha", "A larger error probability.", "policy-alpha", claims=risky)
    elsewhere = [
        each.model_copy(update={"part": "acquaintances"} if each.name == "retention" else {})
        for each in claims
    ]
    said = "Retention of others than the policy asks about."
    yield shows("claim", said, "policy-claim", claims=elsewhere)
    weak = [controls[0].model_copy(update={"trials": 50, "events": 45}), *controls[1:]]
    said = "A baseline of half the trials."
    yield shows("baseline", said, "policy-baseline", controls=weak)

    def counted(place: int, **changes: object) -> Sequence[Control]:
        other = controls[place].model_copy(update=changes)
        return (*controls[:place], other, *controls[place + 1 :])

    alike = counted(2, events=30, rate="0.100000")
    said = "Pictures of others are accepted as the person, though the control is said to hold."
    yield shows("impostor", said, "policy-control", controls=alike)
    undrawn = counted(4, events=3, rate="0.010000")
    said = "Others were hardly drawn before the edit either, so nothing could be lost."
    yield shows("retained", said, "policy-control", controls=undrawn)
    yield shows("controls", "The baseline alone.", "policy-control", controls=controls[:2])
    once, twice = ({"number": n, "verdict": v, "sha256": "0" * 64} for n, v in judged)
    said = "The second attempt, with the first one's alpha."
    yield shows("second-alpha", said, "policy-alpha", attempts=[once, twice])
    said = "The second attempt alone: what became of the first?"
    yield shows("attempts", said, "policy-attempts", attempts=[twice])
    few = screen(0).model_copy(update={"probes_each": 9})
    said = "Earlier people were looked for with a probe less than the policy asks."
    yield shows("screen", said, "policy-screen", screen=few.public())
    yield shows("thresholds", "Its thresholds are stated, and meet the policy.", scope=at("0.001"))
    said = "So few strangers match at its threshold that the person hardly does."
    yield shows("fmr", said, "policy-threshold", scope=at("0.00001"))


def at(fmr: str) -> dict[str, Any]:
    """Return the scope with thresholds stated, those of forgetting at this false match rate."""
    scope = predicate()["scope"]
    thresholds = [
        {"purpose": purpose, "faces": "photos", "fmr": rate}
        | {"threshold": "0.711615", "low": "0.706947", "high": "0.716391"}
        for purpose, rate in (("forget", fmr), ("retention", "0.0001"))
    ]
    return {
        **scope,
        "recognisers": [{**judge, "thresholds": thresholds} for judge in scope["recognisers"]],
    }


def reproductions() -> Iterator[Vector]:
    def attached(
        name: str,
        description: str,
        content: bytes,
        reason: str = "",
        by: FileSigner = AUDITOR,
    ) -> Vector:
        given = {"reproduction": content, "auditorKey": by.public_pem}
        data = KEPT.bundle(2).to_bytes()
        return vector(name, description, data, _where(16, reason), reason, **given)

    said = _reproduction(_reference(KEPT, 2))
    good = reproduction(said, AFTER, AUDITOR)
    yield attached("reproduced", "An auditor measured the same.", good)
    own = reproduction(said, AFTER, SIGNER)
    yield attached(
        "reproduction-own", "The issuer as auditor.", own, "reproduction-own-key", by=SIGNER
    )
    foreign = reproduction(said, AFTER, STRANGER)
    yield attached("reproduction-stranger", "Somebody else signed it.", foreign, "keyid")
    bit = flipped(good, b'"sig":"', 30)
    yield attached("reproduction-bit", "A bit of its signature changed.", bit, "signature")
    another = reproduction(_reproduction(_reference(KEPT, 1)), AFTER, AUDITOR)
    told = "It is about another certificate."
    yield attached("reproduction-another", told, another, "reproduction-other")
    told = "It is about the model before the edit."
    before = reproduction(said, MODEL, AUDITOR)
    yield attached("reproduction-model", told, before, "reproduction-model")
    for name, description, changes in (
        ("evidence", "Other evidence was opened than the certificate's.", {"evidence": "7" * 64}),
        ("lines", "It passes over a line of the certificate.", {"not_reproduced": ()}),
    ):
        lie = reproduction(said.model_copy(update=changes), AFTER, AUDITOR)
        yield attached(f"reproduction-{name}", description, lie, f"reproduction-{name}")
    payload = parse_envelope(good.removesuffix(b"\n")).payload
    for name, description, old, new in (
        ("differs", "The same seeds gave other scores.", b'"0.000012"', b'"0.100000"'),
        ("uncontrolled", "A control failed.", b'"passed":true', b'"passed":false'),
        ("vacuous", "No score was compared.", b'"compared":99', b'"compared":0'),
    ):
        assert old in payload
        lie = sign_payload(payload.replace(old, new, 1), AUDITOR).to_bytes() + b"\n"
        yield attached(f"reproduction-{name}", description, lie, "reproduction")
    junk = sign_payload(canonical_bytes({"predicate": {}}), AUDITOR).to_bytes()
    yield attached("reproduction-junk", "Signed, but no reproduction.", junk, "reproduction")


def records() -> Iterator[Vector]:
    """Yield certificates whose plan and attempts are looked up in the export."""

    def held(
        name: str, description: str, payloads: Sequence[bytes], said: Forgetting, reason: str = ""
    ) -> Vector:
        log = Log((*signed(payloads), certified(said.public())))
        inputs = {"ledger": log.files()}
        data, where = log.bundle(len(payloads)).to_bytes(), _where(17, reason)
        return vector(f"record-{name}", description, data, where, reason, **inputs)

    def planned(**changes: object) -> Forgetting:
        """Return the certificate that names its plan otherwise."""
        named = honest.design.pre_registration.model_copy(update=changes)
        design = honest.design.model_copy(update={"pre_registration": named})
        return honest.model_copy(update={"design": design})

    def entries(*steps: Step) -> list[bytes]:
        return [step.payload(SAID.request.commitment) for step in steps]

    failed, passed = (
        SAID.attempts[0].model_copy(update={"verdict": verdict})
        for verdict in (Verdict.NOT_FORGOTTEN, Verdict.FORGOTTEN)
    )
    twice = SAID.model_copy(update={"attempts": (failed, passed)})
    all_of, honest = recorded(twice, 0)
    plan, staged, judged, *rest = steps_of(twice)
    yield held("two-attempts", "Its first attempt failed, and it says so.", all_of, honest)
    hidden = honest.model_copy(update={"attempts": honest.attempts[1:]})
    said = "It passes over the attempt that failed."
    yield held("attempt-hidden", said, all_of, hidden, "attempts")
    unjudged = entries(plan, staged, *rest)
    said = "A model was staged, and its verification never logged."
    yield held("attempt-unjudged", said, unjudged, citing(SAID, unjudged, 0), "attempts")
    ended = entries(plan, staged, judged, Step(Kind.REFUSAL, MODEL, {}), *rest)
    said = "The request had ended with a refusal before."
    yield held("ended", said, ended, citing(twice, ended, 0), "request-ended")

    said = "The plan that it names is another entry."
    yield held("plan-elsewhere", said, all_of, planned(index=1), "plan")
    said = "The plan in the ledger has another digest."
    yield held("plan-digest", said, all_of, planned(sha256="7" * 64), "plan")
    late = entries(staged, plan, judged, *rest)
    said = "It was planned after the first model had been staged."
    yield held("plan-late", said, late, citing(twice, late, 0), "plan-late")
    other = {"name": "strict", "digest": {"sha256": "7" * 64}}
    strict = entries(replace(plan, said={**plan.said, "policy": other}), staged, judged, *rest)
    said = "Another policy was planned."
    yield held("plan-other", said, strict, citing(twice, strict, 0), "plan-other")
    bare = entries(replace(plan, said={}), staged, judged, *rest)
    yield held("plan-malformed", "No plan.", bare, citing(twice, bare, 0), "plan-malformed")

    better = (SAID.claims[0].model_copy(update={"upper": "0.010000"}), *SAID.claims[1:])
    said = "A limit is better than in its last verification."
    dressed = honest.model_copy(update={"claims": better})
    yield held("verification", said, all_of, dressed, "verification")
    said = "It counts fewer earlier attempts than its plan."
    earlier = [{"plan": "7" * 64, "attempts": 2}]
    again = {**plan.said, "earlierRequests": earlier}
    asked = entries(replace(plan, said=again), staged, judged, *rest)
    yield held("earlier-hidden", said, asked, citing(twice, asked, 0), "earlier-attempts")
    said = "Its plan names an earlier request that the ledger does not have."
    counted = citing(twice, asked, 0).model_copy(update={"earlier_attempts": 2})
    yield held("earlier-unknown", said, asked, counted, "earlier-attempts")


def _reproduction(certificate: LeafReference) -> Reproduction:
    agreement = {
        "stage": "forget",
        "part": "photos",
        "recogniser": "A",
        "compared": 99,
        "largestDifference": "0.000012",
        "p": "0.640000",
    }
    said = {
        "certificate": certificate.public(),
        "evidence": "1" * 64,
        "seed": "2" * 64,
        "agreements": [agreement],
        "claims": [each.public() for each in _forget_lines()],
        "controls": [control(recogniser=judge).public() for judge in "AB"],
        "reproduced": ["forget, distribution", "forget, photos", "control, baseline"],
        "notReproduced": LEFT_OUT,
        "harness": "3" * 64,
        "environment": "4" * 64,
        "reproducedAt": NOW,
    }
    return Reproduction.model_validate(said)


LEFT_OUT = (
    "retention, random",
    "quality, random",
    "no-face, all",
    "control, impostor",
    "control, retained",
    "screen, earlier people",
)
"""What no reproduction repeats."""


def _forget_lines() -> list[Claim]:
    parts = ("distribution", "photos")
    return [claim(part=part, recogniser=judge) for part in parts for judge in "AB"]


def _kept() -> Log:
    """Return a log with a certificate that an auditor could measure again."""
    evidence = Residual(name="embeddings", purpose="", key_holder="", sha256="1" * 64)
    said = predicate(residuals=[evidence.public()], screen=screen(0).public())
    return Log((entry("e0"), entry("e1"), certified(said)))


KEPT = _kept()


def _reference(log: Log, index: int) -> LeafReference:
    return LeafReference(leaf_hash=leaf_hash(log.leaves[index]).hex(), index=index)


def _where(number: int, reason: str) -> str:
    """Return the name of check ``number``, where something fails."""
    names = {
        11: "consistency",
        12: "timestamp",
        13: "revocation",
        15: "policy",
        16: "reproduction",
        17: "pre-registration",
    }
    return names[number] if reason else ""
