"""Certificates: who signs (``keys``), what they say (``predicate``), the file, and its check.

- ``statements``, ``predicate``, ``bundles``: from measured pieces to a certificate file;
- ``check``: the numbered offline checks of docs/formats/certificate-v0.1.md;
- ``receipts``, ``residuals``: what the data subject and the auditors get beside it.
"""
