"""Helpers for authors of plugins."""

from __future__ import annotations

import functools
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

from dlbench import precision
from dlbench.errors import SpecError, UnknownName, Unsupported
from dlbench.plugin import OwnOptimizer
from dlbench.plugin_kit import (
    Recipe,
    example_inputs,
    inputs_like,
    loss_function,
    output_name,
    own_optimizer,
    pick_output,
    require_same_shapes,
    require_words,
    resolve_device,
    threads_named,
)
from dlbench.spec import InputSpec, Spec

pytestmark = pytest.mark.untimed


def factory(width, *, layers=2):
    """A factory of a model."""


@dataclass
class Outputs:
    """Outputs as libraries of models return them; None was not computed."""

    loss: int | None = None
    hidden: int = 1
    logits: int = 2


Pair = namedtuple("Pair", "loss rows")


@pytest.mark.parametrize(
    ("outputs", "asked", "name", "picked"),
    [
        (7, "", "", 7),
        ({"hidden": 1, "logits": 2}, "", "logits", 2),
        ({"hidden": 1, "logits": 2}, "hidden", "hidden", 1),
        ({"loss": 0, "rows": 3}, "", "rows", 3),
        (Outputs(), "", "logits", 2),
        (Outputs(), "hidden", "hidden", 1),
        (Pair(0, 5), "", "rows", 5),
        ((4, 5), "", "0", 4),
        ([4, 5], "1", "1", 5),
    ],
)
def test_an_output_is_picked_by_name_place_or_custom(outputs, asked, name, picked):
    assert output_name(outputs, asked) == name
    assert pick_output(outputs, asked) == picked


@pytest.mark.parametrize(
    ("outputs", "asked", "text"),
    [
        (Outputs(), "logit", "output logit: the model returns hidden, logits"),
        (Outputs(), "loss", "the model returns hidden, logits"),
        (7, "logits", "the model returns one array; leave --output out"),
        ((), "", "the model returns no output"),
    ],
)
def test_an_output_that_there_is_not_is_refused_with_those_that_there_are(outputs, asked, text):
    with pytest.raises(SpecError, match=text):
        pick_output(outputs, asked)


def spec(**more):
    given = {"plugin": "fake.net", "phase": "train", "path": "eager", "size": "small", "task": "any", "batch_size": 4}
    return Spec(**given | {"threads": 1} | more)


def test_options_of_a_recipe_are_those_of_its_size_and_of_the_spec():
    recipe = Recipe(make=lambda width, layers=2: (width, layers), name="net", sizes={"small": {"width": 3}})
    assert recipe.model(spec()) == (3, 2)
    assert recipe.model(spec(options=(("layers", 5), ("width", 4)))) == (4, 5)
    with pytest.raises(UnknownName, match="unknown option of net 'layer'; did you mean layers"):
        recipe.model(spec(options=(("layer", 1),)))
    with pytest.raises(UnknownName, match="unknown size of net 'smal'; did you mean small"):
        recipe.model(spec(size="smal"))


def test_what_a_recipe_states_is_its_description():
    recipe = Recipe(make=factory, name="net", loss=factory, inputs=(InputSpec(shape=(1, 8)),), batch_sizes={"small": 2})
    said = recipe.description(framework="fake", inputs=recipe.inputs_of(spec()))
    assert (said.framework, said.loss, said.batch_sizes) == ("fake", f"{__name__}:factory", {"small": 2})
    assert said.inputs == (InputSpec(shape=(4, 8)),)
    assert said.options == {"width": "", "layers": "2"}


@pytest.mark.parametrize(
    ("asked", "found", "word"),
    [
        ("auto", ["cpu"], "cpu"),
        ("auto", ["cpu", "gpu:0", "gpu:1"], "gpu:0"),
        ("gpu", ["cpu", "gpu:0"], "gpu:0"),
        ("gpu:1", ["cpu", "gpu:0", "gpu:1"], "gpu:1"),
    ],
)
def test_a_device_word_is_resolved_among_what_there_is(asked, found, word):
    assert resolve_device(asked, found, "Fake 1.0") == word


def test_a_device_that_is_not_there_is_unsupported():
    with pytest.raises(
        Unsupported, match=r"looked for device gpu:1; Fake 1.0 finds cpu, gpu:0 here; choose --device cpu or gpu:0$"
    ):
        resolve_device("gpu:1", ["cpu", "gpu:0"], "Fake 1.0")


def test_parameters_of_another_name_or_shape_are_named():
    class Array:
        shape = (2, 3)

    require_same_shapes({"a": Array}, {"a": (2, 3)})
    with pytest.raises(ValueError, match=r"do not fit this model in name or shape: a, b$"):
        require_same_shapes({"a": Array, "c": Array}, {"a": (3, 2), "b": (1,), "c": [2, 3]})


def test_example_inputs_are_those_beside_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kit_example.py").write_text("def example_inputs():\n    return 3\nmodel = 1\n")
    (tmp_path / "kit_bare.py").write_text("model = 1\n")
    assert example_inputs("kit_example.py:model")() == 3
    assert example_inputs("kit_bare.py:model") is None
    with pytest.raises(SpecError, match=r"kit_gone\.py"):
        example_inputs("kit_gone.py:model")


def test_inputs_are_those_of_an_example_with_the_range_of_its_integers():
    assert inputs_like(np.ones((3, 2))) == (InputSpec((3, 2)),)
    assert inputs_like([np.ones((3, 2), np.float16), np.array([[4], [6]], np.int32)]) == (
        InputSpec((3, 2)),
        InputSpec((2, 1), "int32", 7),
    )
    assert inputs_like({"mask": np.ones((3, 2), bool)}) == (InputSpec((3, 2), "bool", None, "mask"),)
    with pytest.raises(SpecError, match=r"dtype is .complex128."):
        inputs_like(np.ones((3, 2), complex))


def test_a_precision_that_the_cpu_lacks_has_its_reason(monkeypatch):
    monkeypatch.setattr(precision, "cpu_flags", lambda: {"avx512_bf16"})
    assert precision.lacking("bf16") == precision.lacking("fp32") == {}
    assert "this CPU has none of" in precision.lacking("fp16")["fp16"]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"path": "graph"}, "path graph: the plugins of Fake have eager, jit; choose one of them"),
        ({"path": "jit", "compiler": "xla"}, "compiler xla: Fake compiles with inductor only; leave --compiler out"),
        ({"precision": "fp16"}, "precision fp16: the plugins of Fake have fp32, bf16"),
    ],
)
def test_words_that_a_framework_lacks_are_refused_with_those_that_it_has(more, text):
    has = {"paths": ("eager", "jit"), "compiler": "inductor", "precisions": ("fp32", "bf16")}
    require_words(spec(path="jit", compiler="inductor"), "Fake", **has)
    with pytest.raises(Unsupported, match=text):
        require_words(spec(**more), "Fake", **has)


def test_a_loss_is_a_known_one_a_reference_or_a_function(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kit_loss.py").write_text("def gap(outputs, targets):\n    return outputs - targets\n")
    known = {"mse": factory}
    assert loss_function("mse", known, "Fake") is factory
    assert loss_function(max, known, "Fake")(2, 3) == 3
    assert loss_function(functools.partial(max, 4), known, "Fake")(2, 3) == 4
    gap = loss_function("kit_loss.py:gap", known, "Fake")
    assert gap(5, 3) == 2
    with pytest.raises(SpecError, match=r"loss kit_loss\.py:gap: returned shape \(2,\), and a loss is one number"):
        gap(np.ones(2), np.zeros(2))
    with pytest.raises(Unsupported, match=r"loss mae: the plugins of Fake have mse, or file\.py:function"):
        loss_function("mae", known, "Fake")


def test_an_optimizer_of_the_users_must_fit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kit_optimizer.py").write_text("def make(parameters):\n    return list(parameters)\n")
    settings = OwnOptimizer(function="kit_optimizer.py:make")
    assert own_optimizer(settings, {"a": 1}, lambda found: found == ["a"], "a list") == ["a"]
    with pytest.raises(SpecError, match=r"optimizer kit_optimizer\.py:make: returned a list; return a pair"):
        own_optimizer(settings, {"a": 1}, lambda _: False, "a pair")


def test_threads_are_counted_by_their_name():
    assert threads_named("no thread has this name") in (frozenset(), None)
