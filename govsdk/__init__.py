"""govsdk makes face models forget a person, and proves it.

::

    import govsdk

    ws = govsdk.Workspace.open("acme")                  # registry, models, ledger, keys, policies
    ws.enroll("subject-42", photos)                     # identity registry (FAISS-indexed)
    result = ws.forget(
        "subject-42", policy="standard", request_id="…",
        receipt_to="subject-42.receipt.json",           # the person's, handed out once
    )
    result.raise_for_status()
    result.certificate.save("subject-42.sigstore.json")

    govsdk.forget("subject-42")                         # the same, where GOVSDK_WORKSPACE says

    govsdk.verify_certificate("subject-42.sigstore.json", key="signer.pub.pem", log_key="log.vkey")

Everything else hangs on these names. Nothing heavy (torch, diffusers, faiss, duckdb) is imported
before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from govsdk.errors import GovsdkError
from govsdk.ports import GovernedModels, Progress, RecogniserSource, silent

if TYPE_CHECKING:
    from govsdk.certify.check import Report
    from govsdk.certify.keys import KeyProvider
    from govsdk.govern.calibrating import calibrate
    from govsdk.govern.previewing import ForgetPlan
    from govsdk.govern.result import Certificate, ForgetResult
    from govsdk.govern.workspace import Workspace
    from govsdk.policy import Policy
    from govsdk.records import Verdict

__version__ = "0.1.0"

__all__ = [
    "Certificate",
    "ForgetPlan",
    "ForgetResult",
    "GovernedModels",
    "GovsdkError",
    "KeyProvider",
    "Policy",
    "Progress",
    "RecogniserSource",
    "Verdict",
    "Workspace",
    "calibrate",
    "forget",
    "verify_certificate",
]

_LAZY = {
    "Certificate": "govsdk.govern.result",
    "ForgetPlan": "govsdk.govern.previewing",
    "ForgetResult": "govsdk.govern.result",
    "KeyProvider": "govsdk.certify.keys",
    "Policy": "govsdk.policy",
    "Verdict": "govsdk.records",
    "Workspace": "govsdk.govern.workspace",
    "calibrate": "govsdk.govern.calibrating",
}


def forget(
    subject: str,
    policy: str | Path | Policy = "standard",
    *,
    request_id: str | None = None,
    receipt_to: str | Path | None = None,
    progress: Progress = silent,
) -> ForgetResult:
    """Forget ``subject`` in the default workspace; as ``Workspace.forget``, with what it raises.

    Its folder is the one that GOVSDK_WORKSPACE names; its passphrases lie in GOVSDK_KEYS's.

    Raises:
        MissingWorkspaceError: GOVSDK_WORKSPACE is not set, or names no workspace.
    """
    from govsdk.govern.workspace import Workspace

    return Workspace.open().forget(
        subject, policy, request_id=request_id, receipt_to=receipt_to, progress=progress
    )


def verify_certificate(
    path: str | Path,
    *,
    key: str | Path,
    log_key: str | Path,
    ledger: str | Path | None = None,
    ledger_key: str | Path | None = None,
    since: str | Path | None = None,
    require: str | Path | Policy | None = None,
    model: str | Path | None = None,
    receipt: str | Path | None = None,
    witnesses: Sequence[str] = (),
    quorum: int = 1,
    proof: str | Path | None = None,
    reproduction: str | Path | None = None,
    auditor_key: str | Path | None = None,
    timestamp: str | Path | None = None,
    timestamp_ca: str | Path | None = None,
) -> Report:
    """Check a certificate file offline and return one finding per numbered check.

    Args:
        key: The issuer's public key (PEM), from a source you trust: none inside the file is used.
        log_key: The ledger's verifier key (C2SP vkey), likewise.
        ledger: An exported ledger folder, newer than the certificate: does it bear the plan and the
            attempts out, and was the certificate withdrawn since?
        ledger_key: The ledger's newer verifier key, if it was rotated since: the export, ``since``
            and ``proof`` may be under it.
        since: An older checkpoint of that ledger that you kept: is it the same history?
        require: A policy of your own that the certificate's figures must meet.
        model: The model folder the certificate should be about.
        receipt: The data subject's receipt: "is it about me?".
        witnesses: Verifier keys of witnesses, of whom ``quorum`` must have cosigned.
        proof: The certificate's ``.tlog-proof`` under the cosigned or stamped head (``govsdk ledger
            prove``).
        timestamp: An RFC 3161 timestamp of that head, from an authority that ``timestamp_ca`` (PEM)
            vouches for.
        reproduction: An auditor's statement that they measured the same.
        auditor_key: That auditor's public key (PEM), from them.

    Raises:
        MissingError: One of the files is not there.
        BackendError: One of them cannot be read.
        PolicyError: ``require`` is no valid policy.
        RequestError: A key is not one, or something was given without what it needs: a timestamp
            without ``timestamp_ca``, a quorum or a proof without witnesses.
    """
    from govsdk.certify.check import check
    from govsdk.govern import holding

    later = holding.proof_from(proof, witnesses, timestamp)
    return check(
        holding.file(path, "the certificate"),
        key_pem=holding.file(key, "key"),
        log_vkey=holding.vkey(log_key, "log_key"),
        held=holding.held_from(
            key,
            log_key,
            ledger=ledger,
            ledger_key=ledger_key,
            since=since,
            require=require,
        ),
        model=None if model is None else Path(model),
        receipt=None if receipt is None else holding.file(receipt, "receipt"),
        witnesses=holding.witnesses_from(witnesses, quorum, later),
        timestamp=holding.timestamp_from(timestamp, timestamp_ca, later),
        attached=holding.attached_from(reproduction, auditor_key),
    )


def __getattr__(name: str) -> Any:  # noqa: ANN401  (module attributes have no common type)
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
