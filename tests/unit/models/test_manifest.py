"""The canonical digest of a model's folder."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from govsdk.errors import BackendError, MissingModelError, ModelCorruptError
from govsdk.models.manifest import Manifest, manifest_of
from tests.evidence import flips, model_in


def test_the_digest_is_that_of_the_documented_bytes(tmp_path: Path) -> None:
    """Names in byte order with ``/``, sizes and digests, as canonical JSON."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_bytes(b"hello")
    (tmp_path / "B").write_bytes(b"")
    manifest = manifest_of(tmp_path)

    assert manifest.to_bytes() == (
        b'{"files":[{"name":"B","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b'
        b'7852b855","size":0},{"name":"b/x","sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa74'
        b'25e73043362938b9824","size":5}],"version":1}'
    )
    assert Manifest.model_validate_json(manifest.to_bytes()) == manifest


def test_every_change_changes_the_digest(tmp_path: Path) -> None:
    """Each flipped byte, a renamed, added or removed file gives another digest and is named."""
    model = model_in(tmp_path / "model")
    before = manifest_of(model)
    config = model / "model_index.json"
    original = config.read_bytes()
    assert manifest_of(model) == before

    for changed in flips(original):
        config.write_bytes(changed)
        assert manifest_of(model).digest() != before.digest()
        assert before.differences(manifest_of(model)) == ("model_index.json",)
    config.write_bytes(original)
    config.rename(model / "other.json")
    assert before.differences(manifest_of(model)) == ("model_index.json", "other.json")


def test_what_is_no_model(tmp_path: Path) -> None:
    """No folder, an empty one, and links are refused."""
    with pytest.raises(MissingModelError):
        manifest_of(tmp_path / "nowhere")
    with pytest.raises(MissingModelError):
        manifest_of(tmp_path)
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(ModelCorruptError):
        manifest_of(tmp_path)


def test_a_file_that_cannot_be_read_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its path, which can name what the model is for."""
    (tmp_path / "weights").write_bytes(b"1")
    assert manifest_of(tmp_path).files
    monkeypatch.setattr(Path, "open", Mock(side_effect=PermissionError(13, "denied", "weights")))
    with pytest.raises(BackendError, match="reading a model: Permission denied") as caught:
        manifest_of(tmp_path)
    assert "weights" not in str(caught.value)
