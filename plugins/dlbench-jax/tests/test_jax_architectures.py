"""Architectures against the core's oracle, and what a step says of its program, its losses and its settings."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

import jax
import numpy as np
import pytest

import dlbench_jax
from dlbench import precision
from dlbench.errors import Unsupported
from dlbench.measure.build import batch_of_call, prepare
from dlbench.plugin import PARTS, SGD, AdamW, Batch, BuildRequest
from dlbench.plugin_kit import flops_of_hlo
from dlbench.spec import Spec
from dlbench_jax import machine, program

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("test_jax_architectures")]

ALL = ("cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer")
SEEDS = range(5)


def spec(architecture, path="jit", **more):
    task = {"gan": "synthetic_gan", "transformer": "text"}.get(architecture, "synthetic")
    given = {"plugin": f"jax.{architecture}", "phase": "train", "path": path, "size": "small", "task": task}
    return Spec(**given | {"threads": machine.threads() or 1, "device": "cpu", "batch_size": 4} | more)


def built(asked, **changes):
    """Plugin and task of a Spec, built, and the report of the build."""
    found = prepare(asked, getattr(dlbench_jax, asked.architecture)())
    return found, found.plugin.build(BuildRequest(**{**vars(found.request), **changes}))


def batch(found, call=0):
    return found.plugin.stage(batch_of_call(found.task, found.request.spec, call))


def losses(found, calls=4):
    return [np.asarray(found.plugin.train_step(batch(found, call))) for call in range(calls)]


@pytest.mark.parametrize("architecture", ALL)
def test_predictions_are_the_oracles_for_five_seeds(architecture):
    found, _ = built(spec(architecture))
    request = found.request
    for seed in SEEDS:
        parameters = request.configuration.initial_parameters(request.signature, seed)
        inputs = found.task.batch(seed, 0).inputs
        found.plugin.import_parameters(parameters)
        wanted = request.configuration.forward(parameters, inputs, request.signature)
        assert np.ptp(wanted) > 1e-3, "outputs that vary"
        outputs = found.plugin.predict(found.plugin.stage(Batch(inputs, inputs)).inputs)
        np.testing.assert_allclose(outputs, wanted, rtol=0, atol=5e-6 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize(
    "architecture", [pytest.param(one, marks=pytest.mark.slow) if one != "mlp" else one for one in ALL]
)
def test_both_paths_have_the_same_gradients_and_losses(architecture):
    eager, jit = (built(spec(architecture, path), dropout=False)[0] for path in ("eager", "jit"))
    one, other = (found.plugin.gradients(batch(found)) for found in (eager, jit))
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, rtol=0, atol=5e-6 * max(1.0, np.abs(value).max()), err_msg=name)
    np.testing.assert_allclose(losses(eager, 20), losses(jit, 20), rtol=1e-5)


@pytest.mark.parametrize("architecture", ALL)
def test_products_are_counted_as_the_core_counts_them_and_as_xla_does(architecture):
    found, _ = built(spec(architecture))
    plugin, request = found.plugin, found.request
    counted = plugin.flops(batch(found))
    wanted = request.configuration.flops_per_step(request.signature) / 3
    if architecture == "gan":
        wanted = request.configuration.flops_per_prediction(request.signature)
    assert counted == pytest.approx(wanted, rel=0.01)
    traced = plugin._traced(batch(found).inputs).jaxpr.jaxpr
    products = [one for one in program.equations(traced) if program._is_product(one)]
    for product in products:
        shapes = [jax.ShapeDtypeStruct(one.aval.shape, one.aval.dtype) for one in product.invars]
        lowered = jax.jit(lambda *sides, product=product: product.primitive.bind(*sides, **product.params)).lower(
            *shapes
        )
        counted = flops_of_hlo(lowered.compiler_ir("hlo").as_hlo_module().to_string())
        assert counted == pytest.approx(lowered.cost_analysis()["flops"], rel=0.01)


def test_a_step_is_one_program_with_its_state_donated():
    found, info = built(spec("mlp"))
    before = found.plugin._carry[0]["output/kernel"]
    losses(found)
    said = found.plugin.compilation()
    assert (said.graphs, said.breaks, said.recompilations, said.parts, said.calls) == (1, 0, 0, PARTS, 4)
    assert found.plugin._train.donates
    assert before.is_deleted()
    assert (info.compiler, info.threads) == ("xla", machine.threads())


def test_threads_of_that_name_that_are_of_another_library_are_not_counted(monkeypatch):
    """TensorFlow's pool has the same name; it was there before JAX started, or came after its threads were counted."""
    built(spec("mlp"))  # JAX has started
    there = {"11", "12", "13"}
    for name, value in {"_OTHERS": {"11"}, "_OWN": set(), "threads_named": {machine.POOL: there}.get}.items():
        monkeypatch.setattr(machine, name, value)
    assert machine.threads() == 2
    there.add("15")
    assert machine.threads() == 2


def test_a_batch_of_another_size_is_a_recompilation():
    found, _ = built(spec("mlp"))
    losses(found, 2)
    whole = batch(found)
    found.plugin.train_step(Batch(whole.inputs[:3], whole.targets[:3]))
    assert found.plugin.compilation().recompilations == 1


def test_op_by_op_nothing_compiles_more_than_one_product_at_a_time(caplog):
    """JAX compiles each function of its own library; a program of ours among them would hold several products."""
    jax.clear_caches()
    with caplog.at_level(logging.WARNING), jax.log_compiles(True):
        found, _ = built(spec("mlp", "eager"))
        losses(found, 1)
        assert found.plugin.compilation().graphs == 0
    names = {one.args[0] for one in caplog.records if str(one.msg).startswith("Compiling")}
    assert {"jit(matmul)", "jit(dot_general)", "matmul", "dot_general"} & {str(name) for name in names}
    assert not [name for name in names if "_update" in str(name) or "forward" in str(name) or "lost" in str(name)]


@pytest.mark.parametrize("path", ["eager", "jit"])
def test_several_steps_a_call_are_so_many_single_ones(path):
    one, four = (built(spec("mlp", path, steps_per_call=steps))[0] for steps in (1, 4))
    np.testing.assert_allclose(losses(four, 1)[0], losses(one, 4), rtol=1e-6)
    assert one.plugin.compilation().parts == four.plugin.compilation().parts


def test_batches_on_the_host_are_copied():
    found, info = built(spec("mlp", data="host"))
    raw = found.task.batch(0, 0)
    first = float(found.plugin.train_step(raw))
    assert info.data == "host"
    assert first == pytest.approx(float(losses(built(spec("mlp"))[0], 1)[0]))


@pytest.mark.parametrize("optimizer", [SGD(learning_rate=0.1, momentum=0.9), AdamW(weight_decay=0.1)])
def test_other_optimizers_do_as_the_contract_says(optimizer):
    found, _ = built(spec("mlp", "eager"), optimizer=optimizer)
    start = found.plugin.export_parameters()
    slopes = [found.plugin.gradients(batch(found, 0))]
    losses(found, 1)
    middle = found.plugin.export_parameters()
    slopes.append(found.plugin.gradients(batch(found, 1)))
    found.plugin.train_step(batch(found, 1))
    end = found.plugin.export_parameters()
    for name, value in start.items():
        (g, h), rate = (one[name].astype(np.float64) for one in slopes), optimizer.learning_rate
        if isinstance(optimizer, SGD):
            wanted = value - rate * g, middle[name] - rate * (0.9 * g + h)
        else:
            decayed = (one * (1 - rate * 0.1) for one in (value, middle[name]))
            m, v = 0.09 * g + 0.1 * h, 0.000999 * g**2 + 0.001 * h**2
            moved = g / (np.abs(g) + 1e-8), m / 0.19 / (np.sqrt(v / (1 - 0.999**2)) + 1e-8)
            wanted = tuple(one - rate * by for one, by in zip(decayed, moved, strict=True))
        np.testing.assert_allclose(middle[name], wanted[0], rtol=0, atol=2e-6)
        np.testing.assert_allclose(end[name], wanted[1], rtol=0, atol=2e-6)


def test_dropout_is_new_in_every_step_and_the_same_for_a_seed():
    first, again, other, never = (
        losses(built(spec("transformer", seed=seed), dropout=drops)[0], 3)
        for seed, drops in ((0, True), (0, True), (1, True), (0, False))
    )
    assert first == again
    assert first != other
    assert first != never


def test_the_kept_share_of_a_dropout_is_the_rates_and_scaled():
    ones = np.ones((2048, 31), np.float32)
    drop = dlbench_jax.network.dropout(jax.random.key(3))
    one, other = (np.asarray(drop(jax.numpy.asarray(ones), 0.1)) for _ in range(2))
    assert abs((one == 0).mean() - 0.1) < 0.005
    assert one.mean() == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("architecture", ["gan", pytest.param("lstm", marks=pytest.mark.slow)])
def test_products_in_bfloat16_are_read_back(architecture):
    try:
        precision.require("bf16")
    except Unsupported as error:
        pytest.skip(str(error))
    found, info = built(spec(architecture, precision="bf16"))
    assert info.precision == "bf16"
    near, exact = losses(found, 2), losses(built(spec(architecture))[0], 2)
    np.testing.assert_allclose(near, exact, rtol=4e-2)
    assert not np.array_equal(near, exact)
    assert float(found.plugin.multiply(32)()[0, 0]) > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device": "gpu:99"}, "looked for device gpu:99"),
        ({"precision": "fp16"}, "the plugins of JAX have fp32, bf16, tf32"),
        ({"precision": "tf32"}, "a CPU has no TF32"),
        ({"path": "graph"}, "path graph: the plugins of JAX have eager, jit; choose"),
        ({"compiler": "inductor"}, "JAX compiles with xla only"),
        ({"threads": 63}, "asked for 63 threads, but JAX has already started in this process with"),
    ],
)
def test_what_cannot_be_is_unsupported(changes, words):
    with pytest.raises(Unsupported, match=words):
        built(spec("mlp", **changes))


def test_a_task_that_does_not_fit_is_unsupported():
    with pytest.raises(Unsupported, match="--task synthetic_gan or digits_gan"):
        built(spec("gan", task="synthetic"))


def test_settings_read_back_what_is_in_effect():
    found, _ = built(spec("mlp"))
    assert "donation" not in found.plugin.read_settings()
    losses(found, 1)
    said = found.plugin.read_settings()
    assert said == {"amp": "off", "tf32": "off", "matmul": "highest", "donation": "on"}
    rows = {one.key: one for one in found.plugin.settings(found.request.spec)}
    assert set(said) | {"fast-math"} == set(rows)
    assert "--device gpu" in rows["tf32"].missing["on"]
    assert rows["fast-math"].texts["off"] == "--xla_cpu_enable_fast_math=false"


def test_every_architecture_is_an_entry_point():
    found = {entry.name: entry.load() for entry in entry_points(group="dlbench.plugins") if entry.name[:4] == "jax."}
    assert found == {f"jax.{name}": getattr(dlbench_jax, name) for name in ALL}
