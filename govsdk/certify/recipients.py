"""Recipients: the age public keys to which what outlives erasure is sealed.

A wrong letter in a key would be noticed only when the first residual is sealed, long after an edit;
so the text's own checksum is verified when the configuration is read. Needs no library.

Source: the age format (C2SP age.md): ``age1`` and 32 bytes in Bech32 (BIP-173).
"""

from __future__ import annotations

from govsdk.canonical import sha256_hex

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_LENGTH = 62


def is_recipient(text: str) -> bool:
    """Return whether ``text`` spells an age X25519 recipient, checksum included."""
    prefix, body = text[:4], text[4:]
    if len(text) != _LENGTH or prefix != "age1" or any(letter not in _LETTERS for letter in body):
        return False
    expanded = [*(ord(letter) >> 5 for letter in "age"), 0, *(ord(letter) & 31 for letter in "age")]
    return _polymod([*expanded, *map(_LETTERS.index, body)]) == 1


def fingerprint(recipient: str) -> str:
    """Return the short name by which signed records call ``recipient``."""
    return sha256_hex(recipient.encode())[:16]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                check ^= generator
    return check
