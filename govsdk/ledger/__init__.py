"""The append-only ledger: rows in DuckDB for the writer, a public log folder for everybody else.

- ``ledger``: appending, in the order that no crash can bend;
- ``rows``: the one seam to DuckDB;
- ``tiles``, ``tile_files``, ``public_log``: the folder that readers and auditors use;
- ``audit``, ``exports``: checking the folder without DuckDB, copying it, rebuilding from it.
"""

from govsdk.ledger.audit import AuditReport, audit
from govsdk.ledger.exports import export, restore
from govsdk.ledger.ledger import Ledger

__all__ = ["AuditReport", "Ledger", "audit", "export", "restore"]
