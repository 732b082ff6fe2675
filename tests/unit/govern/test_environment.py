"""What a certificate's ``environment`` digest tells apart."""

from __future__ import annotations

import pytest
import torch

from govsdk.errors import RequestError
from govsdk.govern.issuing import environment_digest


def test_the_digest_is_of_the_device_that_is_used() -> None:
    """``auto`` is what it means here; a device that is not there has no digest."""
    here = "cuda" if torch.cuda.is_available() else "cpu"

    assert environment_digest("auto") == environment_digest(here)
    assert environment_digest("meta") != environment_digest(here)
    with pytest.raises(RequestError):
        environment_digest("no-such-device")
