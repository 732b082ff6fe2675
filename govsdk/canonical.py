"""Values to canonical bytes and back: the only place where signed bytes are made.

Invariants:

- equal JSON values give equal bytes on every machine, whatever order they were built in;
- nothing is parsed leniently: duplicate names, NaN, infinities and endless nesting are refused;
- a digest is always SHA-256 in lower-case hex.

Source: RFC 8785 (JSON Canonicalization Scheme), through the ``rfc8785`` package.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import math
from pathlib import Path
from typing import Any, NoReturn

import rfc8785

from govsdk.errors import MalformedEvidenceError, RequestError
from govsdk.records import Sha256

JSON = Any
"""None, bool, int, float, str, and lists, tuples and string-keyed mappings of these."""


def canonical_bytes(value: JSON) -> bytes:
    """Return ``value`` as canonical JSON in UTF-8, without a final newline.

    Raises:
        RequestError: ``value`` has no canonical form: an integer beyond 2**53 - 1, a NaN or an
            infinity, a lone surrogate, a key that is no string, or something that is not JSON.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, AttributeError) as cause:
        raise RequestError(f"no canonical form: {type(cause).__name__}") from cause


def parse_json(data: bytes, *, what: str) -> JSON:
    """Return the value that ``data``, JSON in UTF-8, stands for; ``what`` names it in the error.

    Raises:
        MalformedEvidenceError: not UTF-8, not JSON, a name twice in one object, NaN or infinity
            (also as a number too large to hold), a lone surrogate, or nested too deeply.
    """
    try:
        value = _STRICT.decode(data.decode("utf-8"))
        if b"\\u" in data:
            # An escape can spell half a character (RFC 8259, section 8.2), which no UTF-8 can.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except (ValueError, RecursionError) as cause:
        raise MalformedEvidenceError(f"{what} is not plain JSON", reason="not-json") from cause


def sha256_hex(data: bytes) -> Sha256:
    """Return the SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def digest(value: JSON) -> Sha256:
    """Return the SHA-256 of ``value``'s canonical bytes."""
    return sha256_hex(canonical_bytes(value))


def source_digest(package: Path, *parts: str) -> Sha256:
    """Return the digest of the Python files that are ``parts`` of ``package`` or lie below them.

    Their names count as their bytes do.
    """
    places = [package / part for part in parts]
    files = [file for at in places for file in ([at] if at.is_file() else at.rglob("*.py"))]
    return digest({f.relative_to(package).as_posix(): sha256_hex(f.read_bytes()) for f in files})


def hmac_hex(key: bytes, message: bytes) -> Sha256:
    """Return HMAC-SHA256 of ``message``: a name for it that only holders of ``key`` can guess."""
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def base64_text(data: bytes) -> str:
    """Return ``data`` in standard Base 64 with padding (RFC 4648, section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def base64_bytes(text: str, *, what: str) -> bytes:
    """Return the bytes that ``text`` encodes; the only accepted text is their own encoding.

    Raises:
        MalformedEvidenceError: other alphabets, missing padding, stray or non-zero spare bits.
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as cause:
        raise MalformedEvidenceError(f"{what} is not Base 64", reason="not-base64") from cause
    if base64_text(data) != text:
        raise MalformedEvidenceError(f"{what} is not strict Base 64", reason="not-base64")
    return data


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number too large to hold")
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
