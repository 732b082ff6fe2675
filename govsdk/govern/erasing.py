"""The stage that destroys: key, rows, index entries, private job files; and the search afterwards.

- The residual (if the policy keeps one) is sealed before anything is destroyed, so a crash in
  between can still say what to look for.
- The positive control of the scan: the same patterns are found in what the registry unseals, right
  before its key is destroyed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from govsdk.canonical import sha256_hex
from govsdk.errors import UnknownSubjectError
from govsdk.govern.job import Stage
from govsdk.govern.residuals import keep_residual, open_residual
from govsdk.records import Erasure, Residual, Scan, instant
from govsdk.registry.scan import Patterns, count_hits, patterns_of, scan
from govsdk.registry.vault import Vault
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting

OPENING = "opening"
"""The receipt's key, sealed under the workspace's vault until the receipt is handed out."""


def erase(run: Forgetting) -> None:
    """Erase the subject from the registry and from every unsealed byte of the workspace."""
    workspace, job, registry = run.workspace, run.job, run.workspace.registry
    try:
        templates, photos = run.templates, registry.photos(run.subject)
    except UnknownSubjectError:
        # Killed between erasing and recording it: the residual still knows what to look for.
        residual = open_residual(workspace, run.request)
        patterns = patterns_of(residual.templates, ()) if residual else Patterns(())
        found_before = 0
    else:
        if not job.state.residuals:
            _keep_opening(run)
            job.advance(residuals=_residuals(run))
        patterns = patterns_of(templates, photos, run.subject)
        found_before = count_hits(
            b"".join(rows.tobytes() for rows in templates.by_recogniser.values()), patterns
        ) + sum(count_hits(photo.tobytes(), patterns) for photo in photos)
    erased = registry.erase(run.subject)
    job.drop_private()
    found = scan([workspace.folder], patterns)
    erasure = Erasure(
        keys_destroyed=erased.keys,
        templates=erased.templates,
        photos=erased.photos,
        index_rewritten=erased.index_rewritten,
        scan=Scan(
            patterns=len(patterns),
            files=found.files,
            bytes=found.bytes,
            hits_before=found_before,
            hits_after=found.hits,
        ),
    )
    run.entries.append(Kind.ERASURE, run.current, erasure.public())
    job.advance(Stage.ERASED, erasure=erasure)


def _residuals(run: Forgetting) -> tuple[Residual, ...]:
    """Keep what the policy lets outlive erasure, and say what it is."""
    tombstone = Residual(
        name="tombstone",
        purpose="recognise a retried request or a new enrolment of the same id",
        key_holder="workspace vault",
    )
    first_model = Residual(
        name="model version 0",
        purpose="teacher of later edits",
        key_holder="workspace",
        sha256=run.workspace.line.version(0).digest,
    )
    if run.policy.residuals == "none":
        return tombstone, first_model
    sealed = keep_residual(run.workspace, run.request, run.templates, run.private)
    expires = run.workspace.clock() + timedelta(days=run.policy.evidence.retention_days)
    embeddings = Residual(
        name="embeddings",
        purpose="re-verification, replay in later edits, anchor constraints, suppression",
        key_holder="workspace verifier key",
        sha256=sha256_hex(sealed),
        expires_at=instant(expires),
    )
    return embeddings, tombstone, first_model


def _keep_opening(run: Forgetting) -> None:
    private = run.private
    vault = Vault(run.workspace.keys.vault, run.workspace.entropy)
    path = run.folder / OPENING
    vault.put(path, OPENING, run.request, private.key + bytes.fromhex(private.template_set))


def take_opening(run: Forgetting) -> tuple[bytes, str] | None:
    """Return the receipt's key and the template-set digest, or None once handed out."""
    path = run.folder / OPENING
    if not path.exists():
        return None
    vault = Vault(run.workspace.keys.vault, run.workspace.entropy)
    opening = vault.take(path, OPENING, run.request)
    return opening[:32], opening[32:].hex()


def drop_opening(run: Forgetting) -> None:
    """Forget the receipt's key: from here on only the data subject can open the commitment."""
    (run.folder / OPENING).unlink(missing_ok=True)
