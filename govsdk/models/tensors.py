"""Write a file of tensors, a full disk told apart from other failures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from govsdk.durable import disk_error
from govsdk.errors import BackendError

_OS_ERROR = re.compile(r"os error (\d+)")


def save(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write ``tensors`` to ``path``, which is replaced whole.

    Raises:
        DiskFullError: there is no room.
        BackendError: the file cannot be written for another reason.
    """
    try:
        safetensors.torch.save_file(dict(tensors), path, dict(metadata))
    except OSError as cause:
        raise disk_error(cause, "writing a model") from cause
    except SafetensorError as cause:
        # The library tells the system's error number in words only.
        number = _OS_ERROR.search(str(cause))
        if number is None:
            raise BackendError("safetensors cannot write a model") from cause
        raise disk_error(OSError(int(number[1]), ""), "writing a model") from cause
