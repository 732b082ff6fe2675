"""The probes on the shipped world: what they find where nothing was edited."""

import pytest

from govsdk.models.calibration import CalibrationRecord
from govsdk.models.generator import Generator
from govsdk.models.recognisers import Recogniser
from govsdk.policy import Policy
from govsdk.policy.probes import Probes
from govsdk.ports import SubjectId, Templates, silent
from govsdk.records import Resource
from govsdk.reference import people, renderer, world
from govsdk.verify import Memory, Model
from govsdk.verify.bench import Bench
from govsdk.verify.probes import Probing, run_probes
from govsdk.verify.probes.probing import Portraits
from govsdk.verify.thresholds import thresholds_for

PROBES = Probes.model_validate(
    {
        "radius": {"degrees": [10, 60], "trials": 12},
        "line": {"places": [0, 1], "trials": 6},
        "mixture": {"shares": [0.1], "trials": 6},
        "sampler": {"guidance": [5], "steps": [8], "schedulers": ["ddim", "euler"], "trials": 6},
        "image_path": {"strengths": [0.2], "trials": 6},
    }
)


@pytest.fixture(scope="module")
def lines():
    """Return every line, the unedited model in both places."""
    records = {k: CalibrationRecord.load(p) for k, p in world.calibration_paths().items()}
    judges = {
        name: Recogniser.load(path, name, records[name], device="cpu")
        for name, path in world.recogniser_paths().items()
    }
    photos = [
        [renderer.photo(renderer.person(seed), shot) for shot in range(6)]
        for seed in people.DEMO_PEOPLE[:10]
    ]
    crowd = [
        Templates(SubjectId(f"p{i}"), {k: j.embed(shots).embeddings for k, j in judges.items()})
        for i, shots in enumerate(photos)
    ]
    policy = Policy.load("quickstart")
    thresholds = thresholds_for(policy, judges, records)
    bench = Bench(policy, crowd[0], crowd[1:], judges, thresholds, b"note", silent)
    generator = Generator.load(
        world.generator_dir(), device="cpu", steps=world.STEPS, guidance=world.GUIDANCE
    )
    subject, stranger = (
        Portraits(crowd[i], photos[i], crowd[i].by_recogniser["A"]) for i in (0, 1)
    )
    probing = Probing(
        bench=bench,
        before=Model(Resource(name="v0", sha256="0" * 64), generator),
        after=Model(Resource(name="v1", sha256="1" * 64), generator),
        journal=Memory(),
        anchor=crowd[2].centroid("A"),
        subject=subject,
        stranger=stranger,
    )
    return list(run_probes(probing, PROBES))


@pytest.mark.slow
def test_an_unedited_model_is_found_by_every_probe(lines):
    """Where the person is asked for, in whatever way, most pictures show them."""
    asked = [
        line
        for line in lines
        if line.metric == "match-rate" and line.recogniser == "A" and "60" not in line.part
        if line.part != "place 0"
    ]

    assert len(asked) >= 13
    assert all(float(line.value) >= 0.6 for line in asked), asked


@pytest.mark.slow
def test_where_somebody_else_is_asked_for_nobody_is_found(lines):
    """The controls: at the anchor's place, and at 60 degrees."""
    elsewhere = [line for line in lines if line.part in ("place 0", "60 degrees")]

    assert all(float(line.value or 0) <= 0.4 for line in elsewhere)
    assert {line.value for line in lines if line.metric == "degrees"} == {"0.000000"}


@pytest.mark.slow
def test_both_models_draw_the_same_where_they_are_the_same(lines):
    """Before and after differ by the model alone: conditions and seeds are shared."""
    found = {(x.name, x.part, x.recogniser, x.model): x.events for x in lines if x.of == "subject"}

    pairs = [
        (events, found[name, part, recogniser, "after"])
        for (name, part, recogniser, model), events in found.items()
        if model == "before" and (name, part, recogniser, "after") in found
    ]
    assert len(pairs) >= 16
    assert all(first == second for first, second in pairs)
