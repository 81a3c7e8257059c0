"""No two things of one output have the same name, and no name says more than it must."""

from __future__ import annotations

import msgspec
import pytest

from dlbench.analysis import labels
from dlbench.spec import Spec

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="tf.mlp", phase="train", path="jit", size="small", task="digits", batch_size=32, threads=2)


def changed(**changes):
    return msgspec.structs.replace(SPEC, **changes)


def test_alone_it_needs_no_more_than_phase_and_label():
    assert labels.of_specs([SPEC]).spec(SPEC) == "train, tf.mlp jit"
    assert labels.of_specs([SPEC, changed(path="eager")]).spec(SPEC) == "train, tf.mlp jit"
    assert labels.of_specs([SPEC, changed(phase="predict", batch_size=64)]).spec(SPEC) == "train, tf.mlp jit"


def test_what_differs_is_said_and_what_follows_from_it_is_not():
    base = changed(size="base", batch_size=128)
    names = labels.of_specs([SPEC, base])
    assert [names.spec(SPEC), names.spec(base)] == ["train, tf.mlp jit, small", "train, tf.mlp jit, base"]


def test_every_key_of_a_workload_can_tell_two_apart():
    values = {
        "size": "base",
        "task": "vowels",
        "batch_size": 64,
        "steps_per_call": 4,
        "data": "host",
        "precision": "bf16",
        "device": "gpu",
        "threads": 1,
        "seed": 7,
        "options": (("hidden", 128),),
        "workers": 2,
        "scaling": "strong",
    }
    keys = set(labels.Workload.__struct_fields__) - {"architecture", "phase"}
    assert set(values) == keys == set(labels.KEYS)
    for key, value in values.items():
        one = changed(workers=2) if key == "scaling" else SPEC
        other = msgspec.structs.replace(one, **{key: value})
        names = labels.of_specs([one, other])
        assert names.spec(one) != names.spec(other)
        assert names.title(labels.workload(one)) != names.title(labels.workload(other))


def test_the_seeds_of_training_to_a_target_have_one_name():
    seeds = [changed(phase="converge", seed=seed) for seed in range(5)]
    assert {labels.of_specs(seeds).spec(spec) for spec in seeds} == {"converge, tf.mlp jit"}


def test_titles_name_the_size_once():
    names = labels.of_specs([SPEC, changed(size="base"), changed(size="base", precision="bf16")])
    assert names.title(labels.workload(changed(size="base", precision="bf16"))) == "train, mlp base, bf16"
