"""Helpers for authors of plugins: what packages of several frameworks say alike."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import PARTS, SGD, Adam, AdamW, InputSpec, Spec
from dlbench.plugin_kit import (
    FEWER,
    SWITCH,
    amp,
    category_by_pattern,
    category_table,
    compilation_of,
    fitting,
    in_own_process,
    largest_integers,
    losses_by_name,
    model_info,
    name_of_thunk,
    on_off,
    one_or_all,
    own_kind,
    require_arithmetic,
    require_own_precision,
    require_same_shapes,
    require_seeded,
    require_within,
    setting,
    tf32,
    unique_names,
    unsupported_by,
    update_rule,
    with_ranges,
    xla_flag,
    xplanes,
)

pytestmark = pytest.mark.untimed


def spec(path):
    return Spec(plugin="fake.net", phase="train", path=path, size="small", task="synthetic", batch_size=4, threads=1)


def test_a_package_has_its_categories_in_a_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, table in (
        ("kit_right", '"matrix product" = "MatMul Gemm"\n"dispatch" = "Shape"'),
        ("kit_twice", '"matrix product" = "MatMul"\n"dispatch" = "Shape MatMul"'),
        ("kit_wrong", '"matrices" = "MatMul"'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "categories.toml").write_text(table)
    right = {"MatMul": "matrix product", "Gemm": "matrix product", "Shape": "dispatch"}
    assert category_table("kit_right") == right
    with pytest.raises(ValueError, match="MatMul is matrix product and dispatch"):
        category_table("kit_twice")
    with pytest.raises(ValueError, match="matrices is no category; choose of matrix product, "):
        category_table("kit_wrong")


def test_the_first_pattern_that_fits_a_whole_name_says_its_category():
    patterns = (("conv.*", "convolution"), ("c.*", "dispatch"))
    names = ("conv2d", "call", "my conv2d")
    assert [category_by_pattern(patterns, name) for name in names] == ["convolution", "dispatch", "unattributed"]


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """A module whose functions are called in a process of their own."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "kit_apart.py").write_text(
        "import os\n"
        "from dlbench.errors import SpecError, Unsupported, UnknownName\n"
        "def told(one, other):\n    print('aside')\n    return {'sum': one + other, 'pid': os.getpid()}\n"
        "def refused():\n    raise Unsupported('not here')\n"
        "def unknown():\n    raise UnknownName('size', 'huge', ['small'])\n"
        "def broken():\n    return 1 / 0\n"
    )


def test_a_function_is_called_in_a_process_of_its_own(apart):
    told = in_own_process("kit_apart:told", 2, 3)
    assert told["sum"] == 5
    assert told["pid"] != os.getpid()


@pytest.mark.parametrize(
    ("function", "kind", "text"),
    [
        ("refused", Unsupported, "^not here$"),
        ("unknown", SpecError, "unknown size 'huge'"),
        ("broken", RuntimeError, "kit_apart:broken ended with code 1: .*ZeroDivisionError"),
    ],
)
def test_an_error_of_a_process_of_its_own_is_raised_here(apart, function, kind, text):
    with pytest.raises(kind, match=f"(?s){text}"):
        in_own_process(f"kit_apart:{function}")


class Traced:
    """A program that was made so often and has so many breaks."""

    cache = "empty"

    def __init__(self, parts, calls, traces, breaks=0):
        self.parts, self.calls, self.traces, self.breaks = parts, calls, traces, breaks


def test_programs_that_were_never_traced_do_not_count():
    programs = [Traced(PARTS, 5, 2), Traced(PARTS[:1], 3, 1, breaks=2), Traced((), 0, 0)]
    found = compilation_of(programs, "it calls Python")
    assert (found.graphs, found.breaks, found.recompilations, found.calls) == (2, 2, 1, 8)
    assert (found.parts, found.reasons, found.cache) == (PARTS, ("it calls Python",), "empty")
    assert compilation_of(programs[2:], "").parts == ()


def test_a_model_that_is_built_as_its_spec_says_is_reported_so():
    devices = {"cpu": "a chip", "gpu:0": "a card"}
    info = model_info(
        spec("jit"), device="cpu/gpu:0", devices=devices, compiler="xla", parameter_count=3, precision="fp32"
    )
    assert (info.path, info.compiler, info.device_name, info.parameter_count) == ("jit", "xla", "a chip/a card", 3)
    eager = model_info(
        spec("eager"), device="cpu", devices=devices, compiler="xla", parameter_count=3, precision="fp32"
    )
    assert eager.compiler is None


def test_a_framework_that_raises_is_unsupported_with_its_own_reason():
    with pytest.raises(Unsupported, match=r"^it does not start: no such thing$"), unsupported_by("it does not start"):
        raise ValueError("no such\n thing")
    with pytest.raises(SpecError, match=r"^mine$"), unsupported_by("it does not start"):
        raise SpecError("mine")


@pytest.mark.parametrize("settings", [Adam(), AdamW(weight_decay=0.5), SGD(momentum=0.9), SGD()])
def test_updates_are_the_contracts_formula(settings):
    generator = np.random.default_rng(0)
    start = {"w": generator.normal(size=5).astype(np.float32)}
    rule = update_rule(settings, start, np.sqrt, lambda corrections, count: corrections(float(count)))
    values, moments = start, rule.moments
    wanted, first, second = start["w"].astype(np.float64), np.zeros(5), np.zeros(5)
    for count in (1, 2, 3):
        gradient = generator.normal(size=5)
        values, moments = rule.update({"w": gradient.astype(np.float32)}, values, moments, count)
        if isinstance(settings, SGD):
            first = settings.momentum * first + gradient
            wanted = wanted - settings.learning_rate * first
            continue
        wanted = wanted * (1 - settings.learning_rate * getattr(settings, "weight_decay", 0.0))
        first = settings.beta1 * first + (1 - settings.beta1) * gradient
        second = settings.beta2 * second + (1 - settings.beta2) * gradient**2
        root = np.sqrt(second / (1 - settings.beta2**count)) + settings.epsilon
        wanted = wanted - settings.learning_rate * first / (1 - settings.beta1**count) / root
    np.testing.assert_allclose(values["w"], wanted, rtol=2e-6)


def test_losses_by_name_are_the_contracts():
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(4, 3)), np.array([0, 2, 1, 2])
    likelihood = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    losses = losses_by_name(np, lambda rows: rows - np.log(np.exp(rows).sum(-1, keepdims=True)))
    picked = likelihood[np.arange(4), labels]
    assert losses["cross_entropy"](logits, labels) == pytest.approx(-picked.mean())
    assert losses["mse"](logits, logits + 2) == pytest.approx(4)
    advantages = generator.normal(size=4)
    targets = np.stack([labels, advantages], 1)
    assert losses["policy_gradient"](logits, targets) == pytest.approx(-(picked * advantages).mean())


def test_integers_of_a_trial_are_the_largest_that_are_stated():
    tokens, numbers = largest_integers([InputSpec((2, 3), "int64", 7), InputSpec((2,))])
    assert (tokens.shape, tokens.dtype.name, set(tokens.ravel())) == ((2, 3), "int64", {6})
    assert not numbers.any()
    assert one_or_all([tokens]) is tokens
    assert one_or_all([tokens, numbers]) == (tokens, numbers)


def test_a_model_that_ignores_the_seed_is_refused_with_its_parameter():
    require_seeded("net", [("a", np.ones(2), np.ones(2))], "")
    with pytest.raises(SpecError, match=r"^net: ignores the seed: b starts otherwise .*; draw it from the key$"):
        require_seeded("net", [("a", 1, 1), ("b", 1, 2)], "draw it from the key")


def test_inputs_that_do_not_fit_are_named():
    stated = [InputSpec((2, 3), "int64", 7), InputSpec((2,))]
    with (
        pytest.raises(SpecError, match=r"^net: inputs int64 \(2, 3\) below 7, float32 \(2,\) do not fit: beyond it$"),
        fitting("net", stated),
    ):
        raise IndexError("beyond\n it")
    with (
        pytest.raises(SpecError, match=r"do not fit: x{600}; state fewer: --input SHAPE:int64<N$"),
        fitting("net", stated, advice=FEWER),
    ):
        raise IndexError("x" * 700)


def test_a_switch_is_a_row_of_two_values():
    assert setting("arena", "memory", "its word").values == ("on", "off") == (on_off(True), on_off(False))
    assert setting("level", "passes", "its word", ("low", "high"), paths=("jit",)).paths == ("jit",)


def test_integers_without_a_range_are_tokens_of_the_largest_table_or_flags_by_their_name():
    given = [
        InputSpec((2, 4), "int64", None, "ids"),
        InputSpec((2, 4), "int64", None, "attention_mask"),
        InputSpec((2, 4), "int64", 9, "stated"),
        InputSpec((2, 4), "float32"),
    ]
    found, said = with_ranges(given, [30, 50])
    assert [one.below for one in found] == [50, 2, 9, None]
    assert said == [
        "integers of input ids: below 50",
        "integers of input attention_mask: below 2, by its name; state more: --input SHAPE:int64<N",
    ]
    found, said = with_ranges(given[:1], [])
    assert (found[0].below, said) == (2, ["integers of input ids: below 2, a guess"])


def test_the_largest_integers_are_tried_where_there_are_any():
    taken = []
    require_within("net", [InputSpec((2,), "float32")], taken.append)
    assert taken == []
    require_within("net", [InputSpec((2,), "int64", 7), InputSpec((1,), "float32")], taken.append)
    assert [one.tolist() for one in taken[0]] == [[6, 6], [0.0]]

    def narrow(_):
        raise IndexError("index 6 is out of bounds")

    with pytest.raises(SpecError, match=r"net: inputs int64 \(2,\) below 7 do not fit: index 6 .*; state fewer"):
        require_within("net", [InputSpec((2,), "int64", 7)], narrow)


def test_variables_of_one_path_have_names_of_their_own():
    paths = [SimpleNamespace(path=path) for path in ("a", "b", "a", "a")]
    assert unique_names(paths) == ["a", "b", "a#2", "a#3"]


def test_state_may_be_left_out_and_must_fit_where_it_is_given():
    weights, mean = {"w": np.zeros((2, 3))}, {"mean": (3,)}
    require_same_shapes(weights, {"w": (2, 3)}, mean)
    require_same_shapes(weights | {"mean": np.zeros(3)}, {"w": (2, 3)}, mean)
    with pytest.raises(ValueError, match="mean"):
        require_same_shapes(weights | {"mean": np.zeros(4)}, {"w": (2, 3)}, mean)
    with pytest.raises(ValueError, match="other"):
        require_same_shapes(weights | {"other": np.zeros(3)}, {"w": (2, 3)}, mean)


def test_a_precision_that_a_device_or_a_model_has_not_is_refused():
    require_arithmetic("tf32", "gpu:0")
    require_arithmetic("fp32", "cpu")
    with pytest.raises(Unsupported, match="precision tf32: a CPU has no TF32"):
        require_arithmetic("tf32", "cpu")
    require_own_precision("net", "bf16", "bf16", "it computes in", "")
    with pytest.raises(Unsupported, match="net: asked for bf16, and it computes in fp32; change it"):
        require_own_precision("net", "bf16", "fp32", "it computes in", "change it")


def test_rows_of_settings_that_several_frameworks_have():
    plain = Spec(plugin="a.mlp", phase="train", path="jit", size="small", task="synthetic", batch_size=4, threads=1)
    cpu, gpu = plain, msgspec.structs.replace(plain, device="gpu")
    assert (amp(gpu, "shown").missing, tf32(gpu, "TF32", "shown").missing) == ({}, {})
    assert set(tf32(cpu, "TF32", "shown").missing) == set(SWITCH)
    assert amp(cpu, "shown", "of some kind").meaning == "products in bfloat16, of some kind"
    flag = xla_flag("fast", "xla_fast", "fast", "shown", paths=("jit",))
    assert (flag.variable, flag.texts) == ("XLA_FLAGS", {"on": "--xla_fast=true", "off": "--xla_fast=false"})


def test_a_profiler_of_planes_is_started_stopped_and_read():
    called, folders = [], []

    def stop():
        called.append("stop")
        Path(folders[0], "below").mkdir()
        Path(folders[0], "below", "host.xplane.pb").write_bytes(b"planes")

    found = xplanes(lambda: called.append("step"), "It", folders.append, nullcontext, stop)
    assert (found, called, Path(folders[0]).exists()) == ([b"planes"], ["step", "stop"], False)
    with pytest.raises(ZeroDivisionError):
        xplanes(lambda: 1 // 0, "It", lambda _: None, nullcontext, lambda: called.append("stopped"))
    assert called[-1] == "stopped"
    with pytest.raises(Unsupported, match=r"It's profiler does not start; end the other profile: .*by zero"):
        xplanes(lambda: None, "It", lambda _: 1 // 0, nullcontext, stop)


def test_words_of_what_is_no_model_and_of_a_thunk():
    assert (own_kind(int), own_kind(3)) == ("the class int", "an object of int")
    assert name_of_thunk("dot_general.12_3") == "dot_general"
