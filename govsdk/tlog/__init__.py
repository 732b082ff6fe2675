"""A transparency log without files, clock or network: trees, proofs, notes, envelopes.

::

    merkle.py         the RFC 6962 tree and the RFC 9162 proofs
    notes.py          signed notes (C2SP), and the keys that they are signed with
    checkpoints.py    the signed head of the tree
    cosignatures.py   a witness's word about a head
    witnessing.py     what a witness is sent
    timestamps.py     an authority's word about a head: the one seam to ``rfc3161_client``
    envelopes.py      what an entry is: a DSSE envelope
    statements.py     what it says: an in-toto Statement
    key_events.py     which keys sign at which place, as entries say it
    leaves.py         the leaf that stands for an entry
    proofs.py         an entry's place as a text of its own (C2SP ``tlog-proof``)
    signatures.py     the one seam to ``cryptography``
    verifying.py      many signatures at once, in processes beside this one
    findings.py       the numbered lines of a check's report
"""
