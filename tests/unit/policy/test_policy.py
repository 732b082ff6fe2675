"""A policy file becomes a frozen policy; each fault is told with file, line and fix."""

import pickle
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from govsdk.errors import PolicyError, RequestError
from govsdk.govern.editing import require_editable
from govsdk.policy import Policy, diff, faults_of, lint, read, require, schema
from govsdk.policy.limits import at_most
from govsdk.policy.read import shipped

QUICKSTART = shipped()["quickstart"].read_text()


@pytest.fixture
def load(tmp_path):
    """Return a function that loads the quickstart policy with one text replaced."""

    def replaced(old: str = "", new: str = "") -> Policy:
        assert old in QUICKSTART
        path = tmp_path / "mine.yaml"
        path.write_text(QUICKSTART.replace(old, new, 1) if old else new or QUICKSTART)
        return Policy.load(path)

    return replaced


def line_of(text: str) -> int:
    return next(i for i, line in enumerate(QUICKSTART.splitlines(), 1) if text in line)


@pytest.mark.parametrize("name", ["quickstart", "standard", "strict", "exhaustive"])
def test_a_policy_written_as_a_file_is_the_same(tmp_path, name):
    """To the digest; its text is what `govsdk policy show` prints."""
    policy = Policy.load(name)
    path = tmp_path / "kept.yaml"
    path.write_text(policy.text())
    assert Policy.load(path).digest == policy.digest


@pytest.mark.parametrize("name", ["quickstart", "standard", "strict", "exhaustive"])
def test_shipped_policies_load_by_name_and_can_be_met(name):
    """Each shipped policy carries its own name, and no claim of it is out of reach."""
    policy = require(Policy.load(name))

    assert policy.name == name
    assert all(finding.level == "note" for finding in lint(policy))


def test_headline_carries_name_and_bound():
    """A verdict is quoted with the policy's name and bound."""
    assert Policy.load("quickstart").headline == "quickstart: < 5 %"
    assert Policy.load("standard").headline == "standard: < 1 %"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("trials: 99", "trails: 99", "unknown key 'claims.forget.trails'; did you mean 'trials'?"),
        (
            "trials: 99",
            "zzz: 99",
            "unknown key 'claims.forget.zzz'; known here: bound, trials, fmr",
        ),
        ("trials: 99", "trials: many", "claims.forget.trials: Input should be a valid integer"),
        ("trials: 99", "trials: true", "claims.forget.trials: Input should be a valid integer"),
        ("bound: 0.05", "bound: 5", "claims.forget.bound: Input should be less than 1"),
        ("bound: 0.05", "bound: .nan", "claims.forget.bound"),
        ("[0.04, 0.01]", "[0.04, 0.02]", "attempts.alpha: the attempts spend more than 0.05"),
        ("band: null", "band: [0.2, 0.1]", "anchors.band: the band's first cosine"),
        ("residuals: sealed", "residuals: some", "residuals: Input should be 'sealed' or 'none'"),
        ("pairs: 300", "pairs: 300\n    pairs: 100", "claims.retention.pairs stands here a second"),
        ("hard_neighbours: null", "hard_neighbours: {peple: 1}", "did you mean 'people'"),
    ],
)
def test_a_fault_names_file_line_and_fix(load, old, new, message):
    """The error names the file, the line where the fault stands, and what would be right."""
    with pytest.raises(PolicyError) as fault:
        load(old, new)

    line = line_of(old) + new.count("\n")
    assert f"mine.yaml:{line}: " in str(fault.value)
    assert message in str(fault.value)
    assert fault.value.facts["line"] == line
    assert str(pickle.loads(pickle.dumps(fault.value))) == str(fault.value)


def test_a_missing_key_points_to_its_section(load):
    """A missing setting is named with the line of the section that lacks it."""
    with pytest.raises(PolicyError, match=r"'claims.forget.trials' is missing") as fault:
        load("    trials: 99", "    # trials")

    assert fault.value.facts["line"] == line_of("forget:")


@pytest.mark.parametrize(
    "text",
    [
        "- 1\n",
        "a: [1\n",
        "a: &x 1\n",
        "a: *x\n",
        "a: !!int 1\n",
        "a: !!python/object:os.system x\n",
        "a: 2026-13-45\n",
        "[" * 5000,
        "\x00",
        "# nothing\n",
    ],
)
def test_what_is_no_plain_yaml_policy_is_refused(load, text):
    """Lists, broken YAML, tags, aliases, impossible dates, deep nesting and nothing are errors."""
    with pytest.raises(PolicyError, match=r"mine\.yaml"):
        load(new=text)


def test_an_unknown_name_suggests_the_nearest():
    """A mistyped name of a shipped policy leads to the right one."""
    with pytest.raises(PolicyError) as fault:
        Policy.load("standart")

    assert fault.value.hint == "did you mean 'standard'?"
    with pytest.raises(PolicyError, match="no shipped policy"):
        Policy.load("longer-than-a-file-name" * 20)


def test_scientific_notation_is_a_number(load):
    """YAML 1.1 would read 1e-4 as text; a policy reads it as the number it looks like."""
    policy = load("overrides: {}", "overrides: {lr: 1e-4, steps: 0, amp: true}")

    assert policy.unlearning.overrides == {"lr": 0.0001, "steps": 0, "amp": True}
    assert type(policy.unlearning.overrides["steps"]) is int


def test_a_setting_of_the_editor_may_be_a_list_of_words(load):
    """The blocks to edit; the digest and the comparison tell them, and the text has them again."""
    policy, other = (
        load("overrides: {}", f"overrides: {{blocks: [{blocks}]}}")
        for blocks in ("mid_block, up_blocks.1", "mid_block")
    )

    assert policy.unlearning.overrides == {"blocks": ("mid_block", "up_blocks.1")}
    assert Policy.model_validate(yaml.safe_load(policy.text())) == policy
    assert policy.digest != other.digest
    assert [change.before for change in diff(policy, other)] == ["[mid_block, up_blocks.1]"]
    require_editable(policy)
    with pytest.raises(PolicyError, match=r"unlearning\.overrides\.blocks: must be a number, "):
        load("overrides: {}", "overrides: {blocks: [[mid_block]]}")


@pytest.mark.parametrize("section", ["attacks", "probes"])
def test_a_section_that_is_not_there_leaves_no_trace(section):
    """The digest is that of a policy without the section; one that has it says so."""
    asked = Policy.load("strict")
    silent = asked.model_copy(update={section: None})

    assert section in asked.public()
    assert section not in silent.public()
    assert silent.digest != asked.digest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("iterations: 151", "the iterations are no multiple of the looks"),
        ("checks: [5, 10]", "the checks must ascend from 0"),
        ("checks: [0, 10, 5]", "the checks must ascend from 0"),
        ("rate: 0.0", "Input should be greater than 0"),
    ],
)
def test_attacks_that_cannot_be_run_are_refused(tmp_path, settings, message):
    """A budget that contradicts itself is an error of the policy, told with its line."""
    key = settings.partition(":")[0]
    strict = shipped()["strict"].read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(re.sub(rf"\b{key}: [^#\n]*", f"{settings} ", strict))

    with pytest.raises(PolicyError, match=message):
        Policy.load(path)


def test_digest_depends_on_settings_alone(load):
    """Comments and number formats leave the digest; any setting changes it."""
    digest = Policy.load("quickstart").digest

    assert load("bound: 0.05 ", "bound: 5.0e-2 # five per cent\n    ").digest == digest
    assert load("bound: 0.05", "bound: 0.051").digest != digest


def test_public_form_holds_no_floats():
    """Signed bytes carry rates as decimal text."""

    def floats(value):
        inner = value.values() if isinstance(value, dict) else value
        nested = isinstance(value, dict | list)
        return sum(map(floats, inner)) if nested else int(isinstance(value, float))

    public = Policy.load("standard").public()
    assert public["claims"]["forget"]["bound"] == "0.01"
    assert floats(public) == 0 < floats(Policy.load("standard").model_dump())


def test_a_policy_is_frozen():
    """Nothing changes a loaded policy."""
    with pytest.raises(ValidationError, match="frozen"):
        Policy.load("quickstart").claims.forget.bound = 0.5


def test_each_attempt_has_its_alpha():
    """Attempts count from one, and a third one is not allowed."""
    policy = Policy.load("quickstart")

    assert (policy.alpha(1), policy.alpha(2)) == (0.04, 0.01)
    for attempt in (0, 3):
        with pytest.raises(RequestError, match="the policy allows 2"):
            policy.alpha(attempt)


@pytest.mark.parametrize(
    ("old", "new", "setting"),
    [
        ("trials: 99", "trials: 60", "claims.forget"),
        ("pairs: 300", "pairs: 20", "claims.retention"),
        ("hard_neighbours: null", "hard_neighbours: {people: 3, pairs: 9, bound: 0.05}", ".hard_n"),
        ("bound: 0.10               # share", "bound: 0.001 # share", "claims.no_face"),
    ],
)
def test_lint_rejects_what_no_model_can_pass(load, old, new, setting):
    """Too few trials for a bound are an error, told before anything is edited."""
    policy = load(old, new)

    assert any(f.level == "error" and setting in f.setting for f in lint(policy))
    with pytest.raises(PolicyError, match=setting):
        require(policy)


@pytest.mark.parametrize(
    ("old", "new", "setting", "line"),
    [
        ("trials: 99", "trials: 60", "claims.forget", "forget:"),
        ("piu-miniature", "piu-miniatur", "unlearning.preset", "preset: piu-miniatur"),
        ("overrides: {}", "overrides: {stepz: 4}", "unlearning.overrides.stepz", "overrides: "),
        ("overrides: {}", "overrides: {steps: -1}", "unlearning.overrides.steps", "overrides: "),
        (
            "overrides: {}",
            "overrides: {blocks: [mid]}",
            "unlearning.overrides.blocks",
            "overrides: ",
        ),
    ],
)
def test_what_is_wrong_beyond_the_schema_has_its_line_too(load, tmp_path, old, new, setting, line):
    """Numbers that do not fit together, and words that only the editor knows."""
    policy, path = load(old, new), tmp_path / "mine.yaml"

    with pytest.raises(PolicyError) as caught, faults_of(path):
        require_editable(require(policy))

    facts = caught.value.facts
    assert facts["setting"] == setting
    assert path.read_text().splitlines()[facts["line"] - 1].strip().startswith(line)
    assert f"{path}:{facts['line']}: {setting}: " in str(caught.value)


@pytest.mark.parametrize(
    ("pairs", "tells"),
    [("300", "a true mean loss of 0.29 standard deviations passes"), ("50", "even no true loss")],
)
def test_lint_states_the_power_of_the_quality_claim(load, pairs, tells):
    """By normal theory; nothing is rejected, since an unchanged model has no spread at all."""
    found = [f for f in lint(load("pairs: 300", f"pairs: {pairs}")) if "quality" in f.setting]

    assert [f.level for f in found] == ["note", "note"]
    assert tells in found[0].message


@pytest.mark.parametrize(("trials", "levels"), [(28, ["error"]), (29, [])])
def test_lint_rejects_a_radius_that_no_angle_can_have(load, trials, levels):
    """With too few trials for its bound every radius would read 0."""
    radius = f"probes:\n  radius: {{degrees: [20], trials: {trials}, bound: 0.1}}\nattempts:"
    found = lint(load("attempts:", radius))

    assert [f.level for f in found if f.setting == "probes.radius"] == levels


def test_lint_rejects_attacks_with_too_few_runs(tmp_path):
    """Nine runs cannot show a difference within 25 points; the shipped number can."""
    path = tmp_path / "mine.yaml"
    path.write_text(shipped()["strict"].read_text().replace("runs: 24", "runs: 9"))
    found = {f.setting: f for f in lint(Policy.load(path)) if f.level == "error"}

    assert found.keys() == {"attacks.search", "attacks.direction"}
    assert "9 runs without success show at most" in found["attacks.search"].message


@pytest.mark.parametrize(("rate", "errors"), [("0.74", 0), ("0.75", 1)])
def test_lint_rejects_a_baseline_that_nobody_reaches(load, rate, errors):
    """Ten hits of ten show 74 %: with more asked, everybody would seem forgotten beforehand."""
    policy = load("baseline_trials: 100 ", "baseline_trials: 10 ").model_dump()
    policy["controls"]["baseline_rate"] = float(rate)
    found = [f for f in lint(Policy.model_validate(policy)) if "baseline" in f.setting]

    assert [f.level for f in found] == ["error"] * errors


def test_lint_rejects_attacks_whose_control_or_test_cannot_pass():
    """Four runs never show the unedited model at one half, four copies are no test at 0.01."""
    policy = Policy.load("strict").model_dump()
    policy["attacks"]["search"] |= {"runs": 4, "bound": 0.9}
    policy["attacks"]["relearning"]["runs"] = 4
    policy["attempts"]["alpha"] = [0.04, 0.01]
    findings = lint(Policy.model_validate(policy))
    found = {f.setting: f.message for f in findings if f.level == "error"}

    assert "4 of 4 on the unedited model show 47.29%" in found["attacks.search"]
    assert "attempt 2: 4 runs reach a p of 0.014" in found["attacks.relearning"]
    assert found.keys() == {"attacks.search", "attacks.relearning"}


@pytest.mark.parametrize(
    ("checks", "bound", "level"),
    [
        ((0, 5, 10, 20, 40, 80), 2, "note"),
        ((0, 80), 2, "error"),
        ((0, 10, 50, 200), 2, "error"),
        ((0, 10, 50, 200), 8, "note"),
        ((0, 5, 10, 20, 40, 80), 1, "error"),
    ],
)
def test_lint_rejects_checks_too_far_apart_for_the_bound(checks, bound, level):
    """A subject learned just as strangers are must be able to pass."""
    policy = Policy.load("strict").model_dump()
    policy["attacks"]["relearning"] |= {"checks": checks, "bound": bound}
    found = [f for f in lint(Policy.model_validate(policy)) if f.setting.endswith("checks")]

    assert [f.level for f in found] == [level]


@pytest.mark.parametrize(
    ("name", "checks"), [("strict", "10, 20, 40, 80"), ("exhaustive", "100, 200")]
)
def test_lint_says_after_which_checks_a_tie_passes(name, checks):
    """Between the others the subject may have been learned sooner than the bound allows."""
    found = [f for f in lint(Policy.load(name)) if f.setting == "attacks.relearning.checks"]

    assert f"learned together after {checks} steps they pass" in found[0].message


def test_lint_says_how_many_trials_are_needed(load):
    """The number in the message is enough, and one fewer is not."""
    errors = [f for f in lint(load("trials: 99", "trials: 60")) if f.level == "error"]

    assert ["at least 63" in errors[0].message, "at least 90" in errors[1].message] == [True, True]
    assert not [f for f in lint(load("trials: 99", "trials: 90")) if f.level == "error"]
    assert [f for f in lint(load("trials: 99", "trials: 89")) if f.level == "error"]


def test_lint_says_how_bad_a_model_must_be_to_fail():
    """For claims and for the attacks that decide, with chance 0.8."""
    notes = [(f.setting, f.message) for f in lint(Policy.load("strict"))]

    assert any(
        s == "claims.forget" and "rate of 2.49% fails with chance 80%" in m for s, m in notes
    )
    assert {s for s, m in notes if "strangers who are never found" in m} == {
        "attacks.search",
        "attacks.direction",
        "attacks.relearning",
    }


def test_lint_prints_the_power():
    """The notes say what is allowed and how often a good model passes."""
    note = next(f for f in lint(Policy.load("quickstart")) if f.setting == "claims.forget")

    assert "up to 1 of 99 pass" in note.message
    assert "0.00%: 100%, 0.50%: 91%" in note.message


def test_diff_names_what_changed(load):
    """Only differing settings appear, with both values."""
    changed = diff(Policy.load("quickstart"), load("trials: 99", "trials: 200"))

    assert [(c.setting, c.before, c.after) for c in changed] == [
        ("claims.forget.trials", "99", "200")
    ]
    assert diff(Policy.load("quickstart"), Policy.load("quickstart")) == []


def test_diff_speaks_the_words_of_a_policy_file():
    """Lists and missing sections as YAML writes them, not as Python does."""
    changed = {each.setting: each for each in diff(Policy.load("standard"), Policy.load("strict"))}
    assert changed["probes.radius.degrees"].before == "[20, 40]"
    assert changed["probes.line"].before == "null"


def test_schema_covers_every_shipped_key():
    """The JSON schema is closed and knows each top-level section."""
    properties = schema()["properties"]

    assert schema()["additionalProperties"] is False
    assert set(properties) == set(Policy.load("strict").public())


def test_wheel_ships_the_policies_where_they_are_looked_for():
    """The wheel puts the checkout's folder where an installed govsdk looks first."""
    root = Path(read.__file__).parents[2]
    build = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]

    assert build["targets"]["wheel"]["force-include"] == {"policies": "govsdk/_policies"}
    assert [folder.relative_to(root).as_posix() for folder in read.SHIPPED] == [
        "govsdk/_policies",
        "policies",
    ]


def test_the_format_document_names_every_setting():
    """No setting exists that docs/formats/policy-v1.md does not explain."""
    page = (Path(read.__file__).parents[2] / "docs/formats/policy-v1.md").read_text()
    public = Policy.load("strict").public()

    for section, settings in public.items():
        assert f"`{section}" in page
        for name, inner in settings.items() if isinstance(settings, dict) else ():
            for key in inner if isinstance(inner, dict) else (name,):
                assert key in page


@pytest.mark.parametrize(
    ("trials", "bound", "hits", "tail"),
    [(99, 0.05, 1, 0.0387), (99, 0.05, 0, 0.0062), (500, 0.01, 1, 0.0398), (500, 0.01, 0, 0.0066)],
)
def test_the_documents_arithmetic_is_right(trials, bound, hits, tail):
    """The tail probabilities of section 6 are those of the binomial distribution."""
    page = (Path(read.__file__).parents[2] / "docs/formats/policy-v1.md").read_text()

    assert round(at_most(hits, trials, bound), 4) == tail
    assert str(tail) in page
