"""The judge refuses models that only seem to forget, and accepts one that does."""

from dataclasses import replace

import numpy as np
import pytest

from govsdk.errors import RequestError
from govsdk.policy import Policy
from govsdk.ports import Templates
from govsdk.records import Outcome, Verdict
from govsdk.verify import Baseline, Memory
from govsdk.verify.folds import split_retained
from govsdk.verify.panel import nearest_people
from govsdk.verify.screen import Forgotten

from .toy import (
    ANCHOR,
    EARLIER,
    EMBEDDERS,
    GALLERY,
    NOTE,
    SEALED,
    SUBJECT,
    calibrations,
    forgets,
    model,
    near,
    run_baseline,
    run_verify,
)


def outcomes(verification, name):
    return {claim.outcome for claim in verification.claims if claim.name == name}


def blank(conditions):
    return conditions * 0


# -- what the judge accepts and refuses ------------------------------------------------------------


@pytest.mark.parametrize("policy", ["quickstart", "standard"])
def test_a_good_edit_is_accepted(policy):
    """Redirecting the whole cone to the anchor passes every claim under both recognisers."""
    verification = run_verify(model(forgets(SUBJECT)), policy)

    assert verification.verdict is Verdict.FORGOTTEN
    assert {claim.outcome for claim in verification.claims} == {Outcome.PASS}
    assert {claim.recogniser for claim in verification.claims} == {"A", "B"}
    assert {claim.name for claim in verification.claims} == {
        "forget",
        "retention",
        "quality",
        "no-face",
    }


def test_an_untouched_model_is_refused():
    """The unedited model fails the forgetting claims, and only these."""
    verification = run_verify(model())

    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert outcomes(verification, "forget") == {Outcome.FAIL}
    assert outcomes(verification, "retention") == {Outcome.PASS}


def test_a_model_that_only_blurs_is_refused():
    """A blurred model draws nobody, the subject included: retention, quality and faces fail."""
    verification = run_verify(model(blank))

    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert outcomes(verification, "forget") == {Outcome.PASS}
    for name in ("retention", "quality", "no-face"):
        assert outcomes(verification, name) == {Outcome.FAIL}


def test_blurring_the_subject_alone_is_refused():
    """Noise instead of a replacement face passes everything except the faces claim."""
    blur = model(lambda c: np.where(near(c, SUBJECT, 1.0), blank(c), c))
    verification = run_verify(blur)

    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert outcomes(verification, "retention") == outcomes(verification, "forget") == {Outcome.PASS}
    assert outcomes(verification, "no-face") == {Outcome.FAIL}


def test_handling_only_the_edit_photos_is_refused():
    """An edit that knows exact photos fails around them and on the sealed ones."""
    known = SUBJECT.by_recogniser["A"][:8]

    def memorised(conditions):
        seen = (conditions @ known.T).max(axis=1, keepdims=True) > 0.999
        return np.where(seen, ANCHOR.centroid("A"), conditions)

    cheat = run_verify(model(memorised))
    shown = run_verify(model(memorised), sealed=(0, 1, 2, 3))

    assert cheat.verdict is Verdict.NOT_FORGOTTEN
    assert outcomes(cheat, "forget") == {Outcome.FAIL}
    assert {c.part for c in shown.claims if c.outcome is Outcome.PASS and c.name == "forget"} == {
        "photos"
    }


def test_a_cone_that_is_too_narrow_is_refused():
    """Forgetting the sealed photos is not enough: D reaches farther than they do."""
    verification = run_verify(model(forgets(SUBJECT, angle=0.25)))

    assert verification.verdict is Verdict.NOT_FORGOTTEN


def test_keeping_only_what_was_taught_is_refused():
    """A model that still draws others from the editor's very photos alone loses their next ones.

    The control knows all their photos, the sealed ones too: nothing tells it from a good edit.
    """
    split = {each.subject: split_retained(each, note=NOTE).edit for each in GALLERY}
    taught = np.concatenate([each.only(split[each.subject]).by_recogniser["A"] for each in GALLERY])
    every = np.concatenate([each.by_recogniser["A"] for each in GALLERY])

    def keeps(rows):
        def draws(conditions):
            seen = (conditions @ rows.T).max(axis=1, keepdims=True) > 0.9999
            return np.where(seen, conditions, ANCHOR.centroid("A"))

        return model(draws)

    cheat, control = run_verify(keeps(taught)), run_verify(keeps(every))

    assert cheat.verdict is Verdict.NOT_FORGOTTEN
    assert outcomes(cheat, "forget") == {Outcome.PASS}
    assert outcomes(cheat, "retention") == {Outcome.FAIL}
    assert control.verdict is Verdict.FORGOTTEN


def test_a_gallery_too_small_to_split_is_not_judged():
    """One photo of one other person cannot both be taught and judged: said before any edit."""
    alone = [GALLERY[1].only((0,))]

    shown = run_baseline(model(), gallery=alone)

    assert shown.verdict is Verdict.INCONCLUSIVE
    assert "too few photos of others" in str(shown.reason)


def test_a_model_that_breaks_everybody_else_is_refused():
    """Drawing the anchor for everybody forgets the subject, and everybody else."""
    verification = run_verify(model(lambda c: np.broadcast_to(ANCHOR.centroid("A"), c.shape)))

    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert outcomes(verification, "forget") == {Outcome.PASS}
    assert outcomes(verification, "retention") == {Outcome.FAIL}


def test_a_model_that_draws_the_subject_for_everybody_fails_its_control():
    """The impostor control notices faces of the subject where other people were asked for."""
    verification = run_verify(model(lambda c: np.broadcast_to(SUBJECT.centroid("A"), c.shape)))
    impostors = [c.passed for c in verification.controls if c.name == "impostor"]
    honest = [c.passed for c in run_verify(model()).controls if c.name == "impostor"]

    assert (impostors, honest) == ([False, False], [True, True])


def test_retention_needs_people_to_lose():
    """Where the unedited model drew hardly anybody, nothing lost proves nothing."""

    def subject_only(c):
        return np.where(near(c, SUBJECT, 1.0), c, blank(c))

    before = model(subject_only, "v0")
    verification = run_verify(model(lambda c: forgets(SUBJECT)(subject_only(c))), before=before)
    retained = [c.passed for c in verification.controls if c.name == "retained"]
    honest = [c.passed for c in run_verify(model()).controls if c.name == "retained"]

    assert outcomes(verification, "retention") == {Outcome.PASS}
    assert verification.verdict is not Verdict.FORGOTTEN
    assert (retained, honest) == ([False, False], [True, True])


def test_near_people_are_needed_to_be_lost_as_well():
    """Where the unedited model drew nobody like the subject, it could do them no harm."""
    neighbours = nearest_people(SUBJECT, GALLERY, 20)

    def strangers_only(c):
        spoilt = np.any([near(c, person, 0.9) for person in neighbours], axis=0)
        return np.where(spoilt & ~near(c, SUBJECT, 1.0), blank(c), c)

    verification = run_verify(
        model(lambda c: forgets(SUBJECT)(strangers_only(c))),
        "standard",
        before=model(strangers_only, "v0"),
    )
    passed = {c.part: c.passed for c in verification.controls if c.name == "retained"}
    honest = run_verify(model(forgets(SUBJECT)), "standard").controls

    assert passed == {"random": True, "hard-neighbours": False}
    assert {c.part: c.passed for c in honest if c.name == "retained"} == dict.fromkeys(passed, True)


def test_the_second_attempt_allows_no_hit():
    """One hit in 99 passes at the first attempt's alpha and not at the second's."""
    leak = SUBJECT.by_recogniser["A"][SEALED[0]]

    def leaks_once():
        left = [1]

        def edit(conditions):
            drawn = forgets(SUBJECT)(conditions)
            for i in np.flatnonzero((conditions @ leak > 0.999) & bool(left[0]))[:1]:
                drawn[i], left[0] = conditions[i], 0
            return drawn

        return model(edit)

    first, second = (run_verify(leaks_once(), attempt=attempt) for attempt in (1, 2))
    hits = [claim.events for claim in first.claims if claim.part == "photos"]

    assert hits == [1, 1]
    assert (first.verdict, second.verdict) == (Verdict.FORGOTTEN, Verdict.INCONCLUSIVE)


# -- before the edit -------------------------------------------------------------------------------


def test_the_baseline_is_a_positive_control():
    """A model that draws the subject lets the request go on."""
    shown = run_baseline(model())

    assert shown.verdict is None
    assert [(c.recogniser, c.passed, c.trials) for c in shown.controls] == [
        ("A", True, 100),
        ("B", True, 100),
    ]


def test_nothing_to_forget():
    """A model that never draws the subject ends the request before any edit."""
    shown = run_baseline(model(forgets(SUBJECT)))

    assert shown.verdict is Verdict.NOTHING_TO_FORGET
    assert not any(control.passed for control in shown.controls)


class Blind:
    """Recogniser B, which takes everybody for somebody else."""

    name, sha256 = "B", EMBEDDERS["B"].sha256

    def embed(self, pictures):
        said = EMBEDDERS["B"].embed(pictures)
        return replace(said, embeddings=-said.embeddings)


def test_a_recogniser_that_cannot_see_the_subject_leaves_it_open():
    """Where one recogniser sees the subject and one does not, no trial could show forgetting."""
    shown = run_baseline(model(), embedders={**EMBEDDERS, "B": Blind()})

    assert shown.verdict is Verdict.INCONCLUSIVE
    assert "recogniser B rarely sees" in shown.reason


def only_a(someone):
    return Templates(someone.subject, {"A": someone.by_recogniser["A"]})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"calibrations": {"A": calibrations()["A"]}}, "recogniser B has no calibration"),
        (
            {"embedders": {**EMBEDDERS, "B": replace(EMBEDDERS["B"], sha256="c" * 64)}},
            "made with other weights",
        ),
        ({"embedders": {"A": EMBEDDERS["A"]}}, "two recognisers are needed"),
        ({"gallery": [SUBJECT]}, "nobody else is enrolled"),
        ({"gallery": [only_a(ANCHOR)]}, "nobody else is enrolled"),
        ({"subject": only_a(SUBJECT)}, "the subject has no photos"),
        (
            {"policy": "standard", "gallery": GALLERY[:19]},
            "the 20 most like the subject apart: of 19",
        ),
    ],
)
def test_what_cannot_be_judged_is_inconclusive_before_the_edit(changes, reason):
    """Without calibration, judges or other people there is no verdict, and nothing is drawn."""
    untried = model()
    shown = run_baseline(untried, **changes)

    assert shown.verdict is Verdict.INCONCLUSIVE
    assert reason in shown.reason
    assert untried.drawer.seeds == []
    with pytest.raises(RequestError, match=reason):
        run_verify(model(), **changes)


def test_as_many_near_people_as_the_policy_asks_for_are_enough():
    """Where nobody is judged apart, fewer are."""
    assert run_baseline(model(), "standard", gallery=GALLERY[:20]).verdict is None
    assert run_baseline(model(), "quickstart", gallery=GALLERY[:19]).verdict is None


def test_without_a_positive_control_nothing_is_verified():
    """No baseline, or one that ended the request: trials without a hit would show nothing."""
    untried = model(forgets(SUBJECT))
    for shown in (Baseline(), run_baseline(model(forgets(SUBJECT)))):
        with pytest.raises(RequestError, match="no baseline"):
            run_verify(untried, baseline=shown)

    assert untried.drawer.seeds == []


# -- who was forgotten earlier ---------------------------------------------------------------------


def forgotten(under="quickstart"):
    """Return the earlier subject, certified under a policy."""
    return Forgotten(EARLIER, Policy.load(under))


def leaking_earlier(every):
    """Return a model that forgets the subject and draws the earlier one in each ``every``th try."""
    asked = [0]

    def edit(conditions):
        drawn = forgets(EARLIER)(forgets(SUBJECT)(conditions))
        for i in np.flatnonzero(near(conditions, EARLIER, 1.0)):
            if asked[0] % every == 0:
                drawn[i] = conditions[i]
            asked[0] += 1
        return drawn

    return model(edit)


def test_an_earlier_subject_who_came_back_is_a_regression():
    """An edit that forgets this subject but draws an earlier one again is refused."""

    def both(c):
        return forgets(EARLIER)(forgets(SUBJECT)(c))

    revived = run_verify(model(forgets(SUBJECT)), earlier=[forgotten()])
    kept = run_verify(model(both), earlier=[forgotten()])

    assert revived.verdict is Verdict.NOT_FORGOTTEN
    assert (revived.screen.regressions, revived.screen.hits) == (1, 10)
    assert kept.verdict is Verdict.FORGOTTEN
    assert (kept.screen.regressions, kept.screen.hits, kept.screen.subjects) == (0, 0, 1)
    assert kept.screen.detectable_rate == "0.148660"


def test_many_earlier_people_make_nobody_easier_to_notice():
    """One of them may be back: what their own probes notice is what is said."""
    many = run_verify(model(forgets(EARLIER)), "quickstart", earlier=[forgotten()] * 5).screen

    assert (many.subjects, many.probes_each, many.hits) == (5, 10, 0)
    assert many.detectable_rate == "0.148660"
    assert many.upper < "0.06"


def test_whoever_cannot_be_screened_is_told_before_the_edit():
    """Their own policy asks for a false match rate that the recognisers' records do not have."""
    strict = Policy.load("strict")
    rare = strict.claims.forget.model_copy(update={"fmr": 0.00001})
    claims = strict.claims.model_copy(update={"forget": rare})
    earlier = Forgotten(EARLIER, strict.model_copy(update={"claims": claims}))

    said = run_baseline(model(name="v0"), earlier=[earlier])

    assert said.verdict is Verdict.INCONCLUSIVE
    assert "cannot be screened under their policy: " in said.reason
    assert "no threshold at FMR 1e-05" in said.reason
    assert run_baseline(model(name="v0"), earlier=[forgotten("strict")]).verdict is None


def test_a_stray_hit_on_an_earlier_subject_is_no_regression():
    """A hit leads to the full test; a person who passes it has not come back."""
    left = [1]

    def edit(conditions):
        drawn = forgets(EARLIER)(forgets(SUBJECT)(conditions))
        for i in np.flatnonzero(near(conditions, EARLIER, 1.0) & bool(left[0]))[:1]:
            drawn[i], left[0] = conditions[i], 0
        return drawn

    verification = run_verify(model(edit), earlier=[forgotten()])

    assert (verification.screen.hits, verification.screen.regressions) == (1, 0)
    assert verification.verdict is Verdict.FORGOTTEN


def test_earlier_subjects_keep_the_policy_that_they_were_certified_under():
    """4 % is a regression for whom less than 1 % was certified, and none where 5 % was."""
    strict = run_verify(leaking_earlier(25), earlier=[forgotten("strict")])
    mild = run_verify(leaking_earlier(25), earlier=[forgotten("quickstart")])

    assert strict.screen.hits == mild.screen.hits == 1
    assert (strict.verdict, strict.screen.regressions) == (Verdict.NOT_FORGOTTEN, 1)
    assert (mild.verdict, mild.screen.regressions) == (Verdict.FORGOTTEN, 0)


def test_nobody_gets_fewer_probes_than_their_own_policy_asks():
    """Nor fewer than the edit's."""
    controls = Policy.load("quickstart").controls.model_copy(update={"screen_probes": 30})
    many = Policy.load("quickstart").model_copy(update={"controls": controls})
    careful = Forgotten(EARLIER, many)

    for policy, earlier in ((many, forgotten()), ("quickstart", careful)):
        screen = run_verify(model(forgets(SUBJECT)), policy, earlier=[earlier]).screen
        assert (screen.probes_each, screen.hits) == (30, 30)


def test_whoever_cannot_be_looked_for_is_counted_apart():
    """No probe is spent on them, and no limit speaks of them."""
    nobody, alone, beside = (
        run_verify(model(forgets(EARLIER)), "quickstart", earlier=earlier, unscreened=count).screen
        for earlier, count in (((), 0), ((), 2), ((forgotten(),), 2))
    )

    assert nobody is None
    assert (alone.subjects, alone.unscreened, alone.upper) == (0, 2, "1.000000")
    assert alone.detectable_rate == "1.000000"
    assert (beside.subjects, beside.unscreened, beside.detectable_rate) == (1, 2, "0.148660")


# -- how it is measured ----------------------------------------------------------------------------


def test_quickstart_needs_at_most_nine_hundred_pictures():
    """Baseline, trials and panel together stay within what two cores draw in 90 seconds."""
    before, after, journal = model(name="v0"), model(forgets(SUBJECT)), Memory()
    shown = run_baseline(before, journal=journal)
    run_verify(after, before=before, baseline=shown, journal=journal)

    assert len(before.drawer.seeds) + len(after.drawer.seeds) <= 900


def test_everything_follows_from_the_note():
    """The same note gives the same report; another note other seeds, also for the conditions."""
    first, second = model(forgets(SUBJECT)), model(forgets(SUBJECT))
    report = run_verify(first)

    assert report == run_verify(second)
    assert first.drawer.seeds == second.drawer.seeds
    third = model(forgets(SUBJECT))
    assert run_verify(third, note=NOTE + b"2").seed_note != report.seed_note
    assert not set(first.drawer.seeds[:198]) & set(third.drawer.seeds)


def test_the_panel_before_the_edit_is_drawn_once_per_model_version():
    """A second request on the same version finds most of the panel's pictures in the cache."""
    cache, later = Memory(), model(name="v0")
    run_verify(model(forgets(SUBJECT)), cache=cache)
    run_verify(model(forgets(SUBJECT)), before=later, cache=cache)
    again = len(later.drawer.seeds)
    run_verify(model(forgets(SUBJECT)), before=later, cache=cache, note=NOTE + b"2")

    assert again == 0
    assert 0 < len(later.drawer.seeds) < 100


def test_a_report_names_no_person():
    """No id, embedding or photo enters the report."""
    report = run_verify(model(forgets(SUBJECT)), earlier=[forgotten()]).model_dump_json()

    assert "FORGOTTEN" in report
    for someone in (SUBJECT, ANCHOR, EARLIER, *GALLERY):
        assert f'"{someone.subject}"' not in report
        assert repr(float(someone.centroid("A")[0]))[:8] not in report


def test_too_late_an_attempt_is_refused():
    """A policy with two attempts judges no third one."""
    with pytest.raises(RequestError, match="the policy allows 2"):
        run_verify(model(), attempt=3)
