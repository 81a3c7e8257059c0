"""PyTorch by hand: `nn.Module`s and fused Adam, or the whole step in one compiled graph."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from studies.expert_step import Problem, Program, torch_modules

Losses = Callable[[Callable[..., Tensor], Tensor, Tensor], tuple[Tensor, ...]]


def programs(problem: Problem) -> dict[str, Program]:
    """Candidates of the problem's path."""
    torch.set_num_threads(problem.threads)
    if problem.path == "eager":
        return {"modules": eager(problem, torch_modules.make(problem))}
    found = {"compiled forward and backward": compiled_model(problem)}
    long = problem.signature.inputs.shape[1] > torch_modules.UNROLLED
    if long and problem.architecture in torch_modules.CELLS:
        return found  # torch.func cannot enter a loop
    return found | {"whole step": whole_step(problem)}


def eager(problem: Problem, module: nn.Module, forward: Callable[..., Any] = lambda function: function) -> Program:
    """Autograd and the fused Adam."""
    groups, losses = _groups(module), _losses(problem)
    adam = torch.optim.Adam(module.parameters(), lr=problem.learning_rate, fused=True)
    compute = forward(lambda x, y: losses(module, x, y))
    batches = staged(problem)

    def one_loss() -> Tensor:
        adam.zero_grad()
        (loss,) = compute(*next(batches))
        loss.backward()
        adam.step()
        return loss.detach()

    def two_losses() -> Tensor:
        found = compute(*next(batches))
        for loss, group in zip(found, groups, strict=True):
            for parameter, gradient in zip(group, torch.autograd.grad(loss, group, retain_graph=True), strict=True):
                parameter.grad = gradient
        adam.step()
        return found[0].detach()

    return one_loss if len(groups) == 1 else two_losses


def compiled_model(problem: Problem) -> Program:
    """Losses and their gradients compiled, with the optimizer's own kernel after them."""
    return eager(problem, torch_modules.make(problem, compiled=True), lambda f: torch.compile(f, fullgraph=True))


def whole_step(problem: Problem) -> Program:
    """Gradients and Adam in one graph, without autograd's tape."""
    module = torch_modules.make(problem, compiled=True).requires_grad_(False)
    losses, batches = _losses(problem), staged(problem)
    names = [[name for name, _ in module.named_parameters() if name.startswith(prefix)] for prefix in _prefixes(module)]
    values = dict(module.named_parameters())
    slots = [{name: torch.zeros_like(value) for name, value in values.items()} for _ in range(2)]
    count = torch.zeros(())

    def step(values: dict[str, Tensor], slots: list[dict[str, Tensor]], count: Tensor, x: Tensor, y: Tensor) -> Tensor:
        gradients: dict[str, Tensor] = {}
        for number, group in enumerate(names):

            def loss_of(own: dict[str, Tensor], number: int = number) -> Tensor:
                call = lambda *inputs: torch.func.functional_call(module, values | own, inputs)  # noqa: E731
                return losses(call, x, y)[number]

            found, loss = torch.func.grad_and_value(loss_of)({name: values[name] for name in group})
            gradients |= found
        count += 1
        rate, root = problem.learning_rate / (1 - 0.9**count), (1 - 0.999**count).sqrt()
        for name, gradient in gradients.items():
            mean, square = slots[0][name], slots[1][name]
            mean.lerp_(gradient, 0.1)
            square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            values[name].sub_(rate * mean / (square.sqrt() / root + 1e-8))
        return loss

    compiled = torch.compile(step, fullgraph=True)

    def run() -> Tensor:
        with torch.no_grad():
            found: Tensor = compiled(values, slots, count, *next(batches))
        return found

    return run


def staged(problem: Problem) -> Any:
    """Tensors of the batches, over and over."""
    pairs = [(torch.tensor(batch.inputs), torch.tensor(batch.targets)) for batch in problem.batches]
    return itertools.cycle([(x, y.long() if problem.signature.loss == "cross_entropy" else y) for x, y in pairs])


def _prefixes(module: nn.Module) -> tuple[str, ...]:
    return ("generator", "discriminator") if isinstance(module, torch_modules.GAN) else ("",)


def _groups(module: nn.Module) -> Sequence[list[nn.Parameter]]:
    named = list(module.named_parameters())
    return [[value for name, value in named if name.startswith(prefix)] for prefix in _prefixes(module)]


def _losses(problem: Problem) -> Losses:
    match problem.signature.loss:
        case "cross_entropy":
            return lambda module, x, y: (F.cross_entropy(module(x).flatten(0, -2), y.flatten()),)
        case "mse":
            return lambda module, x, y: (F.mse_loss(module(x), y),)
    return _adversarial


def _adversarial(module: Callable[..., Tensor], noise: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    of_fake, of_real = module(noise, real)
    return F.softplus(-of_fake).mean(), F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
