"""The certificate checked as an auditor would: by the command line, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CERTIFICATE = "certificate.sigstore.json"


@dataclass(frozen=True)
class Checked:
    """How ``govsdk verify`` ended."""

    command: str
    """What to type to do it again."""
    exit_code: int
    report: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return self.exit_code == 0


def check_offline(out: Path, model: Path | None) -> Checked:
    """Run ``govsdk verify`` on the files in ``out``, with the published model and the receipt."""
    options = _keys(out)
    if model is not None:
        here = Path.cwd()
        shown = model.relative_to(here) if model.is_relative_to(here) else model
        options += ["--model", str(shown)]
    if (out / "receipt.json").exists():
        options += ["--receipt", str(out / "receipt.json")]
    return _verify(out / CERTIFICATE, options)


def check_tampered(out: Path) -> Checked:
    """Run it on a copy with one bit flipped: the control that shows that it can say no."""
    damaged = bytearray((out / CERTIFICATE).read_bytes())
    # Both letters belong to base64's alphabet: not the form is wrong then, but what was signed.
    damaged[damaged.index(b"B", len(damaged) // 2)] ^= 1
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / CERTIFICATE
        copy.write_bytes(damaged)
        return _verify(copy, _keys(out))


def _keys(out: Path) -> list[str]:
    return ["--key", str(out / "signer.pub.pem"), "--log-key", str(out / "log.vkey")]


def _verify(certificate: Path, options: list[str]) -> Checked:
    arguments = ["verify", str(certificate), *options]
    done = subprocess.run(
        [sys.executable, "-m", "govsdk.cli", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return Checked("govsdk " + " ".join(arguments), done.returncode, json.loads(done.stdout))
