"""Certificates: who signs, what they say, the file, and its check.

::

    keys.py               who signs certificates, who signs the log, what locks the data
    key_files.py          making, encrypting and opening keys
    passphrases.py        where the secrets that open them come from
    tokens.py             keys that never leave their hardware or cloud
    rotation.py           the files of a key that comes and a key that goes
    statements.py         from what an entry says to the bytes that the ledger stores
    predicate.py          what a certificate says, and what it cannot say
    figures.py            whether its figures bear its verdict
    bundles.py            the certificate file
    check.py              the numbered offline checks of docs/formats/certificate-v0.1.md
    standing.py           the checks that need a ledger or a policy, by the three beside it:
    preregistration.py      the record behind the certificate, from the plan on
    revocations.py          what later entries say of it
    demands.py              whether it is as strict as a policy of the verifier's own
    witnesses.py          whether enough witnesses vouch for it
    timestamps.py         whether an authority saw it, and when
    trusted_root.py       which log stock Sigstore verifiers are told to believe
    reproductions.py      that somebody measured again
    summaries.py          a certificate in one line, for policy engines
    receipts.py           for whom it was made: the data subject's file
    residuals.py          what outlives erasure, sealed
    recipients.py         and to whom
"""
