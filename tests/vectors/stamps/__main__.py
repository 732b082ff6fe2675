from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from tests.authority import Authority
from tests.vectors.stamps import FOLDER, LATER, OWN

places = Path(mkdtemp())
authority, stranger = Authority(places / "authority"), Authority(places / "stranger")
for name, each in (("authority", authority), ("stranger", stranger)):
    (FOLDER / f"{name}.pem").write_bytes(each.root.read_bytes())
for head in (OWN, LATER):
    (FOLDER / f"{head.size}.tsr").write_bytes(authority.stamp(head))
