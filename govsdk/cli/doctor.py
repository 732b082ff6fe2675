"""``doctor``: is everything here that govsdk needs, and does it work?"""

from __future__ import annotations

import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

import govsdk
from govsdk.canonical import sha256_hex
from govsdk.cli.opening import KeysFolder, WorkspaceFolder, open_workspace
from govsdk.cli.plain import plain
from govsdk.cli.tables import table
from govsdk.cli.verb import Answer, add_verbs
from govsdk.durable import read_file
from govsdk.errors import GovsdkError, MissingExtraError, MissingKeyError, MissingModelError
from govsdk.models.calibration import CalibrationRecord
from govsdk.ports import CONDITIONING, Role
from govsdk.records import decimal_text

if TYPE_CHECKING:
    from govsdk.govern.config import RecogniserFiles
    from govsdk.govern.workspace import Workspace

ROOM_BYTES = 2 * 2**30
"""Free space below which a doctor frowns: an edit stages a whole second model."""

LIBRARIES = (
    ("torch",),
    ("diffusers",),
    ("transformers",),
    ("insightface",),
    ("onnxruntime", "onnxruntime-gpu"),
    ("faiss-cpu", "faiss-gpu"),
    ("duckdb",),
    ("pyrage",),
)
"""What the extras bring; several names where one of several flavours will do."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "warning", "error"]
    found: str
    advice: str = ""
    exit_code: int = 0


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    add_verbs(app, {"doctor": doctor}, panel="Workspace")


def doctor(workspace: WorkspaceFolder = None, keys: KeysFolder = None) -> Answer:
    """Look at versions, devices, disk, keys and the workspace; say what to do."""
    findings = list(examine(workspace, keys))
    rows = [(f.state, f.what, f.found, f.advice) for f in findings]
    worst = max((f.exit_code for f in findings), default=0)
    return Answer(plain(findings), table(("", "", "found", "what to do"), rows), worst)


def examine(workspace: Path | None, keys: Path | None) -> Iterator[Finding]:
    """Yield what is found, one thing after the other."""
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.machine()}")
    yield Finding("govsdk", "ok", govsdk.__version__)
    missing = False
    for library in LIBRARIES:
        finding = _installed(library)
        missing |= finding.state == "error"
        yield finding
    if not missing:
        yield from _devices()
    yield _room(workspace)
    yield from _keys(keys)
    yield from _workspace(workspace, keys)


def _installed(names: tuple[str, ...]) -> Finding:
    """Look for the first of several distributions that offer the same library."""
    found = [f"{name} {version(name)}" for name in names if _has(name)]
    if not found:
        advice = MissingExtraError.advice
        return Finding(names[0], "error", "not installed", advice, MissingExtraError.exit_code)
    if len(found) > 1:
        advice = (
            "both unpack into one folder: pip install --force-reinstall --no-deps the one you want"
        )
        return Finding(names[0], "warning", ", ".join(found), advice)
    return Finding(names[0], "ok", found[0])


def _has(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _devices() -> Iterator[Finding]:
    """Ask each library what it really computes on."""
    asked = {"torch": _torch, "onnxruntime": _onnxruntime, "faiss": _faiss}
    for what, ask in asked.items():
        try:
            yield Finding(f"{what} computes on", "ok", ask())
        except Exception as error:  # a broken installation can raise anything at all
            advice = f"reinstall {what}; python -c 'import {what}' shows why"
            yield Finding(f"{what} computes on", "error", type(error).__name__, advice, 1)


def _torch() -> str:
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu, {torch.get_num_threads()} threads"


def _faiss() -> str:
    import faiss

    gpus = getattr(faiss, "get_num_gpus", lambda: 0)()
    return f"{gpus} GPU" if gpus else "cpu"


def _onnxruntime() -> str:
    """Return the provider that a real session runs on: what is installed need not work."""
    import onnxruntime
    from onnx import TensorProto, helper

    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "doctor",
        [shape("x", TensorProto.FLOAT, [1])],
        [shape("y", TensorProto.FLOAT, [1])],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    offered = onnxruntime.get_available_providers()
    wanted = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in offered]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=wanted)
    return str(session.get_providers()[0])


def _room(workspace: Path | None) -> Finding:
    place = workspace if workspace is not None and workspace.exists() else Path()
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GiB free"
    if free < ROOM_BYTES:
        return Finding("disk", "warning", text, "an edit stages a second copy of the model")
    return Finding("disk", "ok", text)


def _keys(folder: Path | None) -> Iterator[Finding]:
    """Look at the key provider's files; two of them every workspace needs."""
    if folder is None:
        yield Finding("keys", "warning", "no folder named", "set GOVSDK_KEYS, or pass --keys DIR")
        return
    from govsdk.certify.passphrases import NAMES, file_of

    for name in (*NAMES, "verifier"):
        path = folder / file_of(name)
        what = f"key {name}"
        if not path.exists():
            advice = "restore it, or `govsdk init --generate-keys` for a new workspace"
            if name in ("log", "vault"):
                yield Finding(what, "error", "not there", advice, MissingKeyError.exit_code)
            else:  # a token may hold the certificate key, another machine the verifier's
                yield Finding(what, "warning", "not there", advice)
        elif mode := stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding(what, "warning", f"open to others ({mode:03o})", f"chmod 600 {path}")
        else:
            yield Finding(what, "ok", "readable by its owner alone")


def _workspace(folder: Path | None, keys: Path | None) -> Iterator[Finding]:
    """Open the workspace and let each part speak for itself."""
    if folder is None:
        advice = "set GOVSDK_WORKSPACE, or pass --workspace DIR"
        yield Finding("workspace", "warning", "none named", advice)
        return
    try:
        opened = open_workspace(folder, keys)
    except GovsdkError as error:
        yield _failed("workspace", error)
        return
    yield Finding("workspace", "ok", opened.config.name)
    parts: dict[str, Callable[[], str]] = {
        "registry": lambda: f"{len(opened.subjects())} people",
        "model": lambda: f"v{opened.line.current().number:04d}, every file as published",
        "ledger": lambda: f"{opened.ledger.head().size} entries, tree as signed",
    }
    for what, look in parts.items():
        try:
            yield Finding(what, "ok", look())
        except GovsdkError as error:
            yield _failed(what, error)
    for role, files in sorted(opened.config.recognisers.items()):
        yield _recogniser(role, opened.folder, files)
    yield from _drawings(opened)
    # Whom an unfinished enrolment is about is listed nowhere else.
    advice = "unless one is under way: the next enrolment removes what killed ones left"
    yield _begun("enrolments", opened, lambda place: place.registry.unfinished(), advice)
    # Nothing else may begin before a request has ended.
    advice = "`govsdk requests` lists them: make their calls again, or `govsdk abandon`"
    yield _begun("requests", opened, lambda place: len(place.requests()), advice)
    yield from _outside(opened)


def _recogniser(role: Role, workspace: Path, files: RecogniserFiles) -> Finding:
    """Compare a recogniser's file with the one that its calibration record was made of."""
    what = f"recogniser {role}"
    try:
        content = read_file(workspace / files.onnx, "reading a recogniser")
        if content is None:
            raise MissingModelError(
                f"{files.onnx}, which workspace.yaml names",
                hint="put it back: nothing can be enrolled or measured without it",
            )
        if files.calibration is None:
            advice = "no verdict is possible without one: `govsdk calibrate`, then workspace.yaml"
            return Finding(what, "warning", "no calibration record", advice)
        CalibrationRecord.load(workspace / files.calibration).fits(sha256_hex(content))
    except GovsdkError as error:
        return _failed(what, error)
    return Finding(what, "ok", "the file that its calibration record was made of")


def _begun(what: str, opened: Workspace, count: Callable[[Workspace], int], advice: str) -> Finding:
    """Count what was begun and did not end."""
    try:
        left = count(opened)
    except GovsdkError as error:
        return _failed(what, error)
    if left:
        return Finding(what, "warning", f"{left} begun and not ended", advice)
    return Finding(what, "ok", "none left open")


def _drawings(opened: Workspace) -> Iterator[Finding]:
    """Compare what is drawn here with the drawings whose scores were calibrated, if any were."""
    try:
        records = opened.calibrations
        measured = {role: each.generated for role, each in sorted(records.items())}
        first = opened.line.version(0) if any(measured.values()) else None
    except GovsdkError as error:
        yield _failed("drawings' thresholds", error)
        return
    sampling = opened.config.sampling
    for role, drawn in measured.items():
        if drawn is None or first is None:
            continue
        same = {
            "generator": drawn.generator == first.digest,
            "conditioner": CONDITIONING not in records
            or drawn.conditioner == records[CONDITIONING].recogniser_sha256,
            "steps": drawn.steps == sampling.steps,
            "guidance": drawn.guidance == decimal_text(sampling.guidance),
        }
        what = f"drawings' thresholds, {role}"
        if all(same.values()):
            yield Finding(what, "ok", "measured as this workspace draws")
        else:
            other = ", ".join(name for name, agrees in same.items() if not agrees)
            advice = "`govsdk calibrate --model` with this workspace's generator and `sampling`"
            yield Finding(what, "warning", f"measured with another {other}", advice)


def _outside(opened: Workspace) -> Iterator[Finding]:
    """Look into each folder that keeps checkpoints: one that is gone keeps none."""
    from govsdk.ledger.anchors import Anchor
    from govsdk.tlog.notes import VerifierKey

    what = "checkpoints outside"
    if not opened.config.anchors:
        found = "none: a rollback of the whole folder is not detectable"
        yield Finding(what, "warning", found, "run `govsdk ledger anchor DIR`, outside of it")
    for folder in opened.config.anchors:
        what = f"checkpoints outside, {folder}"
        try:
            newest = Anchor(Path(folder), VerifierKey.parse(opened.log_vkey)).newest()
            yield Finding(what, "ok", f"a copy of each, up to {newest.size} entries")
        except GovsdkError as error:
            yield _failed(what, error)


def _failed(what: str, error: GovsdkError) -> Finding:
    found = f"{error} ({error.cause})" if error.cause else str(error)
    return Finding(what, "error", found, error.hint, error.exit_code)
