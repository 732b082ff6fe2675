"""Everything that is reported beside a verdict: measures of the drawn pictures, then probes.

- Nothing here is read by the judge; the verdict is the same without it.
- Measures are always taken, since they cost no picture; probes only where the policy asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from govsdk.policy import Policy
from govsdk.ports import CONDITIONING, Anchor, Picture, SubjectId, Templates
from govsdk.records import Reported
from govsdk.verify.attacks.strangers import far_people
from govsdk.verify.bench import Bench, Panels, SubjectTrials
from govsdk.verify.lines import Side
from govsdk.verify.measures import (
    clustered_loss,
    dependence,
    face_distances,
    retained_measures,
    srk,
    subject_measures,
)
from govsdk.verify.probes import Probing, photo_leak, run_probes
from govsdk.verify.probes.probing import Portraits
from govsdk.verify.seeds import stream
from govsdk.verify.trials import Model, Scores, Store

Photos = Callable[[SubjectId], Sequence[Picture]]
"""Returns a person's photos; photo ``i`` gave row ``i`` of their embeddings. Empty: not kept."""


@dataclass(frozen=True, eq=False)
class Sitting:
    """What one verification drew for its claims, and what its probes may draw from."""

    bench: Bench
    before: Model
    after: Model
    journal: Store
    sealed: Sequence[int]
    drawn: SubjectTrials
    panels: Panels
    was: Scores
    """The panels' pictures under the unedited model."""
    now: Scores
    """The same under the edited one."""
    anchor: Anchor | None = None
    photos: Photos | None = None


def report_subject(
    bench: Bench, drawn: SubjectTrials, sealed: Sequence[int], anchor: Anchor | None, side: Side
) -> Iterator[Reported]:
    """Yield the measures of the subject's pictures under one model."""
    subject, thresholds = bench.subject, bench.thresholds
    whose = None if anchor is None else anchor.subject
    parts = (drawn.distribution, drawn.photos)
    yield from subject_measures(parts, subject, bench.people, whose, thresholds, side)
    yield from dependence(drawn.photos, len(sealed), subject, thresholds, side)
    probes = bench.policy.probes
    if probes is not None and probes.photo_leak is not None:
        seeds = probes.photo_leak.seeds
        yield from photo_leak(drawn.photos, len(sealed), seeds, subject, thresholds, side)


def report(sitting: Sitting, baseline: Sequence[Reported]) -> tuple[Reported, ...]:
    """Return every line of a verification.

    Args:
        baseline: The lines of the subject's pictures under the unedited model.
    """
    lines = [*baseline, *_measures(sitting)]
    probes = sitting.bench.policy.probes
    drawn = () if probes is None else run_probes(_probing(sitting, sitting.bench.policy), probes)
    return (*lines, *srk(lines), *drawn)


def _measures(sitting: Sitting) -> Iterator[Reported]:
    bench, anchor = sitting.bench, sitting.anchor
    yield from report_subject(bench, sitting.drawn, sitting.sealed, anchor, "after")
    whose = None if anchor is None else anchor.subject
    before, after = (sitting.panels.parts(scores) for scores in (sitting.was, sitting.now))
    (panel, was), (_, now) = before["random"], after["random"]
    sides: tuple[tuple[Side, Scores], ...] = (("before", was), ("after", now))
    for side, scores in sides:
        yield from retained_measures(panel, scores, bench.subject, whose, bench.thresholds, side)
    yield from face_distances(was, now, bench.embedders)
    people = stream(bench.note, "people")
    for part, (asked, drawn) in before.items():
        yield from clustered_loss(part, asked, drawn, after[part][1], bench.thresholds, people)


def _probing(sitting: Sitting, policy: Policy) -> Probing:
    anchor, images = sitting.anchor, policy.probes is not None and policy.probes.image_path
    return Probing(
        bench=sitting.bench,
        before=sitting.before,
        after=sitting.after,
        journal=sitting.journal,
        anchor=None if anchor is None else anchor.embedding,
        subject=_sealed(sitting) if images else None,
        stranger=_stranger(sitting) if images else None,
    )


def _sealed(sitting: Sitting) -> Portraits | None:
    """Return the subject's sealed photos, if their pictures are kept."""
    return _portraits(sitting, sitting.bench.subject, sitting.sealed)


def _stranger(sitting: Sitting) -> Portraits | None:
    """Return somebody unlike the subject whose photos are kept, in an order that nobody chose."""
    bench = sitting.bench
    people = far_people(bench.policy, bench.subject, bench.people, bench.thresholds)
    for i in stream(bench.note, "stranger").permutation(len(people)):
        if sitting.anchor is not None and people[i].subject == sitting.anchor.subject:
            continue
        found = _portraits(sitting, people[i], range(len(sitting.sealed)))
        if found is not None:
            return found
    return None


def _portraits(sitting: Sitting, person: Templates, photos: Sequence[int]) -> Portraits | None:
    pictures = [] if sitting.photos is None else sitting.photos(person.subject)
    if len(pictures) <= max(photos):
        return None
    rows = person.by_recogniser[CONDITIONING][list(photos)]
    return Portraits(person, [pictures[photo] for photo in photos], rows)
