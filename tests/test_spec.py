"""Spec, Policy and grid: refusals and their words, the order of a grid, the fields of an identity."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlbench.errors import SpecError
from dlbench.spec import (
    PHASES,
    PLUGIN_NAMES,
    ModelSource,
    Policy,
    Spec,
    Workload,
    arm_key,
    grid,
    workload,
    workload_key,
)

pytestmark = pytest.mark.untimed

VALUES: dict[str, Any] = {
    "plugin": "fake.linear",
    "phase": "train",
    "path": "eager",
    "size": "small",
    "task": "line",
    "batch_size": 32,
    "threads": 1,
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "plugin",
            "linear",
            f"plugin is 'linear': it must be {PLUGIN_NAMES}",
        ),
        (
            "plugin",
            ".linear",
            f"plugin is '.linear': it must be {PLUGIN_NAMES}",
        ),
        (
            "plugin",
            "fake.",
            f"plugin is 'fake.': it must be {PLUGIN_NAMES}",
        ),
        ("phase", "test", "phase is 'test': it must be one of train, predict, converge"),
        ("path", "xla", "path is 'xla': it must be one of eager, graph, jit"),
        ("batch_size", 0, "batch size is 0: it must be between 1 and 2147483647"),
        ("threads", -1, "threads is -1: it must be between 1 and 8192"),
        ("steps_per_call", 0, "steps per call is 0: it must be between 1 and 2147483647"),
        ("data", "disk", "data is 'disk': it must be one of device, host"),
        ("compiler", "xla", "compiler is 'xla': it must be left out unless the path is jit"),
        ("allow_breaks", True, "allow breaks is True: it must be left out unless the path is jit"),
        ("seed", -1, "seed is -1: it must be between 0 and 2147483647"),
        ("seed", 2**31, "seed is 2147483648: it must be between 0 and 2147483647"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_it_must_be(name: str, value: object, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Spec(**VALUES | {name: value})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("processes", 0, "processes is 0: it must be between 1 and 10000"),
        ("samples", 0, "samples is 0: it must be between 1 and 1000000"),
        ("sample_seconds", 0.0, "sample is 0.0: it must be between 1e-06 and 31536000 seconds"),
        ("timeout_seconds", -1.0, "timeout is -1.0: it must be between 1e-06 and 31536000 seconds"),
        ("budget_seconds", 0.0, "budget is 0.0: it must be between 1e-06 and 31536000 seconds"),
    ],
)
def test_a_policy_out_of_range_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Policy(**{name: value})
    assert str(caught.value) == message


def test_one_process_is_indicative_and_two_are_not() -> None:
    assert Policy(processes=1).indicative
    assert not Policy(processes=2).indicative


def test_the_last_axis_of_a_grid_is_the_fastest_and_nothing_comes_twice() -> None:
    axes = {name: [value] for name, value in VALUES.items()} | {"batch_size": [8, 16, 8], "path": ["jit", "eager"]}
    last = {name: axes.pop(name) for name in ("batch_size", "path")}
    found = [(spec.batch_size, spec.path) for spec in grid(axes | last)]
    assert found == [(8, "jit"), (8, "eager"), (16, "jit"), (16, "eager")]


def test_a_grid_refuses_a_bad_value_anywhere() -> None:
    axes = {name: [value] for name, value in VALUES.items()} | {"batch_size": [8, 0]}
    with pytest.raises(SpecError, match="batch size is 0"):
        grid(axes)


_specs = st.builds(
    Spec,
    plugin=st.sampled_from(["a.b", "a.c"]),
    phase=st.sampled_from(["train", "predict"]),
    path=st.sampled_from(["eager", "jit"]),
    size=st.sampled_from(["small", "base"]),
    task=st.sampled_from(["line", "text"]),
    batch_size=st.integers(1, 3),
    threads=st.integers(1, 2),
    seed=st.integers(0, 2),
)


@given(_specs)
def test_a_spec_survives_json(spec: Spec) -> None:
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Spec) == spec


def test_a_workload_is_all_but_framework_and_path() -> None:
    spec = Spec(**VALUES)
    assert workload(spec) == workload(msgspec.structs.replace(spec, plugin="other.linear", path="jit"))
    assert workload(spec) == workload(msgspec.structs.replace(spec, path="jit", compiler="xla", python="head"))
    differing = {
        "plugin": "fake.mlp",
        "phase": "predict",
        "size": "base",
        "task": "text",
        "batch_size": 1,
        "threads": 2,
    }
    differing |= {"device": "gpu", "precision": "bf16", "seed": 1, "steps_per_call": 4, "data": "host"}
    for name, value in differing.items():
        assert workload(spec) != workload(msgspec.structs.replace(spec, **{name: value})), name


def test_a_workload_holds_every_field_of_a_spec_that_is_not_left_out_on_purpose() -> None:
    left_out = {"plugin", "path", "compiler", "python", "allow_breaks", "origin", "model", "variant"}
    assert set(Workload.__struct_fields__) == set(Spec.__struct_fields__) - left_out | {"architecture"}


def test_a_name_splits_at_its_first_dot() -> None:
    spec = Spec(**VALUES | {"plugin": "torch.transformer", "path": "jit"})
    assert (spec.framework, spec.architecture, spec.label) == ("torch", "transformer", "torch.transformer jit")


def test_a_label_names_all_that_tells_arms_apart() -> None:
    spec = Spec(**VALUES | {"plugin": "torch.mlp", "path": "jit"}, compiler="openxla", python="head")
    assert spec.label == "torch.mlp jit openxla @head"
    broken = Spec(**VALUES | {"plugin": "torch.mlp", "path": "jit"}, allow_breaks=True)
    assert broken.label == "torch.mlp jit (breaks allowed)"


def test_only_training_takes_several_steps_a_call() -> None:
    Spec(**VALUES | {"phase": "converge"}, steps_per_call=4)
    with pytest.raises(SpecError, match="steps per call is 4: it must be 1 in the phase predict"):
        Spec(**VALUES | {"phase": "predict"}, steps_per_call=4)


@pytest.mark.parametrize("phase", PHASES)
def test_seeds_that_replicate_share_an_arm_and_a_workload_and_other_seeds_do_not(phase: str) -> None:
    one, other = (Spec(**VALUES | {"phase": phase, "seed": seed}) for seed in (1, 2))
    shared = PHASES[one.phase].replicated_by == "seed"
    assert (arm_key(one) == arm_key(other)) == shared
    assert (workload_key(one) == workload_key(other)) == shared
    assert workload_key(one).seed == arm_key(one).seed == (0 if shared else 1)


def test_a_phase_says_whether_it_is_timed_whether_it_trains_and_what_replicates_it() -> None:
    found = {name: Spec(**VALUES | {"phase": name}) for name in PHASES}
    assert {name for name, spec in found.items() if spec.timed and workload(spec).timed} == {"train", "predict"}
    assert {name for name, spec in found.items() if spec.trains} == {"train", "converge"}
    assert {name for name, spec in found.items() if spec.replicated_by == "seed"} == {"converge"}
    assert all(workload(spec).replicated_by == spec.replicated_by for spec in found.values())


def test_a_model_that_a_plugin_makes_is_named_by_the_plugin_alone():
    made = Spec(
        plugin="torch.acmenet", phase="train", path="eager", size="small", task="line", batch_size=1, threads=1,
        model=ModelSource(reference="torch.acmenet"),
    )  # fmt: skip
    assert made.label == "torch.acmenet eager"
    own = msgspec.structs.replace(made, model=ModelSource(reference="net.py:Net"))
    assert own.label == "torch.acmenet eager (net.py:Net)"
