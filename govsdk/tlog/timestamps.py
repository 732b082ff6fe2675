"""Timestamps: an authority's word that a log's head existed at a time; the one seam to
``rfc3161_client``.

Invariants:

- what is stamped is the checkpoint's text without its signatures: the same whoever cosigned it;
- the authority's root comes from the verifier; certificates inside a token only lead there;
- every certificate must have been valid at the time that the token names.

Source: RFC 3161, and RFC 5816 for SHA-256; through the ``rfc3161-client`` package, which is strict
about DER: an authority whose tokens it refuses is noticed when the first one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from govsdk.errors import (
    MalformedEvidenceError,
    MissingExtraError,
    RequestError,
    SignatureError,
)
from govsdk.records import Instant, instant
from govsdk.tlog.checkpoints import Checkpoint

if TYPE_CHECKING:
    from types import ModuleType

MAX_TOKEN_BYTES = 64 * 1024


@dataclass(frozen=True)
class Stamps:
    """Answers of an authority for several heads of one log, and whom to trust for them."""

    answers: Mapping[int, bytes]
    """The answer (TimeStampResp, DER) for the head of each size."""
    roots_pem: bytes
    """The root certificates that the authority must lead to."""


def obtain_timestamp(
    head: Checkpoint, roots_pem: bytes, ask: Callable[[bytes], bytes]
) -> tuple[bytes, Instant]:
    """Return the authority's answer for ``head``, and the time in it, once it verifies.

    Args:
        ask: Sends a TimeStampReq (DER, SHA-256, with a fresh nonce) and returns the answer.

    Raises:
        RequestError, MalformedEvidenceError, SignatureError, MissingExtraError: See
            ``verify_timestamp``; also for an answer to another request.
    """
    library = _library()
    request = library.TimestampRequestBuilder(
        data=head.text.encode(), hash_algorithm=library.HashAlgorithm.SHA256
    ).build()
    response = ask(request.as_bytes())
    return response, verify_timestamp(response, head, roots_pem, nonce=request.nonce)


def verify_timestamp(
    response: bytes, head: Checkpoint, roots_pem: bytes, *, nonce: int | None = None
) -> Instant:
    """Return when ``head`` was seen, by an authority that one of ``roots_pem`` vouches for.

    Args:
        response: A whole TimeStampResp (DER), as an authority sends it.
        nonce: The request's, where it is known.

    Raises:
        RequestError: ``roots_pem`` holds no certificate.
        MalformedEvidenceError: ``response`` is none, or larger than 64 KiB.
        SignatureError: It is of another head, or by somebody else.
        MissingExtraError: ``rfc3161-client`` is not installed.
    """
    library = _library()
    try:
        roots = x509.load_pem_x509_certificates(roots_pem)
    except ValueError as cause:
        raise RequestError("the timestamp authority's file holds no certificate") from cause
    if len(response) > MAX_TOKEN_BYTES:
        raise MalformedEvidenceError("a timestamp larger than 64 KiB", reason="timestamp-malformed")
    try:
        token = library.decode_timestamp_response(response)
        seen = token.tst_info.gen_time
        verifier = library.VerifierBuilder(roots=roots, nonce=nonce).build()
        verifier.verify_message(token, head.text.encode())
    except library.VerificationError as cause:
        raise SignatureError("the timestamp", reason="timestamp") from cause
    except ValueError as cause:
        raise MalformedEvidenceError("not a timestamp", reason="timestamp-malformed") from cause
    return instant(seen)


def _library() -> ModuleType:
    try:
        import rfc3161_client
    except ImportError as cause:
        raise MissingExtraError(
            "rfc3161-client, for timestamps", hint="pip install 'govsdk[timestamp]'"
        ) from cause
    module: ModuleType = rfc3161_client
    return module
