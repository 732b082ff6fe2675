"""Arrays as bytes, and the digest of a template set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from govsdk.errors import RegistryCorruptError
from govsdk.ports import SubjectId, Templates
from govsdk.registry import template_set
from govsdk.registry.packing import pack, unpack

from .people import unit

arrays = st.one_of(
    npst.arrays(np.float32, npst.array_shapes(max_dims=2, max_side=4)),
    npst.arrays(np.uint8, npst.array_shapes(max_dims=3, max_side=4)),
)


@given(given_=st.dictionaries(st.text(max_size=5), arrays, max_size=3))
def test_unpack_undoes_pack(given_: dict[str, np.ndarray]) -> None:
    """Names, order, types, shapes and bytes survive."""
    found = unpack(pack(given_))
    assert list(found) == list(given_)
    for name, array in given_.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[5:]])
def test_bytes_that_do_not_add_up_are_corrupt(spoil) -> None:
    """Too few, too many or headless bytes are an error."""
    with pytest.raises(RegistryCorruptError):
        unpack(spoil(pack({"A": unit([1, 2])})))


def test_template_set_names_the_embeddings_alone() -> None:
    """The digest ignores the id and the order of recognisers, and follows every number."""
    rows = {"A": unit([1, 2]), "B": unit([3, 4])}
    same = Templates(SubjectId("y"), {"B": rows["B"], "A": rows["A"]})
    other = Templates(SubjectId("x"), {"A": rows["A"], "B": unit([3, 4.0001])})
    digest = template_set(Templates(SubjectId("x"), rows))
    assert digest == template_set(same)
    assert digest != template_set(other)
