"""Presets and overrides."""

import pytest

from govsdk.errors import PolicyError
from govsdk.unlearn import methods
from govsdk.unlearn.presets import PiuSettings, settings


def test_piu_is_the_paper() -> None:
    """The preset ``piu`` holds the paper's settings."""
    piu = settings("piu")

    assert (piu.eta, piu.lambda_, piu.lr, piu.weight_decay, piu.steps) == (1, 10, 1e-4, 0.01, 400)
    assert (piu.micro_batch, piu.accumulate, piu.mixture) == (16, 2, 3)
    assert piu.blocks == ("down_blocks.2", "mid_block", "up_blocks.1", "up_blocks.2")
    assert (piu.distribution, piu.border, piu.latents) == (0, 0, "noise")
    assert (piu.preserved, piu.empty, piu.spare) == (1, 0, 0)
    assert (piu.start_keep, piu.decay, piu.relax) == (0, False, 1)
    assert piu.watch_every == 0, "all steps are taken, whatever shows"


@pytest.mark.parametrize("preset", ["piu-miniature", "piu-miniature-thorough"])
def test_looks_move_lambda_and_stop_nothing(preset: str) -> None:
    """There are fewer of them than it takes to stop: what a policy names is what is done."""
    found = settings(preset)
    looks = (found.steps - 1) // found.watch_every
    assert 0 < looks < found.watch_runs


def test_overrides_take_the_presets_types() -> None:
    """A whole number serves as a float, a list as a tuple, and the rest stays as it was."""
    changed = settings("piu", {"eta": 2, "blocks": ["mid_block"], "steps": 0})

    assert changed == PiuSettings(eta=2.0, blocks=("mid_block",), steps=0)
    assert changed.digest() != settings("piu").digest() == PiuSettings().digest()


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"stepz": 3}, "stepz: no setting of this name; did you mean 'steps'"),
        ({"zzz": 3}, "zzz: no setting of this name; there are eta, lambda_"),
        ({"steps": "many"}, "steps: must be of type int"),
        ({"steps": 2.5}, "steps: must be of type int"),
        ({"steps": True}, "steps: must be of type int"),
        ({"steps": -1}, "steps: must be at least 0"),
        ({"watch_every": -1}, "watch_every: must be at least 0"),
        ({"lr": 0}, "lr: must be positive"),
        ({"relax": 0}, "relax: must be in"),
        ({"start_keep": -1}, "start_keep: must be at least 0"),
        ({"lr": float("nan")}, "lr: must be"),
        ({"micro_batch": 0}, "micro_batch: must be at least 1"),
        ({"latents": "dreams"}, "latents: must be one of"),
        ({"distribution": 0.7, "border": 0.4}, "border: must be at most 1"),
        ({"empty": 1}, "empty: must be in"),
        ({"pictures": 1}, "pictures: must be at least 2"),
        ({"searched": 0.5}, "searched: must be 0 under pure noise"),
        ({"spare": -1}, "spare: must be at least 0"),
        ({"blocks": []}, "blocks: must be"),
        ({"blocks": "mid_block"}, "blocks: must be of type list"),
        ({"blocks": ["mid_block", "down_block.2"]}, "mid_block, up_blocks.N, not 'down_block.2'"),
        ({"blocks": ["up_blocks.1", "up_blocks.l"]}, "not 'up_blocks.l'"),
    ],
)
def test_wrong_overrides_are_named(overrides: dict[str, object], match: str) -> None:
    """An unknown key, a wrong type or an impossible value is an error that says which."""
    with pytest.raises(PolicyError, match=match):
        settings("piu", overrides)


def test_unknown_names_are_errors() -> None:
    """Presets and methods that do not exist are errors with a suggestion."""
    with pytest.raises(PolicyError, match="did you mean 'piu-miniature'"):
        settings("piu-minature")
    with pytest.raises(PolicyError, match="did you mean 'piu'"):
        methods.find("pia")
    assert methods.find("piu").__name__ == "edit"
    assert methods.names() == ("piu",)
