"""The append-only ledger: rows in DuckDB for the writer, a public log folder for everybody else.

::

    ledger.py         the one object others use: append, find, prove, audit
    session.py        many appends while this process alone may write
    writer.py         appending, in the order that no crash can bend
    entries.py        from what is to be appended to the rows that are stored
    rows.py           the rows: the one seam to ``duckdb``
    journal.py        what the writer remembers between two commits of rows
    tiles.py          how a log's hashes and entries are cut into files
    tile_files.py     writing them, and clearing what no head needs any more
    public_log.py     the folder as readers see it, without a database or a lock
    view.py           the folder as a verifier of certificates reads it
    audit.py          every byte of it against what the pinned keys signed
    names.py          whether a name came twice, in bounded memory
    exports.py        copying the folder, rebuilding the ledger from it
    anchors.py        copies of the heads where the administrator cannot reach them
    cosigned.py       heads offered to witnesses, and what came back
    witness.py        a witness of other people's logs
"""

from govsdk.ledger.audit import AuditReport, audit
from govsdk.ledger.exports import export, restore
from govsdk.ledger.ledger import Ledger

__all__ = ["AuditReport", "Ledger", "audit", "export", "restore"]
