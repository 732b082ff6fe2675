"""Signatures by the thousand: verified in processes beside this one, which goes on reading.

Threads do not help: ``cryptography`` lets go of the interpreter for 70 microseconds at a time, and
taking it back takes as long.

- A helper is trusted with a yes only. Whatever else it says, or if it dies, this process verifies
  the same signatures again, and raises what there is to raise.
- It runs this package as installed, never what lies in the folder the caller stands in, and gets
  public bytes on its standard input.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import cycle
from typing import BinaryIO

from govsdk.errors import GovsdkError, SignatureError
from govsdk.tlog.envelopes import Envelope, pae, verify_all
from govsdk.tlog.signatures import PublicKey

_WORTH_IT = 4096
"""Signatures below which starting a helper takes longer than it saves."""

_MOST = 4
"""Helpers at most: reading and parsing keeps no more of them busy."""

_YES, _NO = b"\1", b"\0"
_LENGTH = struct.Struct(">Q")
_LENGTHS = struct.Struct(">HQH")
"""Bytes of key (SubjectPublicKeyInfo), message and signature, which follow."""

Signed = Sequence[tuple[Envelope, PublicKey]]


@contextmanager
def verifying(expected: int) -> Iterator[Callable[[Signed], None]]:
    """Yield what accepts envelopes, each under the key beside it, until the block ends at latest.

    Where a signature and something else is wrong, it is the signature that is told.

    Args:
        expected: How many envelopes there will be in all.

    Raises:
        SignatureError: One is not signed by the key beside it.
    """
    helpers = _started(expected)
    if not helpers:
        yield verify_all
        return
    turns, shares = cycle(helpers), len(helpers) + 2  # reading takes as long as one share

    def take(signed: Signed) -> None:
        own = len(signed) // shares
        next(turns).take(signed[own:])
        verify_all(signed[:own])

    try:
        try:
            yield take
        except GovsdkError:
            _finish(helpers)
            raise
        _finish(helpers)
    finally:
        for helper in helpers:
            helper.close()


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer, batch by batch, whether all of its signatures verify."""
    while head := questions.read(_LENGTH.size):
        batch = questions.read(*_LENGTH.unpack(head))
        answers.write(_YES if _all_verify(batch) else _NO)
        answers.flush()


class _Helper:
    """One process, at work on at most one batch."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None, "a pipe"
        assert process.stdout is not None, "a pipe"
        self._process, self._questions, self._answers = process, process.stdin, process.stdout
        self._asked: Signed = ()

    def take(self, signed: Signed) -> None:
        """Give the helper a batch, once it is done with the one before."""
        batch = b"".join(_question(*each) for each in signed)
        self.finish()
        self._asked = signed
        try:
            self._questions.write(_LENGTH.pack(len(batch)) + batch)
            self._questions.flush()
        except (OSError, ValueError):  # the helper died, or its pipe is closed
            self._process.kill()  # so that it answers nothing, which ``finish`` notices

    def finish(self) -> None:
        """Wait for the answer about the batch that was given last."""
        asked, self._asked = self._asked, ()
        if asked and self._answers.read(1) != _YES:
            verify_all(asked)

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._questions, self._answers):
            with suppress(OSError):
                pipe.close()
        self._process.wait()


def _started(expected: int) -> list[_Helper]:
    count = min(_cores() - 1, _MOST) if expected >= _WORTH_IT else 0
    command = [sys.executable, "-P", "-m", __name__]
    found = []
    with suppress(OSError):  # where no process may be started, this one does it all
        for _ in range(count):
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=os.sep
            )
            found.append(_Helper(process))
    return found


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _finish(helpers: Sequence[_Helper]) -> None:
    for helper in helpers:
        helper.finish()


def _question(envelope: Envelope, key: PublicKey) -> bytes:
    envelope.require_key(key)
    message = pae(envelope.payload)
    lengths = _LENGTHS.pack(len(key.der), len(message), len(envelope.signature))
    return lengths + key.der + message + envelope.signature


def _all_verify(batch: bytes) -> bool:
    place = 0
    while place < len(batch):
        parts = []
        lengths = _LENGTHS.unpack_from(batch, place)
        place += _LENGTHS.size
        for length in lengths:
            parts.append(batch[place : place + length])
            place += length
        der, message, signature = parts
        try:
            _key(der).verify(message, signature)
        except SignatureError:
            return False
    return True


_key = cache(PublicKey)

if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
