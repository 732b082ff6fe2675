"""The methods of unlearning by name, each in a module that is loaded when it is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from govsdk.canonical import source_digest
from govsdk.errors import PolicyError
from govsdk.records import Sha256

_METHODS = {"piu": "govsdk.unlearn.piu:edit"}


def names() -> tuple[str, ...]:
    """Return the names a policy may give under ``unlearning.method``."""
    return tuple(_METHODS)


@cache
def code_digest() -> Sha256:
    """Return the digest of the editing source files, by name: those of this package."""
    return source_digest(Path(__file__).parents[1], Path(__file__).parent.name)


def require(name: str) -> None:
    """Accept the name of a method, or raise PolicyError."""
    if name not in _METHODS:
        near = difflib.get_close_matches(name, _METHODS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_METHODS)}"
        raise PolicyError.of("unlearning.method", f"no method {name!r}; {hint}")


def find(name: str) -> Callable[..., Any]:
    """Return the method's ``edit`` function.

    Raises:
        PolicyError: there is no such method.
    """
    require(name)
    module, _, function = _METHODS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
