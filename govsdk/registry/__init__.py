"""Who is enrolled: an encrypted store of people, exact search by face, anchors, erasure.

::

    registry.py   the one object others use: enrol, search, choose an anchor, hold, erase
    gates.py      which photos and embeddings may be enrolled            (pure)
    anchors.py    who may replace the person to forget                   (pure)
    proximity.py  the nearest of those, through the index
    people.py     the answers the registry gives
    vault.py      keys, and the one way from plaintext to a file
    roster.py     who is there, in which state, and who was forgotten
    dossier.py    one person's sealed files
    gallery.py    the people who can be found, in memory and as a sealed index
    index.py      faiss
    intake.py     Pillow: picture files to arrays
    packing.py    arrays to bytes, and the digest of a set of templates
    scan.py       looking for a person's bytes in plain files
    store.py      what lies where
    enrolling.py  the steps of an enrolment, all or nothing
    erasure.py    the steps of physical erasure, each repeatable
    destroying.py whom an erasure cannot open

Invariants:

- a photo, an embedding, a subject id reaches the disk only sealed, through ``vault``;
- what is sealed for a person is sealed under that person's key, except the search index, which has
  a key of its own that is replaced whenever the index is rewritten;
- writers hold a lock, readers none: a reader that meets a writer looks again.
"""

from govsdk.registry.anchors import choose_anchor
from govsdk.registry.enrolling import require_subject, subject_id
from govsdk.registry.gates import Gates, embeddings_given
from govsdk.registry.intake import at_person, people_in, photos_from, photos_given
from govsdk.registry.packing import template_set
from govsdk.registry.people import Enrolment, Match, SubjectSummary
from govsdk.registry.registry import Registry
from govsdk.registry.scan import Patterns, Scanned, count_hits, patterns_of, scan

__all__ = [
    "Enrolment",
    "Gates",
    "Match",
    "Patterns",
    "Registry",
    "Scanned",
    "SubjectSummary",
    "at_person",
    "choose_anchor",
    "count_hits",
    "embeddings_given",
    "patterns_of",
    "people_in",
    "photos_from",
    "photos_given",
    "require_subject",
    "scan",
    "subject_id",
    "template_set",
]
