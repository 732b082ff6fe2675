"""A timestamp authority on this machine: a root, a stamping certificate, and ``openssl ts``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from govsdk.tlog.checkpoints import Checkpoint
from govsdk.tlog.timestamps import obtain_timestamp

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

SETTINGS = """
[tsa]
default_tsa = stamping
[stamping]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_chain = no
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


class Authority:
    """Keys and certificates in ``folder``, made by ``openssl``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.settings = folder / "openssl.cnf"
        self.settings.write_text(SETTINGS.format(folder=folder))
        (folder / "serial").write_text("01\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._certify(*key, name="root")
        self._certify(*key, "-CA", "root.pem", "-CAkey", "root.key", name="signer")

    @property
    def root(self) -> Path:
        """The certificate that a verifier pins."""
        return self.folder / "root.pem"

    @property
    def command(self) -> list[str]:
        """What answers a request on its standard input."""
        files = ("-signer", str(self.folder / "signer.pem"), "-inkey", f"{self.folder}/signer.key")
        settings = ("-config", str(self.settings), "-queryfile", "/dev/stdin")
        return ["openssl", "ts", "-reply", *settings, *files]

    def answer(self, request: bytes) -> bytes:
        return subprocess.run(self.command, input=request, capture_output=True, check=True).stdout

    def stamp(self, head: Checkpoint) -> bytes:
        """Return its answer, TimeStampResp in DER, for ``head``."""
        return obtain_timestamp(head, self.root.read_bytes(), self.answer)[0]

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Answer on the loopback for the block; yield the URL."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None: ...

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()
                thread.join()

    def verifies(self, answer: Path, data: Path) -> bool:
        """Return whether ``openssl`` alone accepts ``answer`` as a stamp of the file ``data``."""
        asked = ["-in", str(answer), "-data", str(data), "-CAfile", str(self.root)]
        done = subprocess.run(
            ["openssl", "ts", "-verify", *asked], capture_output=True, text=True, check=False
        )
        return "Verification: OK" in done.stdout

    def _certify(self, *options: str, name: str) -> None:
        made = ("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}.invalid")
        extensions = ("-config", str(self.settings), "-extensions", name, "-days", "3650")
        command = ["openssl", "req", "-x509", *options, *made, *extensions]
        subprocess.run(command, cwd=self.folder, capture_output=True, check=True)
