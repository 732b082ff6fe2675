"""Destroying a damaged person, whom neither a search nor an erasure can open.

- Only what is damaged is destroyed so: whoever is whole is erased, with all that an erasure shows.
- Whoever is known to be held stays.
- An entry that cannot be read says neither whose it is nor where their folder lies: its folder is
  one that no entry leads to, once every other entry can be read.
"""

from __future__ import annotations

from govsdk.errors import ConflictError, LegalHoldError, RegistryCorruptError, RequestError
from govsdk.registry.dossier import PEOPLE, Dossier
from govsdk.registry.gallery import Gallery
from govsdk.registry.roster import ENTRIES, State
from govsdk.registry.store import Store


def destroy(store: Store, gallery: Gallery, entry: str) -> None:
    """Destroy the damaged ``entry``, named as errors name it; the caller holds the lock.

    Raises:
        RequestError: There is no such entry.
        ConflictError: It is whole.
        LegalHoldError: The person is held; nothing was changed.
    """
    sort, _, name = entry.partition("/")
    if sort == PEOPLE:
        _destroy_person(store, name)
    elif sort == ENTRIES and name in store.roster.names():
        _destroy_entry(store, name)
    else:
        raise _unknown()
    gallery.rewrite()


def _destroy_person(store: Store, folder: str) -> None:
    found = next((each for each in store.roster.readable() if each[1].folder == folder), None)
    if found is None:
        raise _unknown()
    name, entry = found
    dossier = store.dossier(folder)
    _require_damaged(dossier, entry.state)
    dossier.remove()
    store.roster.discard(name)


def _destroy_entry(store: Store, name: str) -> None:
    readable = dict(store.roster.readable())
    if name in readable:
        raise _whole()
    if {*store.roster.names()} - {name} <= set(readable):
        owned = {entry.folder for entry in readable.values()}
        for folder in (store.folder / PEOPLE).iterdir():
            if folder.name not in owned:
                store.dossier(folder.name).remove()
    store.roster.discard(name)


def _require_damaged(dossier: Dossier, state: State) -> None:
    try:
        if state is State.ERASING:
            dossier.take("erasure")  # all that an erasure still needs
            raise _whole()
        profile = dossier.profile()
        if profile.held:
            raise LegalHoldError()
        dossier.templates(profile)
        dossier.photos(profile)
    except RegistryCorruptError:
        return
    raise _whole()


def _unknown() -> RequestError:
    return RequestError("the registry has no such entry", hint="name it as the error does")


def _whole() -> ConflictError:
    return ConflictError("the entry is whole", hint="forget the person, or restrict them")
