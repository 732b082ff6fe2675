"""Two measurements of one model agree; a measurement of another does not."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from govsdk.policy import Policy
from govsdk.verify import Memory
from govsdk.verify.agreement import LEAST_P, TOLERANCE, compare
from govsdk.verify.bench import Bench
from govsdk.verify.statistics_samples import scores_differ
from govsdk.verify.thresholds import thresholds_for
from govsdk.verify.transcript import Transcript, transcript

from .toy import EMBEDDERS, GALLERY, NOTE, SEALED, SUBJECT, calibrations, forgets, model


def measured(edit=None, note=NOTE, people=(), trials=40) -> Transcript:
    """Return the transcript of the subject's trials, by somebody who knows ``people``."""
    policy = Policy.load("quickstart")
    thresholds = thresholds_for(policy, EMBEDDERS, calibrations())
    bench = Bench(policy, SUBJECT, people, EMBEDDERS, thresholds, note, lambda *_: None)
    shown = model(edit) if edit else model()
    drawn = bench.subject_trials(shown, SEALED, (trials, trials), Memory(), stage="forget")
    return transcript(drawn, SUBJECT)


def test_the_same_seeds_give_the_same_scores_without_other_people():
    """Who knows the subject alone repeats the isotropic half of D and all sealed photos."""
    operator, auditor = measured(people=GALLERY), measured()
    found = list(compare(operator, auditor, measured(note=b"other")))

    assert {(each.part, each.recogniser) for each in found} == {
        (part, name) for part in ("distribution", "photos") for name in "AB"
    }
    assert operator.alone.tolist() == list(range(0, 40, 2))
    assert [each.compared for each in found] == [20, 20, 40, 40]
    assert all(each.largest_difference == 0 for each in found)
    assert all(each.p > LEAST_P / len(found) for each in found)


def test_another_model_gives_other_scores():
    """The control: measured on a model that forgets, nothing agrees."""
    found = list(
        compare(measured(), measured(forgets(SUBJECT)), measured(forgets(SUBJECT), b"other"))
    )

    assert all(each.largest_difference > TOLERANCE for each in found)
    assert all(each.p < LEAST_P / len(found) for each in found)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (5, 7), (50, 50), (20, 99), (250, 500)])
def test_the_exact_test_is_scipys(m, n):
    """The same p as the reference implementation, for samples that agree and that do not."""
    rng = np.random.default_rng(m * n)
    for shift in (0, 0.3, 2):
        first = rng.normal(size=m).astype(np.float32)
        second = rng.normal(shift, size=n).astype(np.float32)
        expected = ks_2samp(first, second, method="exact").pvalue
        assert scores_differ(first, second) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_exact_test_keeps_its_level():
    """Of 1,000 pairs of samples from one distribution at most the stated share is called two."""
    rng = np.random.default_rng(3)
    found = [scores_differ(rng.normal(size=20), rng.normal(size=30)) for _ in range(1000)]

    assert np.mean(np.array(found) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_samples_that_are_one_or_missing_speak_against_nothing():
    """Equal samples have p 1; so has no sample at all, which other rules refuse."""
    same = np.arange(9, dtype=np.float32)

    assert scores_differ(same, same) == 1
    assert scores_differ(same, same[:0]) == 1
