"""Steps that PyTorch compiles in parts: leaving more of them to Python is no way to pass."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch
from torch._dynamo.utils import counters

from dlbench.errors import ContractViolation
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.plugin import Compilation, ModelInfo
from dlbench.spec import Spec

pytestmark = pytest.mark.untimed

SPEC = {"plugin": "fake.linear", "phase": "train", "path": "jit", "size": "small", "task": "line", "batch_size": 32}


class Linear:
    """A linear model whose graphs Dynamo captures and no compiler translates; `parts` are its report of them."""

    parts = ("forward", "backward")

    def build(self, request):
        spec, values = request.spec, request.parameters.values()
        self.kernel, self.bias = (torch.nn.Parameter(torch.tensor(value)) for value in values)
        self.adam = torch.optim.Adam([self.kernel, self.bias], lr=request.optimizer.learning_rate)
        self.graphs, self.calls, self.before = 0, 0, Counter(counters["graph_break"])
        torch._dynamo.reset()
        self.step = self.compiled()
        count = self.kernel.numel() + self.bias.numel()
        more = {"precision": "fp32", "path": spec.path, "compiler": "captured"}
        return ModelInfo(parameter_count=count, device="cpu", **more)

    def loss(self, inputs, targets):
        return torch.nn.functional.mse_loss(inputs @ self.kernel + self.bias, targets)

    def update(self, loss):
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss

    def whole(self, inputs, targets):
        return self.update(self.loss(inputs, targets))

    def compiled(self):
        """The losses are compiled, and the optimizer is left eager."""
        loss = torch.compile(self.loss, backend=self.capture)
        return lambda *batch: self.update(loss(*batch))

    def capture(self, graph, _):
        self.graphs += 1

        def called(*arguments):
            self.calls += 1
            return graph(*arguments)

        return called

    def train_step(self, batch):
        return self.step(*(torch.tensor(part) for part in batch)).detach()

    def predict(self, inputs):
        return (torch.tensor(inputs) @ self.kernel + self.bias).detach().numpy()

    def compilation(self):
        breaks = Counter(counters["graph_break"]) - self.before
        return Compilation(
            graphs=self.graphs,
            breaks=breaks.total(),
            recompilations=0,
            parts=self.parts,
            reasons=tuple(breaks),
            calls=self.calls,
        )


class Whole(Linear):
    """The optimizer's step is compiled too, with whatever breaks PyTorch's own has."""

    parts = ("forward", "backward", "optimizer")

    def compiled(self):
        return torch.compile(self.whole, backend=self.capture)


class Unused(Linear):
    """A model whose training runs other code than its build compiled."""

    parts = ("forward", "backward", "optimizer")

    def compiled(self):
        torch.compile(self.loss, backend=self.capture)(torch.zeros(1, len(self.kernel)), torch.zeros(1, 1))
        return self.whole


class Silent(Linear):
    parts = ()


def proven(plugin, **changes):
    spec = Spec(**SPEC, threads=1, **changes)
    prepared = prepare(spec, plugin)
    build_checked(prepared.plugin, prepared.request)
    subject = MeasuredModel(spec, prepared)
    sampler = subject.sampler()
    sampler.take(1)
    subject.warmed_up()
    sampler.take(3)
    return subject.compilation()


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        (Linear, r"0 breaks.*\(left to Python: optimizer\)"),
        (Whole, r"[1-9] breaks.*\(breaks: \S"),
        (Silent, "does not say which parts of a step are compiled"),
    ],
)
def test_a_step_in_parts_is_refused_alike_whoever_parts_it(plugin, why):
    with pytest.raises(ContractViolation, match="not compiled whole and once") as caught:
        proven(plugin())
    assert re.search(why, str(caught.value))
    found = proven(plugin(), allow_breaks=True)
    assert found.parts == plugin.parts
    assert all(len(reason) <= 200 and "\n" not in reason for reason in found.reasons)
    assert found.calls_per_step == found.graphs, "each graph runs once in a step"


def test_a_graph_that_is_not_called_in_the_steps_proves_nothing():
    with pytest.raises(ContractViolation, match="not called in every step: 0 calls a step"):
        proven(Unused())
