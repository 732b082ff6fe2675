"""A transparency log without files, clock or network: trees, proofs, notes, envelopes.

- ``merkle``: the RFC 6962 tree and the RFC 9162 proofs;
- ``notes``, ``checkpoints``: the signed head of the tree (C2SP);
- ``envelopes``, ``statements``, ``leaves``: what an entry is, and the leaf that stands for it;
- ``proofs``: an entry's place in the log as a text of its own (C2SP ``tlog-proof``);
- ``signatures``: the one seam to ``cryptography``;
- ``findings``: the numbered lines of a check's report.
"""
