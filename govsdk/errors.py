"""Every error govsdk raises on purpose, by who must act.

::

    GovsdkError                          .code  .hint  .retryable  .exit_code  .facts
     +- StoppedError                   130  Ctrl-C; of the command line alone
     |   +- DeclinedError                   its question was not answered with yes
     +- UsageError (ValueError)          2  the caller can mend the call
     |   +- RequestError                    an argument is not what the call needs
     |   +- PolicyError                     a policy file says something the schema does not know
     |   +- PhotoError                      a picture cannot be used
     |   +- EmbeddingError                  a vector has the wrong shape or holds non-finite numbers
     |   +- TooFewPhotosError               fewer photos than the sealed folds need
     |   +- TooFewPeopleError               fewer people than a false match rate or an attack needs
     |   +- KeyUseError                     a key does not open, or its file is not safe
     |   +- LegalHoldError               6  the subject must not be erased now
     |   +- NoMatchError                 4  nobody (or nobody fitting) was found
     |   |   +- UnknownSubjectError            no such subject is enrolled
     |   |   +- NoAnchorError                  nobody qualifies as replacement identity
     |   +- ConflictError                6  the call contradicts what is already recorded
     |   |   +- SubjectExistsError             the subject is enrolled or was forgotten
     |   |   +- RequestConflictError           this request id was used with another payload
     |   |   +- LockedError                    another process holds the lock (retryable)
     |   +- MissingError                 7  something the call needs is not there
     |       +- MissingExtraError              an optional dependency is not installed
     |       +- MissingKeyError                a key or its passphrase cannot be found
     |       +- MissingModelError              a model folder or component is not there
     |       +- MissingWorkspaceError          no workspace at that path
     |       +- MissingAnchorError             a folder that keeps heads is gone or empty
     +- EvidenceError                    5  the thing examined does not hold
     |   +- MalformedEvidenceError          it cannot be parsed (a certificate, a note, a proof)
     |   +- SignatureError                  a signature does not verify under the pinned key
     |   +- DigestMismatchError             bytes differ from the digest that names them
     |   +- ProofError                      a proof does not lead to the signed root
     |   +- VerdictError                 3  the measured result does not meet the policy
     |       +- RevokedError                    a genuine certificate was withdrawn later
     +- IntegrityError                   5  our own store contradicts itself: stop writing
     |   +- LedgerForkError                 two histories for one position
     |   +- LedgerRollbackError             fewer entries than were once signed
     |   +- StaleKeysError                  the ledger's keys were replaced since it was opened
     |   +- RegistryCorruptError            the registry's files do not fit together
     |   +- PlaintextFoundError             bytes of an erased subject lie in an unsealed file
     |   +- ModelCorruptError               a model's files differ from its manifest
     +- BackendError                     1  torch, faiss, duckdb, onnxruntime or the disk failed
         +- NonFiniteError                  training or generation produced a NaN or an infinity
         +- OutOfMemoryError                even the smallest batch does not fit
         +- DiskFullError                   the disk is full (retryable once there is room)

Invariants:

- no message, fact or hint holds a name, an id of a person, a photo or an embedding;
- every error survives pickling, so that it can cross a process border;
- the number beside a family is the exit code of the command line (``docs/errors.md``).
"""

from __future__ import annotations

from typing import ClassVar, Self

Fact = str | int | float | bool | None


class GovsdkError(Exception):
    """The root: catch this to catch everything govsdk raises on purpose.

    Args:
        detail: What was found, in values; joined to the class's own sentence.
        hint: What to do next, when the class's own advice is too general.
        facts: Named values for machines (``error.facts["expected"]``), never personal data.
    """

    code: ClassVar[str] = "internal"
    says: ClassVar[str] = "something went wrong inside govsdk"
    advice: ClassVar[str] = "please report it, with the output of `govsdk doctor`"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, detail: str = "", *, hint: str | None = None, **facts: Fact) -> None:
        self.detail = detail
        self.hint = self.advice if hint is None else hint
        self.facts = facts
        super().__init__(f"{self.says}: {detail}" if detail else self.says)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.detail, self.hint, self.facts)

    @property
    def cause(self) -> str | None:
        """The type of what failed underneath, if anything did; its words may hold personal data."""
        return type(self.__cause__).__name__ if self.__cause__ else None

    def to_dict(self) -> dict[str, object]:
        """Return the error as the CLI prints it under ``--json``."""
        return {
            "error": self.code,
            "message": str(self),
            "hint": self.hint,
            "retryable": self.retryable,
            "facts": dict(self.facts),
            "cause": self.cause,
        }


def _rebuild(
    kind: type[GovsdkError], detail: str, hint: str, facts: dict[str, Fact]
) -> GovsdkError:
    """Return the error that pickling took apart."""
    return kind(detail, hint=hint, **facts)


# -- the caller wants no more of it ----------------------------------------------------------------


class StoppedError(GovsdkError):
    code = "stopped"
    says = "stopped before it was done"
    advice = "the same call goes on where it stopped"
    retryable = True
    exit_code = 130


class DeclinedError(StoppedError):
    code = "declined"
    says = "the question was not answered with yes: nothing was done"
    advice = "answer `y`, or give --yes"


# -- the caller can mend the call ------------------------------------------------------------------


class UsageError(GovsdkError, ValueError):
    code = "usage"
    says = "the call cannot be carried out as it stands"
    advice = "mend the call and try again"
    exit_code = 2


class RequestError(UsageError):
    code = "usage.request"
    says = "an argument does not fit"


class PolicyError(UsageError):
    code = "usage.policy"
    says = "the policy is not valid"
    advice = "run `govsdk policy lint FILE`, or `govsdk policy schema` for what may stand in it"

    @classmethod
    def of(cls, setting: str, message: str) -> Self:
        """Return the error of one setting: its dotted place in front, and among the facts."""
        return cls(f"{setting}: {message}", setting=setting)


class PhotoError(UsageError):
    code = "usage.photo"
    says = "a photo cannot be used"
    advice = "leave it out or replace it; no photo of this person was enrolled"


class EmbeddingError(UsageError):
    code = "usage.embedding"
    says = "an embedding does not fit"


class TooFewPhotosError(UsageError):
    code = "usage.too-few-photos"
    says = "there are too few photos to edit on some and judge on others"
    advice = "enrol more photos of this person: at least 4 to edit and 2 for each attempt"


class TooFewPeopleError(UsageError):
    code = "usage.too-few-people"
    says = "there are too few people"
    advice = "add people, or leave the smaller rates out with `govsdk calibrate --fmr`"


class KeyUseError(UsageError):
    code = "usage.key"
    says = "a key cannot be used"
    advice = "give the passphrase it was made with, in a file that only its owner can read"


class LegalHoldError(UsageError):
    code = "conflict.legal-hold"
    says = "the subject is under legal hold"
    advice = "lift the hold first; nothing was changed"
    exit_code = 6


class NoMatchError(UsageError):
    code = "no-match"
    says = "nothing matches"
    advice = "check the id or the photo"
    exit_code = 4


class UnknownSubjectError(NoMatchError):
    code = "no-match.subject"
    says = "no such subject is enrolled"
    advice = "list the enrolled subjects with `govsdk subjects`"


class NoAnchorError(NoMatchError):
    code = "no-match.anchor"
    says = "nobody in the registry qualifies as replacement identity"
    advice = "enrol more people who may serve as anchor, or widen `anchors` in the policy"


class ConflictError(UsageError):
    code = "conflict"
    says = "the call contradicts what is already recorded"
    advice = "nothing was changed: name another one, or look at what is there already"
    exit_code = 6


class SubjectExistsError(ConflictError):
    code = "conflict.subject-exists"
    says = "the subject is already enrolled, being forgotten, or was forgotten"
    advice = "`govsdk requests --ended` lists the requests about them"


class RequestConflictError(ConflictError):
    code = "conflict.request"
    says = "this request id was used before, for something else"
    advice = "use a new request id for a new request"


class LockedError(ConflictError):
    code = "conflict.locked"
    says = "another process holds the lock"
    advice = "wait until it is done and try again"
    retryable = True


class MissingError(UsageError):
    code = "missing"
    says = "something the call needs is not there"
    advice = "check the path; of what belongs to a workspace, `govsdk doctor` says what is gone"
    exit_code = 7


class MissingExtraError(MissingError):
    code = "missing.extra"
    says = "an optional part is not installed"
    advice = "pip install 'govsdk[cpu]' (or 'govsdk[gpu]')"


class MissingKeyError(MissingError):
    code = "missing.key"
    says = "a key or its passphrase cannot be found"
    advice = "point GOVSDK_KEYS or --keys (in Python keys=) at the folder of passphrase files"


class MissingModelError(MissingError):
    code = "missing.model"
    says = "a model, or a part of one, is not there"


class MissingAnchorError(MissingError):
    code = "missing.anchor"
    says = "a folder that keeps the ledger's heads is not there, or remembers nothing"
    advice = (
        "mount or restore it; to begin it anew, without what it remembered, run"
        " `govsdk ledger anchor DIR`; to do without it, take it out of `anchors` in workspace.yaml"
    )


class MissingWorkspaceError(MissingError):
    code = "missing.workspace"
    says = "there is no workspace"
    advice = "create one with `govsdk init DIR`, or point GOVSDK_WORKSPACE at yours"


# -- the thing examined does not hold --------------------------------------------------------------


class EvidenceError(GovsdkError):
    code = "evidence"
    says = "the evidence does not hold"
    advice = "do not rely on it; ask whoever issued it"
    exit_code = 5


class MalformedEvidenceError(EvidenceError):
    code = "evidence.malformed"
    says = "the evidence cannot be read"


class SignatureError(EvidenceError):
    code = "evidence.signature"
    says = "a signature does not verify under the given key"


class DigestMismatchError(EvidenceError):
    code = "evidence.digest"
    says = "bytes differ from the digest that names them"


class ProofError(EvidenceError):
    code = "evidence.proof"
    says = "a proof does not lead to the signed root"


class VerdictError(EvidenceError):
    code = "verdict"
    says = "the result does not meet the policy"
    advice = "see the claims of the result; nothing was published and the subject is restricted"
    exit_code = 3


class RevokedError(VerdictError):
    code = "verdict.revoked"
    says = "valid but revoked: the certificate is genuine and was withdrawn"
    advice = "do not rely on it; ask whoever issued it for the one that replaces it"


# -- our own store contradicts itself --------------------------------------------------------------


class IntegrityError(GovsdkError):
    code = "integrity"
    says = "a store of this workspace contradicts itself"
    advice = "stop writing, keep a copy, and run `govsdk ledger audit`"
    exit_code = 5


class LedgerForkError(IntegrityError):
    code = "integrity.fork"
    says = "the ledger holds two histories"


class LedgerRollbackError(IntegrityError):
    code = "integrity.rollback"
    says = "ROLLBACK: the ledger is shorter than a checkpoint that was signed"
    advice = "restore the newer copy; `govsdk ledger restore` rebuilds it from the exported tiles"


class StaleKeysError(IntegrityError):
    code = "integrity.stale-keys"
    says = "the ledger has other keys than this process holds; nothing was written"
    advice = (
        "open the workspace again: its keys were replaced since; if it says the same then, keep a"
        " copy and run `govsdk ledger audit`"
    )


class RegistryCorruptError(IntegrityError):
    code = "integrity.registry"
    says = "the registry's files do not fit together"
    advice = "stop writing, keep a copy, and put its files back from a backup"


class PlaintextFoundError(IntegrityError):
    code = "integrity.plaintext"
    says = "bytes of the subject lie outside the sealed files"
    advice = (
        "remove the files that `workspace.registry.locate(subject, [workspace.folder])` returns in "
        "Python, and call again; if they hold only the subject's id as a common word, enrol the "
        "person under another id"
    )


class ModelCorruptError(IntegrityError):
    code = "integrity.model"
    says = "a model's files are damaged or do not fit together"
    advice = (
        "replace the damaged files; `govsdk models verify` names those of a workspace's versions, "
        "`govsdk doctor` its recognisers"
    )


# -- something outside failed ----------------------------------------------------------------------


class BackendError(GovsdkError):
    code = "backend"
    says = "a library or the machine failed"
    advice = "look at the cause (GOVSDK_DEBUG=1 shows where it arose), and run `govsdk doctor`"


class NonFiniteError(BackendError):
    code = "backend.non-finite"
    says = "a NaN or an infinity appeared"
    advice = (
        "in training, lower the learning rate (`unlearning.overrides.lr` in the policy); else try"
        " `device: cpu` in workspace.yaml, and replace the model if it stays"
    )


class OutOfMemoryError(BackendError):
    code = "backend.out-of-memory"
    says = "even the smallest batch does not fit into memory"
    advice = "end what else uses the device, or set `device: cpu` in workspace.yaml; call again"
    retryable = True


class DiskFullError(BackendError):
    code = "backend.disk-full"
    says = "the disk is full"
    advice = (
        "free some space, or raise the limit on file sizes, and call again: it goes on where it "
        "stopped"
    )
    retryable = True
