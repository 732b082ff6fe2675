"""Does a search near a forgotten person bring them back, and what did the edit cost the others?

Run: ``python -m tests.bench search``, or ``python -m tests.bench search --set lambda_=150 --anchor
0.11`` for another edit (``--preset`` sets the rest). Edits the shipped generator for the demo's
first person, redirected to whoever is about as like them as asked, and prints one row of a table of
docs/what_it_proves.md: how many embedding searches with the budget of ``strict`` find the person,
how often random trials do, and the net loss of others' pictures, from photos that the edit was not
taught. Takes minutes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yaml

from govsdk.cli.demo.people import cast
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.generator import Generator
from govsdk.models.manifest import manifest_of
from govsdk.models.recognisers import Recogniser
from govsdk.models.whitebox import WhiteBox
from govsdk.policy import Policy
from govsdk.ports import Float32, SubjectId, Templates, silent
from govsdk.records import Resource
from govsdk.reference import renderer, world
from govsdk.unlearn.looking import Looks
from govsdk.unlearn.piu import edit
from govsdk.unlearn.presets import PiuSettings, settings
from govsdk.verify import Memory, Model
from govsdk.verify.attacks.scene import Opened, Scene
from govsdk.verify.attacks.search import embedding_search
from govsdk.verify.bench import Bench
from govsdk.verify.thresholds import thresholds_for
from govsdk.verify.trials import run_trials

POLICY = Policy.load("strict")
EDIT, SEALED = 16, 8
"""The person's photos: the editor's, and those of half of the random trials."""
TAUGHT, KEPT = 6, 6
"""Everybody else's: the editor's, and those that the loss is measured on."""
NEAREST = 20
"""How many people most like the person are looked at apart."""
NOTE = b"w-search.ledger.invalid\n1\nAAAA\n"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Retained people's pictures, the same before and after."""

    people: Sequence[Templates]
    count: int

    def lost(self, bench: Bench, before: Model, after: Model) -> dict[str, float]:
        """Return the net share of pictures that lost their person, under each recogniser."""
        who = [self.people[i % len(self.people)] for i in range(self.count)]
        photo = TAUGHT + np.arange(self.count) // len(self.people) % KEPT
        rows = [person.by_recogniser["A"][i] for person, i in zip(who, photo, strict=True)]
        seen = [
            run_trials(
                model,
                np.stack(rows),
                range(self.count),
                bench.embedders,
                store=Memory(),
                stage="pairs",
            )
            for model in (before, after)
        ]
        lost = {}
        for name, threshold in bench.thresholds.retention.items():
            own = np.stack([person.centroid(name) for person in who])
            was, now = (scores.matches(name, own, threshold) for scores in seen)
            lost[name] = float(was.mean() - now.mean())
        return lost


def gather(people: int) -> Bench:
    """Return the judge's bench for the demo's first person among ``people`` others."""
    records = {n: CalibrationRecord.load(p) for n, p in world.calibration_paths().items()}
    embedders = {
        name: Recogniser.load(path, name, records[name], device="cpu")
        for name, path in world.recogniser_paths().items()
    }

    def enrolled(seed: int, name: str, photos: int) -> Templates:
        shots = list(renderer.photos(renderer.person(seed), range(photos)))
        rows = {judge: e.embed(shots).embeddings for judge, e in embedders.items()}
        return Templates(SubjectId(name), rows)

    first, *others = [(extra.seed, extra.subject) for extra in cast()[: people + 1]]
    crowd = [enrolled(*each, TAUGHT + KEPT) for each in others]
    thresholds = thresholds_for(POLICY, embedders, records)
    subject = enrolled(*first, EDIT + SEALED)
    return Bench(POLICY, subject, crowd, embedders, thresholds, NOTE, silent)


def likeness(bench: Bench) -> Float32:
    """Return how like the subject everybody else is to A: cosines of centroids."""
    centre = bench.subject.centroid("A")
    return np.array([person.centroid("A") @ centre for person in bench.people], np.float32)


def choose_anchor(bench: Bench, cosine: float | None) -> int:
    """Return who is as like the subject as asked; by default the nearest who qualifies."""
    cosines = likeness(bench)
    if cosine is not None:
        return int(np.abs(cosines - cosine).argmin())
    limit = bench.thresholds.forget["A"] - POLICY.anchors.margin
    return int(np.where(cosines > limit, -2, cosines).argmax())


def watch(bench: Bench, margin: float) -> Looks:
    """Return the early-stop signal that a request has."""
    centroids = [person.only(tuple(range(TAUGHT))).centroid("A") for person in bench.people]
    return Looks(
        subject=bench.subject.by_recogniser["A"][:EDIT],
        others=np.stack(centroids),
        radius=bench.thresholds.radius,
        embedder=bench.embedders["A"],
        threshold=bench.thresholds.forget["A"] - margin,
        steps=world.STEPS,
        guidance=world.GUIDANCE,
        seed=1,
    )


def opened(folder: Path) -> Model:
    """Return the checkpoint in ``folder`` with its weights at hand."""
    generator = Generator.load(folder, steps=world.STEPS, guidance=world.GUIDANCE)
    resource = Resource(name=folder.name, sha256=manifest_of(folder).digest())
    return Model(resource, generator, WhiteBox(generator))


def forget(bench: Bench, anchor: Templates, chosen: PiuSettings, folder: Path) -> Model:
    """Return the model that draws ``anchor`` in the subject's place."""
    edit(
        world.generator_dir(),
        folder,
        subject=bench.subject.by_recogniser["A"][:EDIT],
        anchor=anchor.centroid("A"),
        retained=[person.by_recogniser["A"][:TAUGHT] for person in bench.people],
        settings=chosen,
        seed=1,
        radius=bench.thresholds.radius,
        guidance=world.GUIDANCE,
        watch=watch(bench, chosen.margin),
    )
    return opened(folder)


def searched(bench: Bench, before: Model, after: Model, runs: int, iterations: int) -> str:
    """Return how many searches find the subject, under A and under B."""
    assert POLICY.attacks is not None
    assert before.weights is not None
    assert after.weights is not None
    size = {"runs": runs, "iterations": iterations}
    scene = Scene(
        budget=POLICY.attacks.model_copy(
            update={"search": POLICY.attacks.search.model_copy(update=size)}
        ),
        subject=bench.subject,
        people=bench.people,
        strangers=(),
        before=Opened(before.resource, before.weights),
        embedders=bench.embedders,
        thresholds=bench.thresholds,
        note=NOTE,
        store=Memory(),
        report=lambda units: None,
    )
    model = Opened(after.resource, after.weights)
    found = embedding_search(scene, model, bench.subject, runs)
    counts = {name: sum(step is not None for step in steps) for name, steps in found.items()}
    return f"{counts['A']} of {runs} | {counts['B']} of {runs}"


def drawn(bench: Bench, model: Model, trials: int) -> str:
    """Return in how many random trials the subject is drawn, under A and under B."""
    counts = (trials - trials // 2, trials // 2)
    sealed = range(EDIT, EDIT + SEALED)
    seen = bench.subject_trials(model, sealed, counts, Memory(), stage="forget")
    hits = [
        sum(
            int(scores.matches(name, bench.subject.centroid(name), threshold).sum())
            for scores in (seen.distribution, seen.photos)
        )
        for name, threshold in bench.thresholds.forget.items()
    ]
    return f"{' / '.join(map(str, hits))} of {trials}"


def main(
    preset: str = POLICY.unlearning.preset,
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE")] = None,
    anchor: Annotated[
        float | None, typer.Option(help="Cosine to the person; default: as the policy chooses.")
    ] = None,
    runs: int = 24,
    iterations: int = 120,
    people: int = 125,
    trials: int = 192,
    pairs: int = 400,
    near: Annotated[int, typer.Option(help="Pairs of the people most like the person.")] = 200,
) -> None:
    """Print one row of the table."""
    said = list(overrides or ())
    chosen = settings(preset, {k: yaml.safe_load(v) for k, v in (o.split("=", 1) for o in said)})
    bench = gather(people)
    place, cosines = choose_anchor(bench, anchor), likeness(bench)
    nearest = [bench.people[i] for i in np.argsort(-cosines)[:NEAREST]]
    before = opened(world.generator_dir())
    with tempfile.TemporaryDirectory() as folder:
        after = forget(bench, bench.people[place], chosen, Path(folder) / "edited")
        was, now = (drawn(bench, model, trials) for model in (before, after))
        print(f"random trials that draw the person, A / B: {was} before, {now} after")
        lost = [
            " / ".join(f"{100 * share:.1f}" for share in each.lost(bench, before, after).values())
            for each in (Pairs(bench.people, pairs), Pairs(nearest, near))
        ]
        words = ", ".join([f"anchor at cosine {cosines[place]:.2f}", preset, *said])
        row = [words, searched(bench, before, after, runs, iterations), *lost]
        print("| edit | found under A | under B | net lost of all, A / B, % | of the nearest, % |")
        print(f"| {' | '.join(row)} |")
