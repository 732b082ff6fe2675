"""What a governed generator looks like on disk: Arc2Face's folder of five components.

- A folder that :func:`check` accepts has every component, each with its configuration and weights.
- Nothing here opens a connection unless the caller passes ``local_files_only=False``.
- :func:`copy` takes the known files alone and leaves pickled weights behind, so that no second,
  unedited copy of the weights travels in a published folder.

Source: Arc2Face (arXiv 2403.11641), its hub repository; VAE, tokenizer and scheduler are SD-1.5's.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from govsdk.durable import disk_error
from govsdk.errors import MissingModelError, ModelCorruptError

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Component:
    """One folder of the layout."""

    name: str
    config: str
    weights: tuple[str, ...] = ()
    """Any one of these must be there; the first that is there is the one in use."""
    extras: tuple[str, ...] = ()
    """Small files that belong to the component where they exist."""

    def weights_file(self, folder: Path) -> Path | None:
        """Return the weights in use under the model's ``folder``, or None where there are none."""
        return next((p for w in self.weights if (p := folder / self.name / w).is_file()), None)


_DIFFUSERS = ("config.json", ("diffusion_pytorch_model.safetensors",))
UNET = Component("arc2face", *_DIFFUSERS)
ENCODER = Component("encoder", "config.json", ("model.safetensors", "pytorch_model.bin"))
VAE = Component("vae", *_DIFFUSERS)
TOKENIZER = Component(
    "tokenizer",
    "tokenizer_config.json",
    ("tokenizer.json", "vocab.json"),
    ("vocab.json", "merges.txt", "special_tokens_map.json"),
)
SCHEDULER = Component("scheduler", "scheduler_config.json")
COMPONENTS = (UNET, ENCODER, VAE, TOKENIZER, SCHEDULER)


def resolve(
    model: str | Path, *, local_files_only: bool = True, cache_dir: Path | None = None
) -> Path:
    """Return the folder of ``model``: a local folder, or a hub name found in the local cache.

    Args:
        local_files_only: False allows a download of the components (and of nothing else).

    Raises:
        MissingModelError: no such folder, not in the cache, or a component is missing.
    """
    folder = Path(model)
    if not folder.is_dir():
        if not HUB_NAME.fullmatch(str(model)):
            raise MissingModelError("no such model folder")
        folder = _from_hub(str(model), local_files_only, cache_dir)
    check(folder)
    return folder


def check(folder: Path) -> None:
    """Require every component of the layout in ``folder``.

    Raises:
        MissingModelError: ``facts["component"]`` names the first one that is not complete.
    """
    for component in COMPONENTS:
        if not (folder / component.name / component.config).is_file():
            raise _missing(component, component.config)
        if component.weights and component.weights_file(folder) is None:
            raise _missing(component, component.weights[0])


def files(folder: Path) -> Iterator[Path]:
    """Yield the files that make up the model in ``folder``, relative to it."""
    for component in COMPONENTS:
        yield Path(component.name, component.config)
        weights = component.weights_file(folder)
        if weights is not None:
            yield weights.relative_to(folder)
        for name in component.extras:
            path = Path(component.name, name)
            if (folder / path).is_file() and folder / path != weights:
                yield path


def copy(source: Path, target: Path) -> None:
    """Copy the model in ``source`` to ``target`` byte for byte, a pickled encoder as safetensors.

    Raises:
        MissingModelError: ``source`` is not complete.
        ModelCorruptError: the pickled encoder cannot be read as plain tensors.
        DiskFullError: ``target`` is then incomplete and worth nothing.
    """
    check(source)
    try:
        for path in files(source):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".bin":
                _unpickle(source / path, target / ENCODER.name / ENCODER.weights[0])
            else:
                shutil.copyfile(source / path, target / path)
    except OSError as cause:
        raise disk_error(cause, "copying a model") from cause


def _unpickle(pickled: Path, target: Path) -> None:
    import torch

    from govsdk.models.tensors import save

    try:
        tensors = torch.load(pickled, map_location="cpu", weights_only=True)
        plain = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    except Exception as cause:
        raise ModelCorruptError(f"{ENCODER.name}: {pickled.name} is not plain tensors") from cause
    save(plain, target, {"format": "pt"})


def _missing(component: Component, name: str) -> MissingModelError:
    return MissingModelError(
        f"component {component.name} lacks {name}",
        hint="Arc2Face publishes arc2face/ and encoder/ only: put SD-1.5's vae/, tokenizer/ and "
        "scheduler/ beside them",
        component=component.name,
        file=name,
    )


def _from_hub(name: str, local_files_only: bool, cache_dir: Path | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name,
                local_files_only=local_files_only,
                cache_dir=cache_dir,
                allow_patterns=[f"{component.name}/*" for component in COMPONENTS],
            )
        )
    except Exception as cause:
        raise MissingModelError(
            f"{name} {'is not in the local cache' if local_files_only else 'cannot be fetched'}",
            hint=f"name a folder that is there, or fetch the model first: `hf download {name}`",
        ) from cause
