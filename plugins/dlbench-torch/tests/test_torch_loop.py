"""The loop over time and its own derivative, against autograd over the time steps one by one, in double precision."""

from __future__ import annotations

import pytest
import torch
from torch._dynamo.backends.common import aot_autograd

from dlbench import precision as arithmetic
from dlbench import registry
from dlbench.errors import Unsupported
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.spec import Spec, Variant
from dlbench_torch import cells, loop, recurrent

pytestmark = pytest.mark.untimed

STEPS, BATCH, UNITS = 12, 4, 5
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
INTERPRETED = aot_autograd(fw_compiler=lambda graph, _: graph, decompositions=loop.decompositions())


def values_and_slopes(cell, last_state, compiled, bare=False):
    """The last state, and slopes by inputs, weight and bias; without Inductor's code, equal in double precision."""
    wide = GATES[cell] * UNITS
    shapes = {"inputs": (STEPS, BATCH, wide), "weight": (wide, UNITS), "bias": (wide,)}
    generator = torch.Generator().manual_seed(0)
    given = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    zeros = torch.zeros(BATCH, UNITS, dtype=torch.float64)

    def loss(given):
        inputs = given["inputs"] if bare else given["inputs"] * 0.5
        return last_state(cell, inputs, given["weight"], given["bias"], zeros).square().sum()

    def step(given):
        return torch.func.grad_and_value(loss)(given)

    if not compiled:
        return step(given)
    with torch.no_grad():
        return torch.compile(step, backend=INTERPRETED, fullgraph=True, dynamic=False)(given)


@pytest.mark.parametrize(("cell", "bare"), [("rnn", False), ("lstm", False), ("gru", False), ("rnn", True)])
def test_the_derivative_of_the_loop_is_that_of_its_time_steps(cell, bare):
    expected, value = values_and_slopes(cell, recurrent._unrolled, False, bare)
    found, same = values_and_slopes(cell, loop.last_state, True, bare)
    torch.testing.assert_close(same, value, rtol=1e-13, atol=0)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 1e-3, f"{name} has a derivative"
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-13 * float(gradient.abs().max()))


@pytest.mark.parametrize("cell", GATES)
def test_the_derivative_of_one_time_step_is_that_of_autograd(cell):
    given = [torch.randn(BATCH, wide, dtype=torch.float64) for wide in [GATES[cell] * UNITS] * 2 + [UNITS] * 2]
    slopes = tuple(torch.randn(BATCH, UNITS, dtype=torch.float64) for _ in range(2))
    expected = torch.func.vjp(cells.ADVANCE[cell], *given)[1](slopes)
    for found, other in zip(cells.RETREAT[cell](*slopes, *given), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-12, atol=1e-13)


def test_what_is_not_compiled_is_an_error():
    zeros = torch.zeros(BATCH, UNITS)
    with pytest.raises(NotImplementedError, match="advance"):
        loop.last_state("rnn", torch.zeros(STEPS, BATCH, UNITS), torch.zeros(UNITS, UNITS), torch.zeros(UNITS), zeros)


def test_a_long_sequence_is_one_graph_with_the_gradients_of_the_eager_layer(monkeypatch):
    """The small LSTM with fewer time steps allowed to be unrolled than it has."""
    monkeypatch.setattr(loop, "UNROLLED", 4)
    found = {}
    for path in ("eager", "jit"):
        spec = Spec(
            plugin="torch.lstm", phase="train", path=path, size="small", task="demand", batch_size=32, threads=1
        )
        prepared = prepare(spec, registry.load(spec.plugin))
        build_checked(prepared.plugin, prepared.request)
        batch = stage(prepared.plugin, spec, prepared.task.batch(0, 0))
        found[path] = prepared.plugin.gradients(batch)
    compilation = prepared.plugin.compilation()
    assert (compilation.graphs, compilation.breaks, compilation.recompilations) == (1, 0, 0)
    for name, gradient in found["eager"].items():
        assert abs(found["jit"][name] - gradient).max() < 5e-6 * abs(gradient).max()


def test_a_mode_that_leaves_the_loop_to_pytorch_is_refused_and_not_laid_on_the_inputs(monkeypatch):
    monkeypatch.setattr(loop, "UNROLLED", 4)
    lite = Variant("lite", (("mode", "lite"),))
    arms = {"path": "jit", "size": "small", "task": "demand", "batch_size": 4, "threads": 1, "variant": lite}
    prepared = prepare(Spec(plugin="torch.rnn", phase="train", **arms), registry.load("torch.rnn"))
    build_checked(prepared.plugin, prepared.request)
    with pytest.raises(Unsupported, match="leaves the loop over time to PyTorch"):
        prepared.plugin.train_step(stage(prepared.plugin, prepared.request.spec, prepared.task.batch(0, 0)))


@pytest.mark.parametrize("cell", GATES)
def test_products_of_less_precision_leave_the_states_of_the_loop_their_own(cell, monkeypatch):
    """A loop must keep the types of its states, whatever the cell makes of the products."""
    monkeypatch.setattr(loop, "UNROLLED", 4)
    monkeypatch.setattr(arithmetic, "cpu_flags", lambda: {"avx512_bf16"})  # PyTorch emulates it
    monkeypatch.setattr(loop, "compiled", lambda graph, examples, **_: INTERPRETED(graph, examples))
    exact, found = (gradients(f"torch.{cell}", precision=kind) for kind in ("fp32", "bf16"))
    for name, gradient in exact.items():
        assert 0 < abs(found[name] - gradient).max() < 0.1 * abs(gradient).max(), name


def gradients(plugin, precision):
    arms = {"path": "jit", "size": "small", "task": "demand", "batch_size": 32, "threads": 1}
    spec = Spec(plugin=plugin, phase="train", precision=precision, **arms)
    prepared = prepare(spec, registry.load(spec.plugin))
    build_checked(prepared.plugin, prepared.request)
    return prepared.plugin.gradients(stage(prepared.plugin, spec, prepared.task.batch(0, 0)))
