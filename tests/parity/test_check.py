"""Parity: equal models pass and others fail, by rules that need no framework; and the command."""

from __future__ import annotations

import math

import numpy as np
import pytest
from command import answered, dlbench, short
from hypothesis import given
from hypothesis import strategies as st
from sides import failing, spec

from dlbench.errors import ContractViolation, SpecError, Unsupported
from dlbench.measure.build import prepare
from dlbench.parity import check, comparable
from dlbench.parity.probe import probe
from dlbench.record.journal import append
from dlbench.record.parity import Difference
from dlbench.record.reading import read_parities
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal

pytestmark = pytest.mark.untimed


def arrays(**changes):
    good = {
        "FLOPs": np.array(10.0),
        "output": np.array([1.0, -2.0]),
        "losses": np.array([2.0, 1.0]),
        "parameter/w": np.array([0.5]),
        "gradient/w": np.array([1.0, 2.0]),
        "gradient/silent": np.array([1e-9]),
    }
    return good | changes


def test_equal_arrays_are_the_same_and_each_kind_is_held_to_its_tolerance():
    assert failing(arrays(), arrays()) == []
    inside = {
        "output": np.array([1.0, -2.0 + 9e-6]),
        "losses": np.array([2.0 + 1.9e-5, 1.0]),
        "gradient/w": np.array([1.0, 2.0 + 1.9e-5]),
    }
    assert failing(arrays(), arrays(**inside)) == []
    outside = {
        "FLOPs": np.array(10.5),
        "output": np.array([1.0, -2.0 + 1.1e-5]),
        "losses": np.array([2.0, 1.0 + 1.1e-5]),
        "parameter/w": np.array([0.5 + 1e-7]),
        "gradient/w": np.array([1.0, 2.0 + 2.1e-5]),
    }
    for name, value in outside.items():
        assert failing(arrays(), arrays(**{name: value})) == [name.replace("/", " ")]


def test_rounding_excuses_no_step_before_it_was_amplified():
    apart, noise = np.array([2.0, 1.0 + 1e-3]), np.array([2.0, 1.0 + 5e-4])
    assert failing(arrays(), arrays(losses=apart)) == ["losses"]
    assert failing(arrays(), arrays(losses=apart, moved=np.array([2.0, 1.0 + 1e-3 + 5e-4]))) == []
    assert failing(arrays(moved=noise), arrays(losses=apart)) == []
    assert failing(arrays(moved=noise), arrays(losses=np.array([2.0 + 1e-4, 1.0]))) == ["losses"]
    assert failing(arrays(moved=noise), arrays(losses=np.array([2.0, 1.0 + 3e-3]))) == ["losses"]
    assert failing(arrays(moved=noise), arrays(losses=apart, output=np.array([1.0, -2.1]))) == ["output"]


def test_a_silent_gradient_is_measured_against_the_loudest():
    assert failing(arrays(), arrays(**{"gradient/silent": np.array([-1e-9])})) == []
    assert failing(arrays(), arrays(**{"gradient/silent": np.array([3e-7])})) == ["gradient silent"]


def test_what_only_one_side_has_is_an_infinite_difference():
    lacking = {name: value for name, value in arrays().items() if name != "gradient/w"}
    more = arrays(**{"parameter/v": np.array([1.0])})
    for one, other, what in (
        (arrays(), lacking, "gradient w"),
        (lacking, arrays(), "gradient w"),
        (arrays(), more, "parameter v"),
    ):
        (found,) = [one for one in check.differences(one, other) if not one.holds]
        assert (found.what, found.difference) == (what, math.inf)
    assert failing(arrays(), arrays(output=np.array([[1.0, -2.0]]))) == ["output"]


def differences_of(values):
    return [[Difference(what="output", difference=value, tolerance=1.0, worst=value)] for value in values]


@given(st.lists(st.floats(min_value=0, allow_infinity=True), min_size=1, max_size=9))
def test_the_median_over_seeds_decides_and_the_worst_is_kept(values):
    (found,) = check.over_seeds(differences_of(values))
    assert found.difference == sorted(values)[len(values) // 2]
    assert found.worst == max(values)


def test_one_knife_edge_among_five_seeds_does_not_condemn_and_three_do():
    assert check.over_seeds(differences_of([0.1, 0.2, 9.0, 0.1, 0.3]))[0].holds
    assert not check.over_seeds(differences_of([0.1, 9.0, 9.0, 0.1, math.nan]))[0].holds
    assert not check.over_seeds(differences_of([math.nan]))[0].holds


def test_arms_of_a_run_make_families_of_one_model():
    specs = [
        spec(f"{f}.mlp", phase=phase, seed=seed)
        for f in ("tf", "torch")
        for phase in ("train", "predict")
        for seed in (0, 1)
    ]
    (family,) = comparable.families([*specs, spec("acme.other"), spec("zoo.other"), spec("tf.cnn")])
    assert [one.label for one in family] == ["tf.mlp eager", "torch.mlp eager"]


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (spec("torch.cnn"), "differ in architecture: mlp and cnn"),
        (spec("torch.mlp", task="demand"), "differ in task: synthetic and demand"),
        (spec("torch.mlp", batch_size=8), "differ in batch size: 32 and 8"),
    ],
)
def test_unlike_specs_are_refused(other, text):
    with pytest.raises(SpecError, match=text):
        check.check([spec("tf.mlp"), other], (0,), 60.0)


def test_a_plugin_without_the_capability_is_told_which_and_how():
    with pytest.raises(Unsupported, match=r"fake.minimal lacks .* ExchangesParameters.*add export_parameters"):
        probe(prepare(spec("fake.minimal"), Minimal()), 1, gradients=True)
    half = type("Half", (LinearPlugin,), {"gradients": None})()
    with pytest.raises(Unsupported, match=r"ComputesGradients.*add gradients\(\)"):
        probe(prepare(spec("fake.linear"), half), 1, gradients=True)


def test_values_that_are_not_finite_are_refused():
    class Lost(LinearPlugin):
        def predict(self, inputs):
            return super().predict(inputs) * np.float32(np.nan)

    with pytest.raises(ContractViolation, match="output holds values that are not finite"):
        probe(prepare(spec("fake.linear"), Lost()), 1, gradients=True)


def test_a_side_that_cannot_be_probed_is_a_reason_and_no_verdict():
    (found,) = check.check([spec("fake.linear"), spec("fake.linear", path="graph")], (0,), 60.0)
    assert found.same is None
    assert "NumPy has eager only" in found.reason


def test_the_others_are_compared_with_the_first_that_can_be_probed():
    asked = [spec("fake.linear", path="graph"), spec("fake.linear"), spec("twin.linear")]
    unable, found = check.check(asked, (0,), 60.0)
    assert (unable.baseline, unable.candidate, unable.same) == (asked[1], asked[0], None)
    assert (found.baseline, found.candidate, found.same) == (asked[1], asked[2], True)


def test_checks_are_written_and_read_back(tmp_path):
    found = check.check([spec("fake.linear"), spec("twin.linear")], (0, 1), 60.0)
    append(tmp_path / "parity.jsonl", found)
    assert read_parities(tmp_path / "parity.jsonl") == found
    assert read_parities(tmp_path / "none.jsonl") == []


def test_the_command_shows_every_figure_and_answers_by_its_exit_code(tmp_path):
    done = dlbench("parity", "fake.linear", "twin.linear", "--seeds", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for what in ("output", "losses", "FLOPs", "parameter kernel", "gradient bias", "5e-06", "same model: yes"):
        assert what in done.stdout
    alone = answered("parity", "fake.linear", cwd=tmp_path)
    assert alone.returncode == 2
    assert "name a second plugin" in alone.stderr
    assert "differ in" in answered("parity", "fake.linear", "tf.mlp", cwd=tmp_path).stderr
    unchecked = dlbench("parity", "fake.linear", "--path", "eager,graph", cwd=tmp_path)
    assert unchecked.returncode == 2
    assert "not checked" in unchecked.stdout


def test_another_model_is_exit_code_1_and_stands_first_in_a_report(tmp_path):
    misdeed = "predict:return=shape"
    done = dlbench("parity", "fake.linear", "naughty.linear", "--seeds", "1", cwd=tmp_path, misdeed=misdeed)
    assert done.returncode == 1, done.stderr
    assert "output" in next(line for line in done.stdout.splitlines() if "NO" in line)
    arguments = ("--plugin", "fake.linear,naughty.linear", "--quick", "--phase", "converge", "--out", "out")
    short("run", *arguments, cwd=tmp_path, misdeed=misdeed)
    heading, first = (tmp_path / "out" / "report.md").read_text().partition("## Before you believe it")[1:]
    assert heading
    assert "same model: NO" in first.strip().splitlines()[0]


def test_a_plugin_that_cannot_be_compared_is_named_with_what_to_add(tmp_path):
    arguments = ("--task", "line", "--seeds", "1")
    done = dlbench("parity", "fake.minimal", "--path", "eager,graph", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "ExchangesParameters" in done.stdout
    assert "add export_parameters()" in " ".join(done.stdout.split())


def test_a_run_checks_its_arms_first_and_says_so(tmp_path):
    arguments = ("--plugin", "fake.linear,twin.linear", "--quick", "--phase", "converge", "--out", "out")
    done = short("run", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.index("the same model?") < done.stderr.index("fake.linear eager converge: ")
    assert "same model: yes" in (tmp_path / "out" / "report.md").read_text()
    answered("report", "out", "--format", "markdown", "--out", "again", cwd=tmp_path)
    assert (tmp_path / "again" / "report.md").read_text() == (tmp_path / "out" / "report.md").read_text()
    short("run", *arguments[:-1], "bare", "--no-parity", cwd=tmp_path)
    assert "not checked" in (tmp_path / "bare" / "report.md").read_text()
