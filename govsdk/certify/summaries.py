"""Summaries: a certificate in one line for policy engines that do not know its predicate.

Invariants:

- it says less than the certificate, never more: each property follows from figures that the
  certificate's own rules already demand (a failure is the absence of a property);
- it is derived and signed by the same key, as a file of its own. It is no ledger entry: it states
  nothing new, and an entry's place in the log is the certificate's, which the summary names.

Source: in-toto attestation, Simple Verification Result (SVR) v0.2, in a DSSE envelope, one per line
(``.intoto.jsonl``); docs/formats/certificate-v0.1.md, section 6.
"""

from __future__ import annotations

from govsdk.canonical import canonical_bytes
from govsdk.certify.bundles import Bundle
from govsdk.certify.predicate import Forgetting, forgetting_in
from govsdk.records import Verdict
from govsdk.tlog.envelopes import sign_payload
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.signatures import Signer
from govsdk.tlog.statements import TYPE

PREDICATE_TYPE = "https://in-toto.io/attestation/svr/v0.2"
VERIFIER = "https://govsdk.example/verifier/forgetting/v0.1"


def summary(bundle: Bundle, signer: Signer) -> bytes:
    """Return the summary of the certificate ``bundle``, signed: the file to hand to an engine.

    Not checked: whether the certificate holds or still stands; ``verify`` does that.
    """
    statement = bundle.statement
    said = forgetting_in(statement)
    payload = {
        "_type": TYPE,
        "subject": [
            {"name": each.name, "digest": {"sha256": each.sha256}} for each in statement.subjects
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER},
            "timeCreated": said.validity.verified_at,
            "policies": [
                {
                    "name": said.policy.name,
                    "digest": {"sha256": said.policy.sha256},
                    "annotations": {"certificateLeaf": leaf_hash(bundle.leaf).hex()},
                }
            ],
            "properties": properties(said),
        },
    }
    return sign_payload(canonical_bytes(payload), signer).to_bytes() + b"\n"


def properties(said: Forgetting) -> list[str]:
    """Return what a policy engine may gate on."""
    policy = said.policy.name.upper().replace("-", "_")
    found = ["GOVSDK_SUBJECT_ERASED"]
    if said.verdict is Verdict.FORGOTTEN:
        found += ["GOVSDK_FORGOTTEN", f"GOVSDK_FORGOTTEN_{policy}"]
        claimed = {claim.name for claim in said.claims}
        found += [
            f"GOVSDK_{name.upper().replace('-', '_')}" for name in sorted(claimed - {"forget"})
        ]
    return found
