"""Trials are complete, repeatable and never drawn twice."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from govsdk.errors import BackendError, NonFiniteError
from govsdk.ports import Embedded
from govsdk.verify import Memory
from govsdk.verify.trials import BATCH, run_trials

from .toy import EMBEDDERS, GALLERY, SUBJECT, ToyDrawer, model

CONDITIONS = np.concatenate([SUBJECT.by_recogniser["A"]] * 6)
SEEDS = list(range(len(CONDITIONS)))


def run(examined, store=None, seeds=SEEDS, embedders=EMBEDDERS, **more):
    store = store or Memory()
    return run_trials(examined, CONDITIONS, seeds, embedders, store=store, stage="test", **more)


def test_scores_are_those_of_single_pictures():
    """Batches and the store change nothing: trial i is what drawing it alone gives."""
    scores = run(model())
    picture = ToyDrawer().draw(CONDITIONS[40:41], [40])
    alone = EMBEDDERS["B"].embed(picture)

    assert np.allclose(scores.embeddings["B"][40], alone.embeddings[0], atol=1e-6)
    assert scores.quality["B"][40] == pytest.approx(alone.quality[0], rel=1e-6)
    assert len(scores) == len(SEEDS)


def test_a_killed_run_goes_on_where_it_stopped():
    """Finished batches come from the store; the result is that of an undisturbed run."""
    store, examined = Memory(), model()

    def kill(stage, done, total, note=""):
        if done >= BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(examined, store, progress=kill)
    scores = run(examined, store)

    assert sorted(examined.drawer.seeds) == SEEDS
    assert (scores.embeddings["A"] == run(model()).embeddings["A"]).all()


def test_another_model_seed_or_recogniser_is_drawn_anew():
    """A store never answers for other bytes, other seeds or another judge."""
    store = Memory()
    run(model(), store)
    other = {**EMBEDDERS, "B": replace(EMBEDDERS["B"], sha256="c" * 64)}

    for examined, seeds, judges in [
        (model(name="v2"), SEEDS, EMBEDDERS),
        (model(), [seed + 1000 for seed in SEEDS], EMBEDDERS),
        (model(), SEEDS, other),
    ]:
        run(examined, store, seeds, judges)
        assert len(examined.drawer.seeds) == len(SEEDS)
    again = model()
    run(again, store)
    assert again.drawer.seeds == []


def test_equal_trials_are_drawn_once():
    """Whoever asks twice for one picture gets the same answer twice; other seeds are no equals."""
    seeds = [*SEEDS[:36], *SEEDS[:36]]
    examined = model()
    scores = run(examined, seeds=seeds)

    assert (CONDITIONS[:36] == CONDITIONS[36:]).all()
    assert examined.drawer.seeds == SEEDS[:36]
    assert (scores.embeddings["A"][:36] == scores.embeddings["A"][36:]).all()
    apart = model()
    plain = run(apart)
    assert apart.drawer.seeds == SEEDS
    assert np.allclose(scores.embeddings["B"][:36], plain.embeddings["B"][:36], atol=1e-6)


def test_progress_counts_up_to_the_total():
    """Progress starts at what is known and ends at the total."""
    seen = []
    run(model(), progress=lambda stage, done, total, note="": seen.append((stage, done, total)))

    assert [done for _, done, _ in seen] == [0, 32, 64, 72]
    assert {(stage, total) for stage, _, total in seen} == {("test", 72)}


@dataclass(frozen=True)
class Broken:
    """A recogniser that answers with ``fault`` in one place, or not for every picture."""

    name: str = "B"
    sha256: str = "b" * 64
    fault: float | None = None

    def embed(self, pictures):
        n = len(pictures) - (self.fault is None)
        rows = np.ones((n, 4), dtype=np.float32)
        rows[0, 0] = self.fault or 1
        return Embedded(rows, np.ones(n, dtype=np.float32))


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_non_finite_answers_never_count_as_forgotten(fault):
    """A NaN would compare as "no match"; it stops the run instead."""
    with pytest.raises(NonFiniteError, match="recogniser B"):
        run(model(), embedders={**EMBEDDERS, "B": Broken(fault=fault)})

    assert len(run(model(), embedders={**EMBEDDERS, "B": Broken(fault=0.5)})) == len(SEEDS)


def test_missing_answers_stop_the_run():
    """A recogniser or a model that skips a trial does not shrink the denominator."""

    class Lazy(ToyDrawer):
        def draw(self, embeddings, seeds):
            return super().draw(embeddings, seeds)[1:]

    with pytest.raises(BackendError, match="skipped"):
        run(model(), embedders={**EMBEDDERS, "B": Broken()})
    with pytest.raises(BackendError, match="31 pictures for 32 seeds"):
        run(replace(model(), drawer=Lazy()))


def test_a_tie_is_a_match():
    """A score equal to the threshold counts as a match, one beyond it does not."""
    scores, centroid = run(model()), SUBJECT.centroid("A")
    tie = float(scores.cosines("A", centroid)[5])

    assert scores.matches("A", centroid, tie)[5]
    assert not scores.matches("A", centroid, np.nextafter(tie, 2))[5]


def test_cosines_pair_each_trial_with_its_own_person():
    """A stack of centroids is taken row by row."""
    scores = run(model())
    stack = np.stack([GALLERY[i % 5].centroid("A") for i in range(len(SEEDS))])

    assert scores.cosines("A", stack)[7] == pytest.approx(scores.cosines("A", stack[7])[7])
    assert scores.part(7, 9).cosines("A", stack[7])[0] == pytest.approx(
        scores.cosines("A", stack)[7]
    )
