"""Each probe finds what it is for, shows that it could have, and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from pydantic import ValidationError

from govsdk.policy import Policy
from govsdk.ports import silent
from govsdk.records import Resource
from govsdk.verify import Memory, Model
from govsdk.verify.bench import Bench
from govsdk.verify.probes.probing import Probing
from govsdk.verify.probes.radius import forget_radius
from govsdk.verify.thresholds import thresholds_for
from govsdk.verify.trials import Scores

from .toy import (
    ANCHOR,
    EMBEDDERS,
    GALLERY,
    NOTE,
    REPLACEMENT,
    SUBJECT,
    ToySampler,
    calibrations,
    forgets,
    model,
    near,
    photos_of,
    probing,
    run_baseline,
    run_verify,
    untouched,
)

RADIUS = {"degrees": [10, 20, 30, 45, 50], "trials": 30}


def sampler(edit=untouched, leak=untouched, name="v1"):
    """Return a model whose sampler can be set."""
    plain = model(edit, name)
    return Model(Resource(name=name, sha256=plain.resource.sha256), ToySampler(edit, leak=leak))


def reported(after, name, *, of="subject", side="after", **asked):
    """Return the lines of one probe under recogniser A, by part."""
    policy = probing(**asked.pop("probes"))
    verification = run_verify(after, policy, anchor=REPLACEMENT, **asked)
    return {
        line.part: line
        for line in verification.reported
        if (line.name, line.model, line.of) == (name, side, of) and line.recogniser in ("A", None)
    }


# -- the forget radius -----------------------------------------------------------------------------


def radius(after, degrees, **changes):
    rule = {"radius": {"degrees": degrees, "trials": 30}}
    return reported(after, "forget-radius", probes=rule, **changes)


def test_the_radius_ends_where_forgetting_ends():
    """An edit that reaches 34 degrees passes at 30 and not at 45; nothing is drawn beyond."""
    lines = radius(model(forgets(SUBJECT, angle=np.radians(34))), [10, 20, 30, 45, 50])

    assert lines["all"].value == "30.000000"
    assert lines["30 degrees"].events == 0 < lines["45 degrees"].events
    assert "50 degrees" not in lines


def test_an_untouched_model_has_no_radius():
    """It fails at the first angle: the radius is 0, and the match rate says why."""
    lines = radius(model(), [10, 20])

    assert lines["all"].value == "0.000000"
    assert float(lines["10 degrees"].value) > 0.9


def test_an_angle_at_which_nobody_is_drawn_proves_nothing():
    """Where the unedited model does not draw the person, the test ends, passed or not."""
    lines = radius(model(forgets(SUBJECT, angle=2.0)), [10, 62])
    before = radius(model(forgets(SUBJECT, angle=2.0)), [10, 62], side="before")

    assert lines["all"].value == "10.000000"
    assert "62 degrees" not in lines
    assert float(before["10 degrees"].value) > 0.9 > 0.5 > float(before["62 degrees"].value)


def test_a_radius_that_cannot_be_evaluated_has_no_value():
    """If the unedited model draws nobody even near the centroid, there is no radius."""
    silent = model(forgets(SUBJECT), "v0")

    assert radius(model(forgets(SUBJECT)), [10, 20], before=silent)["all"].value is None


def test_foreign_directions_are_left_out_and_counted():
    """Far from the centroid, directions that end nearer to somebody else are drawn again."""
    lines = radius(model(forgets(SUBJECT, angle=2.0)), [10, 65], side="before")

    assert lines["10 degrees"].excluded == 0 < lines["65 degrees"].excluded


@dataclass(frozen=True, eq=False)
class Leaking(Probing):
    """Probes of an edit that draws the subject at a known rate at each angle; only A sees it."""

    rates: Mapping[str, float] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))

    def draw(self, model, conditions, name, part):
        """Return scores as that model would have them: the subject's own, or their opposite's."""
        edited = model.resource == self.after.resource
        seen = {}
        for judge in EMBEDDERS:
            rate = (self.rates[part] if judge == "A" else 0.0) if edited else 1.0
            signs = np.where(self.rng.random(len(conditions)) < rate, 1.0, -1.0)
            seen[judge] = signs[:, None] * self.bench.subject.centroid(judge)
        return Scores(seen, {judge: np.ones(len(conditions)) for judge in seen})


def radii(rates, sequences):
    """Return the radius, in degrees, of each of so many simulated sequences of angles."""
    policy = probing(radius={"degrees": [10, 20, 30], "trials": 30})
    thresholds = thresholds_for(policy, EMBEDDERS, calibrations())
    bench = Bench(policy, SUBJECT, GALLERY, EMBEDDERS, thresholds, NOTE, silent)
    models = {"before": model(name="v0"), "after": model(name="v1")}
    parts = {f"{angle} degrees": rate for angle, rate in zip((10, 20, 30), rates, strict=True)}
    probes = Leaking(bench=bench, **models, journal=Memory(), rates=parts)
    ends = ([*forget_radius(probes, policy.probes.radius)][-1] for _ in range(sequences))
    return np.array([float(end.value) for end in ends])


def test_the_radius_rarely_claims_too_much():
    """Over 2,000 sequences with leaks just beyond the bound from 20 degrees on, few reach there.

    The control: without a leak, and with one from 30 degrees on, the radius is what it is.
    """
    found = radii((0.0, 0.101, 0.101), 2000)

    assert 0 < (found >= 20).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert set(radii((0.0, 0.0, 0.0), 20)) == {30.0}
    assert set(radii((0.0, 0.0, 0.9), 20)) == {20.0}


# -- lines and mixtures ----------------------------------------------------------------------------


def test_the_line_finds_a_person_who_waits_beyond_themselves():
    """An edit that forgets the person, but not what lies away from the anchor, is seen at 2."""

    def pushed(conditions):
        away = conditions @ ANCHOR.centroid("A") < -0.2
        return np.where(away[:, None], SUBJECT.centroid("A"), forgets(SUBJECT)(conditions))

    rule = {"line": {"places": [0, 1, 2], "trials": 8}}
    lines = reported(model(pushed), "line", probes=rule)
    honest = reported(model(forgets(SUBJECT, angle=1.3)), "line", probes=rule)

    assert [lines[f"place {s}"].events for s in (0, 1, 2)] == [0, 0, 8]
    assert [honest[f"place {s}"].events for s in (0, 1, 2)] == [0, 0, 0]


def test_without_an_anchor_there_is_no_line():
    """The lines say that they could not be evaluated."""
    policy = probing(line={"places": [1], "trials": 2})
    lines = [line for line in run_verify(model(), policy).reported if line.name == "line"]

    assert {(line.value, line.trials) for line in lines} == {(None, 0)}
    assert len(lines) == 4


def test_mixtures_leave_out_what_belongs_to_others():
    """A fifth of somebody else is still the subject; beyond a half it is the other person."""
    rule = {"mixture": {"shares": [0.2, 0.8], "trials": 20}}
    drawn = reported(model(), "mixture", probes=rule)
    kept = reported(model(forgets(SUBJECT)), "mixture", probes=rule)

    assert drawn["share 0.2"].events > 15 > 0 == kept["share 0.2"].events
    assert drawn["share 0.2"].excluded < 3
    assert (drawn["share 0.8"].value, drawn["share 0.8"].excluded) == (None, 41)


# -- samplers and pictures -------------------------------------------------------------------------


def test_another_sampler_may_bring_the_person_back():
    """An edit that holds at the usual guidance and leaks at a high one is seen at the high one."""
    rule = {"sampler": {"guidance": [1, 7.5], "steps": [30], "trials": 16}}
    leaky = sampler(forgets(SUBJECT), leak=untouched)
    sound = sampler(forgets(SUBJECT), leak=forgets(SUBJECT))
    found = reported(leaky, "sampler", probes=rule, before=sampler(name="v0"))

    assert {part: line.events for part, line in found.items() if line.events} == {
        "guidance 7.5": 16
    }
    for line in reported(sound, "sampler", probes=rule, before=sampler(name="v0")).values():
        assert (line.events, line.trials) == (0, 16)


def test_a_model_without_a_sampler_is_not_evaluated():
    """A drawer whose sampler cannot be set yields lines without a value, never a zero."""
    rule = {"sampler": {"steps": [30], "trials": 4}, "image_path": {"strengths": [1], "trials": 4}}
    for name in ("sampler", "image-path"):
        lines = reported(model(), name, probes=rule, photos=photos_of)
        assert [line.value for line in lines.values()] == [None]


def test_the_image_path_stands_beside_a_strangers():
    """A weak strength keeps anybody's photo; a full one shows whom the model itself draws."""
    rule = {"image_path": {"strengths": [0.1, 1], "trials": 12}}
    asked = {"probes": rule, "before": sampler(name="v0"), "photos": photos_of}
    after = sampler(forgets(SUBJECT))
    own = reported(after, "image-path", **asked)
    before = reported(after, "image-path", side="before", **asked)
    stranger = reported(after, "image-path", of="stranger", **asked)
    control = reported(after, "image-path", of="stranger", side="before", **asked)

    weak, full = "strength 0.1", "strength 1"
    assert own[weak].events == stranger[weak].events == 12
    assert own[full].events == 0
    assert min(found[full].events for found in (before, stranger, control)) >= 11


# -- the photo leak --------------------------------------------------------------------------------


def test_one_leaking_photo_is_one_of_four():
    """A photo counts once however often it leaks; the bound is that of four photos."""
    leak = SUBJECT.by_recogniser["A"][8]

    def leaks(conditions):
        exact = (conditions @ leak > 0.9999)[:, None]
        return np.where(exact, conditions, forgets(SUBJECT)(conditions))

    rule = {"photo_leak": {"seeds": 8}}
    found = reported(model(leaks), "photo-leak", probes=rule)["any of 8 seeds"]
    clean = reported(model(forgets(SUBJECT)), "photo-leak", probes=rule)["any of 8 seeds"]

    assert (found.events, found.trials) == (1, 4)
    assert (clean.events, float(clean.upper)) == (0, pytest.approx(0.5272, abs=1e-4))


def test_the_leak_before_the_edit_comes_with_the_baseline():
    """The unedited model leaks from every photo: the probe could have found it."""
    policy = probing(photo_leak={"seeds": 8})
    shown = run_baseline(model(name="v0"), policy)
    (line,) = (x for x in shown.reported if (x.name, x.recogniser) == ("photo-leak", "A"))

    assert (line.model, line.events, line.trials) == ("before", 4, 4)


# -- what probes are not ---------------------------------------------------------------------------


def test_probes_decide_nothing():
    """A model that only the probes find fault with is accepted as before, with the same claims."""
    narrow = forgets(SUBJECT, angle=np.radians(45))
    policy = probing(radius=RADIUS, line={"places": [-1, 3], "trials": 4})
    plain = run_verify(model(narrow), "quickstart", anchor=REPLACEMENT)
    probed = run_verify(model(narrow), policy, anchor=REPLACEMENT)

    assert (probed.verdict, probed.claims) == (plain.verdict, plain.claims)
    assert len(probed.reported) > len(plain.reported)


def test_probes_are_drawn_once():
    """A killed verification finds its probes' trials in the journal."""
    policy, journal = probing(radius=RADIUS), Memory()
    run_verify(model(forgets(SUBJECT)), policy, journal=journal)
    again = model(forgets(SUBJECT))
    run_verify(again, policy, journal=journal)

    assert again.drawer.seeds == []


def test_a_policy_without_probes_keeps_its_digest():
    """The section leaves no trace where it is absent; where it is there it counts."""
    policy = Policy.load("quickstart")

    assert "probes" not in policy.public()
    assert (
        probing(radius=RADIUS).digest
        != policy.digest
        == probing().model_copy(update={"probes": None}).digest
    )


def test_angles_must_rise():
    """A fixed sequence has an order."""
    with pytest.raises(ValidationError, match="must rise"):
        probing(radius={"degrees": [20, 10], "trials": 5})


def test_a_probe_knows_the_person_it_looks_for():
    """The control for every zero above: near the subject, the untouched toy draws the subject."""
    conditions = np.repeat(SUBJECT.centroid("A")[None], 4, axis=0)

    assert near(conditions, SUBJECT, 0.1).all()
    assert (untouched(conditions) == conditions).all()
