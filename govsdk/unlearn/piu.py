"""PIU: redirect a person's conditions to an anchor by editing four groups of cross-attention.

- Deterministic on a CPU: same model, people, settings, seed and machine, same bits; also when the
  edit was interrupted and went on from a checkpoint. A GPU's kernels promise no bits. One device's
  checkpoint is not gone on from on another.
- The judge's photos are not seen here: the caller passes the edit photos alone.
- The model that is written loads with stock diffusers and transformers.

Source: PIU (arXiv 2605.22311); theirs stops after a fixed number of steps, as the preset ``piu``
does, ours also on a signal, and what the preset ``piu-miniature`` adds stands in docs/adr/0010 and
0013.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from govsdk.canonical import digest
from govsdk.models import weights
from govsdk.models.generator import Generator
from govsdk.models.memory import whole
from govsdk.ports import Float32, Progress, silent
from govsdk.records import EditReport, Resource, decimal_text
from govsdk.unlearn.checkpoints import CheckpointStore, EditState, pack, unpack
from govsdk.unlearn.closed_form import redirection, sparing
from govsdk.unlearn.layers import modules
from govsdk.unlearn.methods import code_digest
from govsdk.unlearn.people import People, Rows
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.states import States
from govsdk.unlearn.training import Training

NAME = "piu"

Watch = Callable[[Generator], float]
"""The early-stop signal of the student: 0 or less when nothing of the subject shows."""

Stop = Callable[[EditState], bool]


@dataclass(frozen=True)
class Edited:
    """What an edit did."""

    settings: PiuSettings
    layers: tuple[str, ...]
    trainable_parameters: int
    steps: int
    stopped_early: bool
    seed: int
    first_loss: float | None
    last_loss: float | None
    watched: tuple[float, ...]
    """The early-stop signal at each look."""
    device: str

    def report(self, model: Resource, preset: str) -> EditReport:
        """Return the public record, for the staged ``model``."""
        return EditReport(
            method=NAME,
            preset=preset,
            config_digest=self.settings.digest(),
            code_digest=code_digest(),
            layers=self.layers,
            trainable_parameters=self.trainable_parameters,
            steps=self.steps,
            stopped_early=self.stopped_early,
            seed=self.seed,
            first_loss=None if self.first_loss is None else decimal_text(self.first_loss),
            last_loss=None if self.last_loss is None else decimal_text(self.last_loss),
            device=self.device,
            model=model,
        )


@whole("the networks and their optimiser")
def edit(
    model: Path,
    out: Path,
    *,
    subject: Float32,
    anchor: Float32,
    retained: Sequence[Float32],
    settings: PiuSettings,
    seed: int,
    radius: float | None = None,
    replay: Sequence[tuple[Float32, Float32]] = (),
    teacher: Path | None = None,
    guidance: float = 3.0,
    device: str = "auto",
    checkpoints: CheckpointStore | None = None,
    progress: Progress = silent,
    watch: Watch | None = None,
    stop: Stop | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Edited:
    """Write ``model`` into the folder ``out``, with the subject redirected to the anchor.

    Args:
        subject: Embeddings of the edit photos under recogniser A, ``[n, d]``.
        anchor: Embedding of the replacement identity, ``[d]``.
        retained: Embeddings of each person to preserve, ``[photos, d]``.
        radius: Radius of the distribution D, radians; needed if conditions are drawn from it.
        replay: Photos and anchor of each person forgotten earlier on this model line.
        teacher: The model that sets the targets, e.g. version 0 of the line; default ``model``.
            It may differ from ``model`` in the edited layers only.
        guidance: Scale of classifier-free guidance that the model is drawn with.
        watch: Looked at every ``watch_every`` steps, or never where that is 0.
        stop: Whether the edit is done; default: ``watch`` showed nothing ``watch_runs`` times.

    Raises:
        EmbeddingError, RequestError: the people do not fit each other or the settings, or what an
            earlier edit changed would be left out.
        PolicyError: the model has not the block groups to edit.
        MissingModelError, ModelCorruptError: a model is not complete or does not fit.
        NonFiniteError, OutOfMemoryError: training failed; the checkpoint before it is kept.
        DiskFullError: ``out`` does not exist then.
    """
    people = People.of(subject, anchor, retained, replay, radius)
    generator = Generator.load(model, device=device, guidance=guidance)
    run = _Run.prepared(
        Training(generator, settings, _teacher_weights(model, teacher)),
        people,
        seed,
        _fingerprint(people, settings, seed, guidance, model, teacher, generator.device.type),
        None if checkpoints is None else checkpoints.load(),
        progress,
    )
    state, done = run.state, stop or _shows_nothing(settings)
    started, first = clock(), state.step
    while state.step < settings.steps and not state.stopped:
        loss = run.step()
        if watch is not None and _due(settings, state.step):
            state.watched.append(watch(run.training.student))
        state.stopped = done(state)
        if checkpoints is not None and state.step % settings.checkpoint_every == 0:
            checkpoints.save(run.checkpoint())
        left = (clock() - started) / (state.step - first) * (settings.steps - state.step)
        progress("edit", state.step, settings.steps, f"loss {loss:.4f}, at most {left:.0f} s left")
    weights.write(model, out, dict(run.training.parameters) if state.step else {})
    return run.edited(str(generator.device))


@dataclass(frozen=True, eq=False)
class _Run:
    """An edit under way."""

    training: Training
    people: People
    seed: int
    fingerprint: str
    states: States | None
    """Where steps ask; None: under pure noise."""
    state: EditState

    @classmethod
    def prepared(
        cls,
        training: Training,
        people: People,
        seed: int,
        fingerprint: str,
        checkpoint: bytes | None,
        progress: Progress,
    ) -> _Run:
        """Return the edit as it is before its first step, or as its ``checkpoint`` left it."""
        states = _states(training, people, seed, progress)
        found = None if checkpoint is None else unpack(checkpoint, fingerprint)
        if found is None:
            _begin(training, people, seed)
            state = EditState(training.settings.micro_batch)
        else:
            state, tensors = found
            training.restore(tensors)
            if states is not None:
                states.restore(tensors)
        return cls(training, people, seed, fingerprint, states, state)

    def step(self) -> float:
        """Take the next step of the optimiser and return its loss."""
        training, state = self.training, self.state
        rows = self._rows()
        training.preservation = _preservation(training.settings, state)
        loss, state.micro_batch = training.step(rows, state.micro_batch, state.step)
        state.step += 1
        state.last_loss = loss
        state.first_loss = loss if state.first_loss is None else state.first_loss
        return loss

    def _rows(self) -> Rows:
        """Return what the next step is taken on."""
        training, step = self.training, self.state.step
        if self.states is None:
            shape = training.student.latent_shape
            return self.people.rows(training.settings, shape, self.seed, step)
        self.states.search(training.student, step)
        return self.states.rows(step)

    def checkpoint(self) -> bytes:
        """Return what the edit goes on from, to the bit-same result."""
        found = {} if self.states is None else self.states.tensors()
        return pack(self.fingerprint, self.state, self.training.tensors() | found)

    def edited(self, device: str) -> Edited:
        """Return what was done."""
        settings, parameters, state = self.training.settings, self.training.parameters, self.state
        return Edited(
            settings=settings,
            layers=modules(parameters),
            trainable_parameters=sum(p.numel() for p in parameters.values()),
            steps=state.step,
            stopped_early=state.step < settings.steps,
            seed=self.seed,
            first_loss=state.first_loss,
            last_loss=state.last_loss,
            watched=tuple(state.watched),
            device=device,
        )


def _teacher_weights(model: Path, teacher: Path | None) -> dict[str, Tensor]:
    """Return the tensors in which the teacher differs from the model."""
    return {} if teacher is None else weights.read(teacher, weights.differing(model, teacher))


def _fingerprint(
    people: People,
    settings: PiuSettings,
    seed: int,
    guidance: float,
    model: Path,
    teacher: Path | None,
    device: str,
) -> str:
    """Return what tells this edit from any other: the digest of all that decides its result."""
    redirections = (people.subject, *people.earlier)
    arrays = [*people.retained, *(a for r in redirections for a in (r.photos, r.anchor))]
    return digest(
        {
            "people": [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays],
            "radius": repr(people.radius),
            "settings": settings.digest(),
            "seed": str(seed),
            "guidance": repr(guidance),
            "models": [weights.digest(path) for path in (model, teacher or model)],
            "device": device,
            "code": code_digest(),
        }
    )


def _states(training: Training, people: People, seed: int, progress: Progress) -> States | None:
    """Return where steps ask, or None for pure noise; and tell the optimiser whom to spare."""
    settings = training.settings
    if settings.spare and settings.steps:
        training.spare(sparing(training.teacher, people.photos, settings.spare))
    if settings.latents == "noise" or not settings.steps:
        return None
    return States.draw(training.teacher, people, settings, seed, progress)


def _begin(training: Training, people: People, seed: int) -> None:
    """Start in closed form, if the settings ask for it and for any step at all."""
    settings = training.settings
    if settings.start_keep and settings.steps:
        conditions, kept = people.start(settings, seed)
        anchor = people.subject.anchor
        training.start(redirection(training.student, conditions, anchor, kept, settings.start_keep))


def _preservation(settings: PiuSettings, state: EditState) -> float:
    """Return lambda for the next step.

    It gives way with each look that shows the subject, and comes back with each that does not, two
    looks' worth beyond the setting at most: so it ends where the subject has just gone.
    """
    shown = 0
    for look in state.watched:
        shown = max(shown + (1 if look > 0 else -1), -2)
    return settings.lambda_ * settings.relax**shown


def _due(settings: PiuSettings, step: int) -> bool:
    """Return whether to look after so many steps: after the last, that would decide nothing."""
    every = settings.watch_every
    return every > 0 and step % every == 0 and step < settings.steps


def _shows_nothing(settings: PiuSettings) -> Stop:
    """Return the default rule: the last ``watch_runs`` looks showed nothing of the subject."""

    def done(state: EditState) -> bool:
        last = state.watched[-settings.watch_runs :]
        return len(last) == settings.watch_runs and max(last) <= 0

    return done
