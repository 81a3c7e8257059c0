"""Twelve faults in PyTorch, each planted in a plugin of `dlbench_torch` when its factory is called.

An arm has a process of its own, so a fault that changes a module of the package changes that arm alone.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from types import MethodType, SimpleNamespace
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

import dlbench_torch
from dlbench.plugin import Batch, BuildRequest
from dlbench_torch import mapping
from dlbench_torch.model import TorchModel
from dlbench_torch.objective import Forward, Objective
from dlbench_torch.recipe import Recipe

_NAMES = ("mlp", "objective", "optimizers", "recurrent", "transformer")
_modules: Iterator[Any] = (importlib.import_module(f"dlbench_torch.{name}") for name in _NAMES)
mlp, objective, optimizers, recurrent, transformer = _modules  # the package itself calls its plugins so

Rows = Callable[[Any, Tensor], Any]


def _perceptron(forward: Rows) -> TorchModel:
    """The multilayer perceptron with another forward pass."""

    def make(request: BuildRequest) -> Any:
        module = mlp.make_module(request)
        module.forward = MethodType(forward, module)
        return module

    return dlbench_torch.plugin(make)()


def dropped_activation() -> TorchModel:
    """No ReLU after the last hidden layer."""

    def forward(module: Any, inputs: Tensor) -> Any:
        *hidden, last, output = module.children()
        rows = inputs.flatten(1)
        for layer in hidden:
            rows = F.relu(layer(rows))
        return output(last(rows))

    return _perceptron(forward)


def dropped_bias() -> TorchModel:
    """The bias of the output is there and not added."""

    def forward(module: Any, inputs: Tensor) -> Any:
        *hidden, output = module.children()
        rows = inputs.flatten(1)
        for layer in hidden:
            rows = F.relu(layer(rows))
        return F.linear(rows, output.weight) + 0.0 * output.bias

    return _perceptron(forward)


def wrong_dtype() -> TorchModel:
    """Products in bf16, under the name of fp32."""

    def forward(module: Any, inputs: Tensor) -> Any:
        *hidden, output = module.children()
        rows = inputs.flatten(1)
        for layer in hidden:
            rows = F.relu(F.linear(rows.bfloat16(), layer.weight.bfloat16(), layer.bias.bfloat16()).to(rows.dtype))
        return output(rows)

    return _perceptron(forward)


def stopped_gradient() -> TorchModel:
    """No gradient passes below the second hidden layer."""

    def forward(module: Any, inputs: Tensor) -> Any:
        first, *hidden, output = module.children()
        rows = F.relu(first(inputs.flatten(1))).detach()
        for layer in hidden:
            rows = F.relu(layer(rows))
        return output(rows)

    return _perceptron(forward)


class _Stale(TorchModel):
    """Gives one parameter back its value after each update."""

    def train_step(self, batch: Batch) -> Tensor:
        stale = next(iter(self._weights.trained.values()))
        before = stale.detach().clone()
        loss = super().train_step(batch)
        with torch.no_grad():
            stale.copy_(before)
        return loss


def stale_weight() -> TorchModel:
    """The first kernel is not updated."""
    return _Stale(Recipe(make=mlp.make_module, name="mlp"))


def _with_loss(change: Callable[[Tensor, Tensor], Tensor]) -> TorchModel:
    def losses(forward: Forward, inputs: Any, targets: Tensor) -> tuple[Tensor, ...]:
        return (change(forward(*inputs), targets),)

    objective.OBJECTIVES["cross_entropy"] = Objective(losses)
    return dlbench_torch.mlp()


def summed_loss() -> TorchModel:
    """The loss is the sum over the batch, not the mean."""
    return _with_loss(lambda logits, targets: F.cross_entropy(logits, targets.long(), reduction="sum"))


def half_batch() -> TorchModel:
    """The loss leaves out the second half of the batch."""
    return _with_loss(
        lambda logits, targets: F.cross_entropy(logits[: len(logits) // 2], targets[: len(targets) // 2].long())
    )


class _Uncorrected(torch.optim.Optimizer):
    """Adam without the correction of its moments' bias."""

    def __init__(self, parameters: Any, settings: Any) -> None:
        super().__init__(list(parameters), {})
        self._settings = settings

    def step(self, closure: Any = None) -> Any:  # noqa: ARG002 (the signature of the library)
        """One update."""
        said = self._settings
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                mean = state.setdefault("mean", torch.zeros_like(parameter))
                square = state.setdefault("square", torch.zeros_like(parameter))
                mean.lerp_(parameter.grad, 1 - said.beta1)
                square.lerp_(parameter.grad.square(), 1 - said.beta2)
                with torch.no_grad():
                    parameter.sub_(said.learning_rate * mean / (square.sqrt() + said.epsilon))


def no_bias_correction() -> TorchModel:
    """Adam forgets to correct its moments."""
    optimizers.of_torch = lambda settings, parameters, _: _Uncorrected(parameters, settings)
    return dlbench_torch.mlp()


def layer_norm_epsilon() -> TorchModel:
    """Layer normalisation with the default epsilon of the library."""

    def make(request: BuildRequest) -> Any:
        other = msgspec.structs.replace(request.configuration, norm_epsilon=1e-5)
        return transformer.make_module(dataclasses.replace(request, configuration=other))

    return dlbench_torch.plugin(make)()


def _with_attention(attention: Callable[..., Tensor]) -> TorchModel:
    functions = {**vars(F), "scaled_dot_product_attention": attention}
    transformer.F = SimpleNamespace(**functions)
    return dlbench_torch.transformer()


def unscaled_attention() -> TorchModel:
    """Scores are not divided by the root of the key's width."""
    return _with_attention(partial(F.scaled_dot_product_attention, scale=1.0))


def mask_off_by_one() -> TorchModel:
    """Each position sees the one after it."""

    def attention(query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool) -> Tensor:
        steps = query.shape[-2]
        mask = torch.ones(steps, steps, dtype=torch.bool).tril(int(is_causal))
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)

    return _with_attention(attention)


def gate_order() -> TorchModel:
    """The forget gate and the candidate of an LSTM change places."""
    return dlbench_torch.plugin(recurrent.make_module, slots=partial(mapping.recurrent_slot, (0, 2, 1, 3)))()
