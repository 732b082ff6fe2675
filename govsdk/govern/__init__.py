"""The one workflow: a forget request from its receipt to its certificate.

::

    workspace.py      the facade: everything an application does
    parts.py            what it holds, each part opened when it is first asked for
    places.py           what lies where in its folder
    config.py           what it remembers about itself
    creating.py         how it is made

    workflow.py       a request, stage by stage:
    receiving.py        whether a call begins one, goes on with one, or is in another's way
    plan.py             what it will do, fixed before anything is done
    judging.py          the baseline before the edit, the verification after it
    editing.py          the edit
    erasing.py          the erasure
    issuing.py          the certificate
    delivering.py       the receipt
    declining.py        the end of one without anything published
    job.py              how far it is, on the disk
    entries.py          its entries in the ledger
    earlier.py          earlier ones about the same person
    outcome.py          from a finished job to the result
    result.py           what the caller gets
    previewing.py     the same as a dry run
    requests.py       which were begun
    dispersing.py     a person scattered in a recogniser instead

    issued.py         which certificates there are, by the ledger
    withdrawing.py    withdrawing one
    residuals.py      what outlives erasure, and what it is opened for
    residual_file.py    what stands in it
    sweeping.py         its end
    screening.py      whether anybody came back
    lapsing.py        whom nobody can look for any more

    case.py           a certificate, its evidence and its model, tied to each other
    reproducing.py      and measured again
    holding.py        what a verifier holds, given as files
    calibrating.py    a calibration record from the controller's own photos
    rotating.py       new keys for old
    anchoring.py      copies of the ledger's heads, begun
    stamping.py       timestamps of them
    events.py         log events
    timing.py         how long each stage takes
"""
