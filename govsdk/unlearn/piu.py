"""PIU: redirect a person's conditions to an anchor by editing four groups of cross-attention.

- Deterministic: same model, people, settings, seed and machine, same bits; also when the edit was
  interrupted and went on from a checkpoint.
- The judge's photos are not seen here: the caller passes the edit photos alone.
- The model that is written loads with stock diffusers and transformers.

Source: PIU (arXiv 2605.22311); theirs stops after a fixed number of steps, ours also on a signal,
and what the preset ``piu-miniature`` adds stands in docs/adr/0010 and 0013.
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
from govsdk.ports import Float32, Progress, silent
from govsdk.records import EditReport, Resource, decimal_text
from govsdk.unlearn.checkpoints import CheckpointStore, EditState, pack, unpack
from govsdk.unlearn.closed_form import redirection, sparing
from govsdk.unlearn.layers import modules
from govsdk.unlearn.methods import code_digest
from govsdk.unlearn.people import People
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
        watch: Looked at every ``watch_every`` steps.
        stop: Whether the edit is done; default: ``watch`` showed nothing ``watch_runs`` times.

    Raises:
        EmbeddingError, RequestError: the people do not fit each other or the settings.
        MissingModelError, ModelCorruptError: a model is not complete or does not fit.
        NonFiniteError, OutOfMemoryError: training failed; the checkpoint before it is kept.
        DiskFullError: ``out`` does not exist then.
    """
    people = People.of(subject, anchor, retained, replay, radius)
    generator = Generator.load(model, device=device, guidance=guidance)
    training = Training(generator, settings, _teacher_weights(model, teacher))
    fingerprint = _fingerprint(people, settings, seed, guidance, model, teacher)
    states = _states(training, people, seed, progress)
    state = _resume(training, states, checkpoints, fingerprint)
    if not state.step:
        _begin(training, people, seed)
    done = stop or _shows_nothing(settings)
    started, first = clock(), state.step
    while state.step < settings.steps and not state.stopped:
        if states is None:
            rows = people.rows(settings, generator.latent_shape, seed, state.step)
        else:
            states.search(training.student, state.step)
            rows = states.rows(state.step)
        training.preservation = _preservation(settings, state)
        loss, state.micro_batch = training.step(rows, state.micro_batch, state.step)
        state.step += 1
        state.last_loss = loss
        state.first_loss = loss if state.first_loss is None else state.first_loss
        # A look after the last step would decide nothing.
        due = state.step % settings.watch_every == 0 and state.step < settings.steps
        if watch is not None and due:
            state.watched.append(watch(training.student))
        state.stopped = done(state)
        if checkpoints is not None and state.step % settings.checkpoint_every == 0:
            found = {} if states is None else states.tensors()
            checkpoints.save(pack(fingerprint, state, training.tensors() | found))
        left = (clock() - started) / (state.step - first) * (settings.steps - state.step)
        progress("edit", state.step, settings.steps, f"loss {loss:.4f}, at most {left:.0f} s left")
    weights.write(model, out, dict(training.parameters) if state.step else {})
    return Edited(
        settings=settings,
        layers=modules(training.parameters),
        trainable_parameters=sum(p.numel() for p in training.parameters.values()),
        steps=state.step,
        stopped_early=state.step < settings.steps,
        seed=seed,
        first_loss=state.first_loss,
        last_loss=state.last_loss,
        watched=tuple(state.watched),
        device=str(generator.device),
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
        }
    )


def _resume(
    training: Training,
    states: States | None,
    checkpoints: CheckpointStore | None,
    fingerprint: str,
) -> EditState:
    data = checkpoints.load() if checkpoints is not None else None
    found = unpack(data, fingerprint) if data is not None else None
    if found is None:
        return EditState(training.settings.micro_batch)
    state, tensors = found
    training.restore(tensors)
    if states is not None:
        states.restore(tensors)
    return state


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


def _shows_nothing(settings: PiuSettings) -> Stop:
    """Return the default rule: the last ``watch_runs`` looks showed nothing of the subject."""

    def done(state: EditState) -> bool:
        last = state.watched[-settings.watch_runs :]
        return len(last) == settings.watch_runs and max(last) <= 0

    return done
