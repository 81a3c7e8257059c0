"""Modules that the core does not describe, compiled: one graph with the course of eager, or advice."""

from __future__ import annotations

import numpy as np
import pytest
from torch_nets import Net, batches, built

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import SGD, ArraySpec, Batch, ModelSource
from dlbench_torch import loaders

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("kind", ["one", pytest.param("dataclass", marks=pytest.mark.slow)])
def test_a_compiled_step_with_running_statistics_is_one_graph_with_the_course_of_eager(kind):
    losses, states = {}, {}
    for path in ("eager", "jit"):
        model, _ = built(path=path, rule=SGD(momentum=0.9), options={"kind": kind})
        losses[path] = [float(model.train_step(model.stage(batch))) for batch in batches()]
        states[path] = model.export_parameters()
    found = model.compilation()
    assert (found.graphs, found.breaks, found.recompilations) == (1, 0, 0)
    assert found.parts == ("forward", "backward", "optimizer")
    np.testing.assert_allclose(losses["jit"], losses["eager"], rtol=1e-5)
    for name, value in states["eager"].items():
        np.testing.assert_allclose(states["jit"][name], value, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # the compilation alone takes minutes on a busy machine
def test_resnet18_compiles_whole_and_trains_as_eager_does():
    try:
        named = loaders.torchvision("resnet18", ModelSource(reference="torchvision:resnet18"))
    except SpecError as error:
        pytest.skip(str(error))
    losses, states, initial = {}, {}, {}
    for path in ("eager", "jit"):
        arrays = {"inputs": ArraySpec((4, 3, 64, 64), "float32"), "outputs": ArraySpec((4, 10), "float32")}
        model, _ = built(named.make, path=path, rule=SGD(learning_rate=1e-3), options={"num_classes": 10}, **arrays)
        initial = model.export_parameters()
        generator = np.random.default_rng(0)
        losses[path] = []
        for _ in range(4):
            images = generator.normal(size=(4, 3, 64, 64)).astype(np.float32)
            batch = model.stage(Batch(images, generator.integers(0, 10, 4)))
            losses[path].append(float(model.train_step(batch)))
            states.setdefault(path, model.export_parameters())
    assert model.compilation().graphs == 1
    np.testing.assert_allclose(losses["jit"], losses["eager"], rtol=1e-4)
    assert any("running_var" in name for name in states["jit"])
    for name, value in states["eager"].items():  # after one step: later ones amplify rounding in batches of four
        apart = np.linalg.norm(states["jit"][name] - value)
        assert apart <= 0.02 * np.linalg.norm(value - initial[name]) + 1e-6, name


class Breaking(Net):
    def forward(self, rows):
        print("a line for every step")  # noqa: T201
        return super().forward(rows)


def test_a_step_that_breaks_the_graph_says_what_to_do():
    model, _ = built(Breaking, path="jit")
    with pytest.raises(Unsupported, match=r"step whole: .*`print`.*, line \d+; --allow-breaks measures"):
        model.train_step(model.stage(next(batches())))


@pytest.mark.slow
def test_a_step_that_may_break_is_compiled_in_parts_with_the_course_of_eager():
    losses = {}
    for path in ("eager", "jit"):
        model, info = built(Breaking, path=path, allow_breaks=path == "jit")
        losses[path] = [float(model.train_step(model.stage(batch))) for batch in batches()]
    found = model.compilation()
    assert found.graphs >= 1
    assert found.breaks >= 1
    assert "print" in found.reasons[0]
    assert found.parts == (), "what a break leaves to Python is not said to be compiled"
    assert info.details["optimizer"] == "torch.optim.SGD(fused=True)"
    np.testing.assert_allclose(losses["jit"], losses["eager"], rtol=1e-5)
