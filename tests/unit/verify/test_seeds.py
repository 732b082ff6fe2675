"""Seeds follow from the note and the label alone."""

import hashlib
import hmac

from govsdk.verify.seeds import derive, picture_seeds, stream


def test_derivation_is_hkdf():
    """The bytes are those of RFC 5869, spelled out with HMAC."""
    inner = hmac.digest(bytes(32), b"note", hashlib.sha256)
    expected = hmac.digest(inner, b"govsdk/verify/v1/forget\x01", hashlib.sha256)

    assert derive(b"note", "forget") == expected


def test_seeds_are_repeatable_and_distinct():
    """Equal note and label give equal seeds; another note or label gives none of them."""
    seeds = picture_seeds(b"note", "forget", 500)

    assert picture_seeds(b"note", "forget", 500) == seeds
    assert (
        len({*seeds, *picture_seeds(b"note", "screen", 9), *picture_seeds(b"n", "forget", 9)})
        == 518
    )
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_streams_of_different_labels_are_unrelated():
    """Each label has its own random numbers, the same ones each time."""
    first, second = stream(b"note", "a").uniform(size=4), stream(b"note", "b").uniform(size=4)

    assert (first == stream(b"note", "a").uniform(size=4)).all()
    assert (first != second).all()
