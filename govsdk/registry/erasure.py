"""The steps of physical erasure. Each may be repeated; a crash between any two loses nothing.

1. tombstone, so that whatever happens next the subject counts as forgotten;
2. what to look for afterwards, sealed under the subject's key, which still exists;
3. the entry says "erasing": no reader finds the subject from here on;
4. photos, templates and profile are removed;
5. the search index is rewritten without the subject, under a fresh key, or removed where somebody
   else's files cannot be read for it;
6. every file is scanned for the subject's bytes (no lock held);
7. the tombstone takes the result;
8. the key is destroyed: the point of no return;
9. folder and entry are removed.

If step 6 finds something, the erasure stops there: the key goes last, so that the search can be
repeated when whatever was found is gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from govsdk.errors import LegalHoldError, PlaintextFoundError, UnknownSubjectError
from govsdk.ports import SubjectId
from govsdk.records import Erasure, Scan
from govsdk.registry.dossier import Dossier
from govsdk.registry.gallery import Gallery
from govsdk.registry.roster import Entry, State
from govsdk.registry.scan import Patterns, Scanned, count_hits, patterns_of
from govsdk.registry.store import Store


@dataclass(frozen=True, eq=False)
class Draft:
    """What is known before the scan."""

    templates: int
    photos: int
    hits_before: int
    """The positive control: windows found in the person's own files, opened."""
    patterns: Patterns

    def to_bytes(self) -> bytes:
        """Return the draft as bytes, to be sealed at once."""
        windows = [window.hex() for window in self.patterns.windows]
        words = [window.hex() for window in sorted(self.patterns.words)]
        return json.dumps([self.templates, self.photos, self.hits_before, windows, words]).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Draft:
        """Return what ``to_bytes`` wrote."""
        templates, photos, hits_before, windows, *words = json.loads(data)
        # Begun by an older govsdk, an erasure knows no words: then any place of an id counts.
        alone = frozenset(map(bytes.fromhex, words[0] if words else ()))
        patterns = Patterns(tuple(map(bytes.fromhex, windows)), alone)
        return cls(templates, photos, hits_before, patterns)

    def erasure(self, scanned: Scanned) -> Erasure:
        """Return the public record of the erasure."""
        return Erasure(
            keys_destroyed=1,
            templates=self.templates,
            photos=self.photos,
            index_rewritten=True,
            scan=Scan(
                patterns=len(self.patterns),
                files=scanned.files,
                bytes=scanned.bytes,
                hits_before=self.hits_before,
                hits_after=scanned.hits,
            ),
        )


def draft_of(dossier: Dossier) -> Draft:
    """Return what an erasure of this person will have to look for.

    What is damaged is destroyed, and neither counted nor looked for: nobody can open it.
    """
    profile = dossier.profile()
    templates, photos = dossier.readable(profile)
    patterns = patterns_of(templates, photos, profile.subject)
    return Draft(
        templates=sum(map(len, templates.by_recogniser.values())),
        photos=len(photos),
        hits_before=sum(count_hits(data, patterns) for data in dossier.opened()),
        patterns=patterns,
    )


def patterns_for(store: Store, subject: SubjectId) -> Patterns:
    """Return what gives the subject away, whether their erasure has begun or not.

    Raises:
        UnknownSubjectError: There is no such subject.
    """
    if enrolled := store.find(subject, State.ENROLLED):
        return draft_of(enrolled).patterns
    if store.find(subject, State.ENROLLING):
        raise UnknownSubjectError("their enrolment did not come to its end")
    leaving = store.find(subject, State.ERASING)
    if leaving is None or not leaving.has_key():
        raise UnknownSubjectError()
    return Draft.from_bytes(leaving.take("erasure")).patterns


def begin(store: Store, gallery: Gallery, subject: SubjectId) -> Draft | Erasure:
    """Carry out steps 1 to 5; the caller holds the lock.

    Returns:
        What the scan needs, or the record of an erasure that got past its scan before.

    Raises:
        LegalHoldError: The subject is held; nothing was changed.
        UnknownSubjectError: There is neither such a subject nor a tombstone.
        RegistryCorruptError: Their key or profile is damaged, so nobody can say that they are not
            held.
    """
    entry = store.roster.entry(subject)
    if entry is not None and entry.state is State.ENROLLED:
        dossier = store.dossier(entry.folder)
        if dossier.profile().held:
            raise LegalHoldError()
        store.roster.bury(subject, None)
        dossier.put("erasure", draft_of(dossier).to_bytes())
        entry = Entry(entry.folder, State.ERASING)
        store.roster.set(subject, entry)
    done = store.roster.epitaph(subject)
    if entry is None or done is not None:
        _remove(store, subject, entry)
        if done is None:
            raise UnknownSubjectError()
        return done
    dossier = store.dossier(entry.folder)
    dossier.remove_data()
    store.roster.remove_leftovers()
    gallery.rewrite()
    return Draft.from_bytes(dossier.take("erasure"))


def finish(store: Store, subject: SubjectId, draft: Draft, scanned: Scanned) -> Erasure:
    """Carry out steps 7 to 9; the caller holds the lock.

    Raises:
        PlaintextFoundError: The scan found something; the key stays.
    """
    if scanned.hits:
        raise PlaintextFoundError(
            f"{scanned.hits} places in {len(scanned.where)} files",
            files=len(scanned.where),
            hits=scanned.hits,
        )
    erasure = store.roster.epitaph(subject) or draft.erasure(scanned)
    store.roster.bury(subject, erasure)
    _remove(store, subject, store.roster.entry(subject))
    return erasure


def _remove(store: Store, subject: SubjectId, entry: Entry | None) -> None:
    if entry is not None:
        store.dossier(entry.folder).remove()
        store.roster.remove(subject)
