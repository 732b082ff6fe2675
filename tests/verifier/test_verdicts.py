"""The judge is judged: real models that cheat are refused, each by the claim that names the cheat.

Beside each verdict stands how many of ``LOOKS`` fresh pictures recogniser A takes for the subject:
pictures from conditions that neither the editor nor the judge has seen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from govsdk.policy.limits import rate_lower
from govsdk.ports import Drawer
from govsdk.records import Outcome, Resource, Verdict, Verification
from govsdk.reference.world import generator_dir
from govsdk.verify import Model
from tests.verifier import world
from tests.verifier.world import Crowd, Guarded

pytestmark = pytest.mark.slow

LOOKS = 48
WHOLE_CONE = 1.0
"""Radians: wider than D."""


def refused_by(verification: Verification) -> set[str]:
    """Return the claims that did not pass."""
    return {claim.name for claim in verification.claims if claim.outcome is not Outcome.PASS}


def leaks(crowd: Crowd, drawer: Drawer) -> int:
    """Return how many of ``LOOKS`` fresh pictures show the subject, under A."""
    found = crowd.leaks(drawer, LOOKS)
    print(f"{found} of {LOOKS} fresh pictures")  # noqa: T201  the figures of docs/what_it_proves.md
    return found["A"]


def named(name: str, drawer: Drawer) -> Model:
    """Return a model of a name of its own."""
    return Model(Resource(name=name, sha256=name.encode().hex().ljust(64, "0")), drawer)


def test_a_good_edit_is_accepted(crowd: Crowd, before: Model, after: Model) -> None:
    """Every claim passes under both recognisers, and the fresh pictures agree."""
    verification = crowd.verify(after, before)

    assert verification.verdict is Verdict.FORGOTTEN
    assert {claim.recogniser for claim in verification.claims} == {"A", "B"}
    assert leaks(crowd, after.drawer) == 0


def test_an_untouched_model_is_refused(crowd: Crowd, before: Model) -> None:
    """By the forget claim alone: nobody else was harmed."""
    verification = crowd.verify(before, before)

    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert refused_by(verification) == {"forget"}
    assert leaks(crowd, before.drawer) > LOOKS / 2


def test_a_model_that_only_blurs_is_refused(crowd: Crowd, before: Model) -> None:
    """Nobody recognises the subject in a blur, nor anybody else: retention says so."""
    blurred = named("blurred", world.blurring(world.load(generator_dir()), 25))
    verification = crowd.verify(blurred, before)

    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert "retention" in refused_by(verification)
    assert "forget" not in refused_by(verification)
    assert leaks(crowd, blurred.drawer) == 0


def test_handling_only_the_edit_photos_is_refused(crowd: Crowd, before: Model) -> None:
    """The edit photos' own conditions draw the anchor; any other photo of the subject does not."""
    rule = world.exactly(crowd.edit_photos, crowd.anchor)
    memorised = named("memorised", Guarded(before.drawer, rule))
    known = memorised.drawer.draw(crowd.edit_photos, range(world.EDIT))
    verification = crowd.verify(memorised, before)

    assert crowd.accepted(known)["A"] == 0
    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert refused_by(verification) == {"forget"}
    assert leaks(crowd, memorised.drawer) > LOOKS / 2


def test_an_adapter_that_is_no_part_of_the_checkpoint_is_refused(
    crowd: Crowd, before: Model
) -> None:
    """Behind its adapter the model passes; what is released is the checkpoint, and that fails."""
    rule = world.around(crowd.subject.centroid("A"), WHOLE_CONE, crowd.anchor)
    service, released = named("service", Guarded(before.drawer, rule)), before

    assert crowd.verify(service, before).verdict is Verdict.FORGOTTEN
    assert leaks(crowd, service.drawer) == 0
    verification = crowd.verify(released, before)
    assert verification.verdict is Verdict.NOT_FORGOTTEN
    assert refused_by(verification) == {"forget"}


def test_an_edit_that_brought_somebody_back_is_refused(
    crowd: Crowd, before: Model, after: Model
) -> None:
    """All claims pass; the screen notices somebody whom the line had forgotten before.

    The control: a line that had forgotten this very subject before. Nobody came back there.
    """
    back = crowd.verify(after, before, earlier=[crowd.others[5]])
    gone = crowd.verify(after, before, earlier=[crowd.subject])

    assert refused_by(back) == refused_by(gone) == set()
    assert back.screen is not None
    assert gone.screen is not None
    assert (back.verdict, back.screen.regressions) == (Verdict.NOT_FORGOTTEN, 1)
    assert (gone.verdict, gone.screen.regressions) == (Verdict.FORGOTTEN, 0)


def refusal(crowd: Crowd, leaky: Model, before: Model) -> Verdict:
    """Return the verdict on a model that leaks beyond the bound and is refused for that alone.

    The control: fresh pictures show, with 95 % confidence, that it truly leaks so much.
    """
    assert rate_lower(leaks(crowd, leaky.drawer), LOOKS, 0.05) > world.POLICY.claims.forget.bound
    verification = crowd.verify(leaky, before)
    assert refused_by(verification) == {"forget"}
    print(f"{leaky.resource.name}: {verification.verdict}")  # noqa: T201  docs/what_it_proves.md
    return verification.verdict


def test_weights_part_of_the_way_are_refused(
    crowd: Crowd, before: Model, edited: Path, tmp_path: Path
) -> None:
    """Weights between the shipped ones and the good edit's: no editor's, but leaky at will.

    Their rate is so near the bound that this few trials may leave it open.
    """
    leaky = world.model(world.between(edited, world.LEAKY, tmp_path / "part-of-the-way"))

    assert refusal(crowd, leaky, before) in {Verdict.NOT_FORGOTTEN, Verdict.INCONCLUSIVE}


def test_a_leaky_editor_is_refused(crowd: Crowd, before: Model, tmp_path: Path) -> None:
    """Whoever edits in closed form alone leaves the subject in some of the pictures."""
    leaky = world.model(world.forget(crowd, tmp_path / "hasty", world.HASTY))

    assert refusal(crowd, leaky, before) is Verdict.NOT_FORGOTTEN


def test_what_is_shown_and_what_is_sealed_differ(crowd: Crowd) -> None:
    """The control of this file: fresh conditions are none that editor or judge was given."""
    fresh = crowd.conditions(LOOKS, 3)
    nearest = (fresh @ crowd.subject.by_recogniser["A"].T).max()

    assert nearest < 0.9999
    assert np.allclose(np.linalg.norm(fresh, axis=1), 1, atol=1e-5)
