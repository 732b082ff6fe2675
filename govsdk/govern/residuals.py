"""What outlives erasure on purpose: a sealed file about the subject, and what it is opened for.

- Under ``residuals: sealed`` one age file per forgotten subject is kept, readable only with the
  workspace's verifier key (held outside the workspace) and the auditors' keys.
- It is opened for nothing but re-verification, replay and screen in later edits, and to keep
  anchors away; under ``residuals: none`` nothing is kept and none of that works.
- Of somebody in whom there was nothing to forget it keeps anchors away, and no more: no edit took
  them out of the model, so that no later one could bring them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.canonical import sha256_hex
from govsdk.certify.predicate import Forgetting
from govsdk.certify.recipients import fingerprint
from govsdk.certify.residuals import open_sealed, seal
from govsdk.durable import read_file, write_file
from govsdk.errors import DigestMismatchError, EvidenceError, KeyUseError
from govsdk.govern.plan import PrivatePlan
from govsdk.govern.residual_file import ResidualFile, ScoreSheet
from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Float32, Templates
from govsdk.records import JUDGES_NEEDED, Sha256, Verdict

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace

RESIDUAL = "embeddings"
"""What certificates call the sealed file."""

NEARLY = 0.99
"""Cosine from which two centroids are nearly the same, more photos or fewer."""


@dataclass(frozen=True, eq=False)
class EarlierSubject:
    """Somebody erased earlier on this model line, as their residual remembers them."""

    templates: Templates
    """Embeddings only; the id is the request's name in the ledger."""
    edit: tuple[int, ...]
    anchor: Float32
    policy: Policy | None
    """The policy that was met; None where a residual does not say."""

    @property
    def screenable(self) -> bool:
        """Whether as many recognisers that knew the person are in force as a verdict needs."""
        return len(self.templates.by_recogniser) >= JUDGES_NEEDED

    def keep_away(self) -> list[Float32]:
        """Return the embeddings that no later anchor may come near."""
        return [self.templates.centroid(CONDITIONING), self.anchor]


def residual_path(workspace: Workspace, request: Sha256) -> Path:
    """Return where the residual of ``request`` lies or would lie."""
    return workspace.places.residuals / f"{request}.age"


def keep_residual(
    workspace: Workspace,
    request: Sha256,
    templates: Templates,
    private: PrivatePlan,
    *,
    policy: Policy | None = None,
    sheet: ScoreSheet | None = None,
) -> bytes:
    """Seal what outlives the erasure of ``templates`` into a residual; return the sealed bytes."""
    content = ResidualFile(
        embeddings=templates.by_recogniser,
        split=private.split,
        anchor=private.anchor.embedding,
        policy=policy,
        sheet=sheet,
    ).to_bytes()
    sealed = seal(content, [workspace.keys.recipient, *workspace.config.auditors])
    write_file(residual_path(workspace, request), sealed)
    return sealed


def key_holders(workspace: Workspace) -> str:
    """Return who can open a residual that is sealed now, as the certificate names them."""
    auditors = ", ".join(map(fingerprint, workspace.config.auditors))
    return "workspace verifier key" + (f"; auditors {auditors}" if auditors else "")


def open_residual(workspace: Workspace, request: Sha256) -> EarlierSubject | None:
    """Return what the residual of ``request`` holds, or None where nothing is kept to compare with.

    Under recognisers whose weights were replaced since, a cosine means nothing: their embeddings
    are left out, and without A's, which condition the generator, nothing is left.

    Raises:
        EvidenceError, KeyUseError: It is not the file that the certificate names, or sealed to
            others; ``facts["request"]`` says whose it is.
    """
    sealed = read_file(residual_path(workspace, request), "reading a residual")
    if sealed is None:
        return None
    said = workspace.certificate(request).says
    try:
        _require_certified(said, sealed)
        found = ResidualFile.from_bytes(open_sealed(sealed, workspace.keys.verifier))
    except (EvidenceError, KeyUseError) as error:
        facts = {**error.facts, "request": request[:16]}
        detail = f"the residual of request {request[:16]}: {error.detail}"
        raise type(error)(detail, hint=error.hint, **facts) from error
    templates = _in_force(workspace, said, found.templates(request))
    if CONDITIONING not in templates.by_recogniser:
        return None
    return EarlierSubject(templates, found.split.edit, found.anchor, found.policy)


def _require_certified(said: Forgetting, sealed: bytes) -> None:
    """Accept the file that the certificate names: anybody can seal another one to public keys."""
    named = next((each.sha256 for each in said.residuals if each.name == RESIDUAL), None)
    if sha256_hex(sealed) != named:
        raise DigestMismatchError(
            "it is not the one that the certificate names",
            hint="put back the one that was sealed, from a backup; once it is removed, the person "
            "counts as one who cannot be looked for",
            reason="evidence",
        )


def _in_force(workspace: Workspace, said: Forgetting, templates: Templates) -> Templates:
    """Return ``templates`` under those recognisers that judged the request and still do."""
    judged = {each.name: each.sha256 for each in said.scope.recognisers}
    now = {name: embedder.sha256 for name, embedder in workspace.embedders.items()}
    rows = templates.by_recogniser
    kept = {name: rows[name] for name in rows if now.get(name, "none") == judged.get(name)}
    return Templates(templates.subject, kept)


def earlier_subjects(workspace: Workspace) -> list[EarlierSubject]:
    """Return everybody forgotten on this model line whose residual is kept."""
    return [past for request, past in _kept(workspace) if was_forgotten(workspace, request)]


def replayed(
    workspace: Workspace, templates: Templates, anchor: Float32
) -> list[tuple[Float32, Float32]]:
    """Return edit photos and replacement of everybody forgotten earlier, for an edit.

    Whose replacement was forgotten since, or is the person of ``templates`` who now gives way to
    ``anchor``, is led on to that one's replacement: no photo may lead to a face that is to be gone.
    """
    earlier, floor = earlier_subjects(workspace), _same_person(workspace)
    gone = [(past.templates.centroid(CONDITIONING), past.anchor) for past in earlier]
    gone.append((templates.centroid(CONDITIONING), anchor))
    return [
        (
            past.templates.only(past.edit).by_recogniser[CONDITIONING],
            _led_on(past.anchor, gone, floor),
        )
        for past in earlier
    ]


def _led_on(anchor: Float32, gone: Sequence[tuple[Float32, Float32]], floor: float) -> Float32:
    """Follow ``anchor`` through the replacements of those ``gone`` to somebody who is not."""
    for _ in gone:  # once each at most: an anchor comes near nobody who was forgotten before it
        after = next((new for old, new in gone if float(anchor @ old) >= floor), None)
        if after is None:
            break
        anchor = after
    return anchor


def serves_for_others(workspace: Workspace, templates: Templates) -> bool:
    """Return whether the residual of somebody forgotten earlier keeps the person as replacement."""
    floor, centroid = _same_person(workspace), templates.centroid(CONDITIONING)
    return any(float(past.anchor @ centroid) >= floor for _, past in _kept(workspace))


def _same_person(workspace: Workspace) -> float:
    """Return the cosine from which two centroids are one person's.

    Photos may have been added between, so they are compared as an enrolment compares people, or,
    where the records do not know its rate, have to be nearly the same.
    """
    return workspace.gates.same_person.get(CONDITIONING, NEARLY)


def forbidden_for_anchors(workspace: Workspace) -> list[Float32]:
    """Return the embeddings that no anchor may come near: people erased earlier, their anchors."""
    return [row for _, past in _kept(workspace) for row in past.keep_away()]


def was_forgotten(workspace: Workspace, request: Sha256) -> bool:
    """Return whether the certificate of ``request`` says FORGOTTEN, and not erasure only."""
    return workspace.certificate(request).says.verdict is Verdict.FORGOTTEN


def _kept(workspace: Workspace) -> Iterator[tuple[Sha256, EarlierSubject]]:
    for request in workspace.certificates():
        residual = open_residual(workspace, request)
        if residual is not None:
            yield request, residual
