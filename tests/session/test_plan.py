"""Plans: from a selection to groups."""

import pytest

from dlbench.errors import PluginLoadError, SpecError, UnknownName
from dlbench.session.plan import expand, groups
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

POLICY = Policy(processes=3)


def selection(**axes):
    return {"plugin": ["fake.linear"], **axes}


def test_defaults_are_filled_in():
    specs = expand(selection(phase=["train"]), POLICY)
    assert len(specs) == 1
    assert (specs[0].task, specs[0].batch_size, specs[0].path, specs[0].size) == ("line", 32, "eager", "small")


def test_converge_has_a_seed_a_process_unless_seeds_are_given():
    assert [spec.seed for spec in expand(selection(phase=["converge"]), POLICY)] == [0, 1, 2]
    assert [spec.seed for spec in expand(selection(phase=["converge"], seed=[7]), POLICY)] == [7]
    assert [spec.seed for spec in expand(selection(phase=["train"]), POLICY)] == [0]


def test_axes_span_a_grid_without_repeats():
    axes = {"path": ["eager", "jit"], "batch_size": [8, 16], "size": ["small", "base"], "phase": ["train", "train"]}
    specs = expand(selection(plugin=["fake.linear", "twin.linear", "fake.linear"], **axes), POLICY)
    assert len(specs) == len(set(specs)) == 2 * 2 * 2 * 2


def test_a_pattern_names_every_plugin_that_it_matches_once():
    specs = expand(selection(plugin=["twin.linear", "[ft]*.linear"], phase=["train"]), POLICY)
    assert [spec.plugin for spec in specs] == ["twin.linear", "fake.linear"]


def test_a_compiler_and_its_breaks_belong_to_jit_alone():
    asked = selection(path=["eager", "jit"], phase=["train"], compiler=["one", "two"], allow_breaks=[True])
    found = [(spec.path, spec.compiler, spec.allow_breaks) for spec in expand(asked, POLICY)]
    assert found == [("eager", "", False), ("jit", "one", True), ("jit", "two", True)]


def test_each_way_to_compute_a_step_is_an_axis():
    axes = {"precision": ["fp32", "bf16"], "steps_per_call": [1, 4], "data": ["device", "host"], "phase": ["train"]}
    specs = expand(selection(**axes), POLICY)
    assert len({(spec.precision, spec.steps_per_call, spec.data) for spec in specs}) == len(specs) == 8
    assert len(groups(specs, POLICY)) == 8 * POLICY.processes


@pytest.mark.parametrize(("asked", "word"), [("cuda", "gpu"), ("cuda:3", "gpu:3"), ("cpu", "cpu"), ("mps", "mps")])
def test_a_device_may_be_named_as_cuda_names_it(asked, word):
    assert {spec.device for spec in expand(selection(device=[asked]), POLICY)} == {word}


def test_of_several_tasks_each_plugin_takes_those_that_fit():
    asked = ["digits", "line", "demand"]
    specs = expand(selection(plugin=["torch.mlp", "torch.rnn", "fake.linear"], task=asked, phase=["train"]), POLICY)
    assert [(spec.plugin, spec.task) for spec in specs] == [
        ("torch.mlp", "digits"),
        ("torch.mlp", "line"),
        ("torch.rnn", "demand"),
        ("fake.linear", "line"),
    ]
    with pytest.raises(SpecError, match=r"torch\.cnn: task line, demand does not fit"):
        expand(selection(plugin=["torch.mlp", "torch.cnn"], task=["line", "demand"]), POLICY)


@pytest.mark.parametrize(
    ("axes", "error", "text"),
    [
        ({"plugin": []}, SpecError, "--plugin"),
        ({"plugin": ["fake.liner"]}, UnknownName, "fake.linear"),
        ({"plugin": ["*.linaer"]}, UnknownName, r"unknown plugin '\*.linaer'; did you mean"),
        ({"plugin": ["acme.linear"]}, UnknownName, "pip install dlbench-acme"),
        ({"size": ["huge"]}, UnknownName, "base, small"),
        ({"task": ["txt"]}, UnknownName, "text"),
        ({"batch_size": [0]}, SpecError, "batch size is 0"),
        ({"plugin": ["fake.minimal"]}, SpecError, "--task"),
        ({"compiler": ["xla"]}, SpecError, "--compiler xla needs the path jit"),
        ({"allow_breaks": [True]}, SpecError, "--allow-breaks needs the path jit"),
        ({"seed": [-1]}, SpecError, "seed is -1"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_measured(axes, error, text):
    with pytest.raises(error, match=text):
        expand(selection(**axes), POLICY)


def test_a_broken_plugin_is_named(monkeypatch):
    from dlbench import registry
    from dlbench.registry.entry_points import Entry

    entry = Entry("fake.linear", "dlbench-fake", "1", "x:y", "it needs acme")
    monkeypatch.setattr(registry, "entries", lambda name="": [entry])
    with pytest.raises(PluginLoadError, match=r"dlbench-fake.*it needs acme"):
        expand(selection(), POLICY)


def test_arms_of_a_workload_are_together_and_a_first_pass_comes_before_a_second():
    specs = expand(selection(plugin=["fake.linear", "twin.linear"], phase=["train", "predict"]), POLICY)
    plan = groups(specs, POLICY)
    assert [(group.specs[0].phase, group.number) for group in plan] == [
        (phase, number) for number in range(3) for phase in ("train", "predict")
    ]
    assert all({spec.plugin for spec in group.specs} == {"fake.linear", "twin.linear"} for group in plan)


def test_the_order_of_starting_turns():
    plan = groups(expand(selection(plugin=["fake.linear", "twin.linear"], phase=["train"]), POLICY), POLICY)
    assert [group.specs[0].plugin for group in plan] == ["fake.linear", "twin.linear", "twin.linear"]


def test_seeds_of_converge_are_spread_over_the_passes_and_numbered():
    plan = groups(expand(selection(phase=["train", "converge"]), POLICY), POLICY)
    assert [(group.specs[0].phase, group.number, group.specs[0].seed) for group in plan] == [
        (phase, number, number if phase == "converge" else 0) for number in range(3) for phase in ("train", "converge")
    ]
