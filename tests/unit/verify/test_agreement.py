"""Two measurements of one model agree; a measurement of another does not."""

from govsdk.certify.reproductions import LEAST_P, TOLERANCE
from govsdk.policy import Policy
from govsdk.verify import Memory
from govsdk.verify.agreement import compare
from govsdk.verify.bench import Bench
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
