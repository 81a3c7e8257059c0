"""The path jit: gradients and Adam's update of a whole step in one graph, compiled by Inductor or by XLA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from dlbench.plugin import PARTS, Batch, BuildRequest, CacheState, Compilation
from dlbench_torch import caches, loop, openxla
from dlbench_torch.objective import Objective, together

Tensors = dict[str, Tensor]
Powers = tuple[Tensor, Tensor]
"""Each beta of Adam to the number of steps taken, float64."""
COMPILERS: dict[str, Callable[..., Any]] = {"inductor": loop.compiled, openxla.NAME: openxla.compiled}


class CompiledSteps:
    """Training, prediction and gradients of a module, each one full graph or an error.

    Parameters and moments are updated in place by the compiled function. The powers of beta are tensors, so that no
    step is compiled anew, and come back as new ones: changed in place and read by several kernels, as Inductor (PyTorch
    2.13) fuses them, they made wrong losses within three steps. They are multiplied on from step to step:
    `beta**count` would be computed anew in the loop over each parameter, a seventh of the small mlp's step.
    """

    def __init__(
        self, module: nn.Module, trained: Mapping[str, nn.Parameter], objective: Objective, request: BuildRequest
    ) -> None:
        self._module, self._objective, self._settings = module, objective, request.adam
        for parameter in module.parameters():
            parameter.requires_grad_(False)  # gradients come from torch.func, not from the tape
        self._values: Tensors = {name: parameter.detach() for name, parameter in trained.items()}
        self._moments = [{name: torch.zeros_like(value) for name, value in self._values.items()} for _ in range(2)]
        one = torch.ones((), dtype=torch.float64, device=next(iter(self._values.values())).device)
        self._powers: Powers = (one, one.clone())
        self._graphs: Counter[str] = Counter()
        self._whole = not request.spec.allow_breaks
        self._breaks_before = Counter(counters["graph_break"])
        self._compiler_name = request.spec.compiler or "inductor"
        self._compiler = COMPILERS[self._compiler_name]
        self._calls = 0
        self._cache: CacheState = ""
        self._train = self._compile("train", self._update if request.spec.steps_per_call == 1 else self._update_often)
        self._outputs = self._compile("predict", self._evaluate)
        self._slopes = self._compile("gradients", self._compare)

    @property
    def optimizer(self) -> str:
        """What updates the parameters."""
        return "Adam written out in the compiled step"

    def train(self, batch: Batch) -> Tensor:
        """Update once, or once for each batch along the first axis; the loss or losses before each update."""
        found: Tensor
        with torch.no_grad():
            found, self._powers = self._train(self._values, *self._moments, self._powers, batch.inputs, batch.targets)
        return found

    def predict(self, inputs: Tensor) -> Tensor:
        """The outputs, with dropout off."""
        with torch.no_grad():
            found: Tensor = self._outputs(self._values, inputs)
        return found

    def gradients(self, batch: Batch) -> Tensors:
        """By the module's names, with dropout off."""
        with torch.no_grad():
            found: Tensors = self._slopes(self._values, batch.inputs, batch.targets)
        return found

    def compilation(self) -> Compilation:
        """Graphs that the compiler was given for each function, and breaks that Dynamo met, since `build`."""
        breaks = Counter(counters["graph_break"]) - self._breaks_before
        again = sum(number - 1 for number in self._graphs.values())
        if not self._whole:  # a break parts a function into one graph more; more than that was compiled again
            again = max(0, again - breaks.total())
        return Compilation(
            graphs=len(self._graphs) if self._whole else self._graphs.total(),
            breaks=breaks.total(),
            recompilations=again,
            parts=PARTS if self._graphs["train"] else PARTS[:1] if self._graphs else (),
            reasons=tuple(breaks),
            calls=self._calls,
            cache=self._cache,
        )

    def _compile(self, name: str, body: Callable[..., Any]) -> Callable[..., Any]:
        def compiler(graph: torch.fx.GraphModule, examples: Any) -> Any:
            self._cache = self._cache or caches.state(self._compiler_name)
            compiled = self._compiler(graph, examples)
            self._graphs[name] += 1  # not before: Dynamo may break a compilation off and start it again

            def called(*arguments: Any) -> Any:
                self._calls += 1
                return compiled(*arguments)

            return called

        return torch.compile(body, backend=compiler, fullgraph=self._whole, dynamic=False)

    def _update(
        self, values: Tensors, means: Tensors, squares: Tensors, powers: Powers, inputs: Tensor, targets: Tensor
    ) -> tuple[Tensor, Powers]:
        losses, gradients = self._differentiate(values, inputs, targets, training=True)
        adam = self._settings
        of_mean, of_square = powers[0] * adam.beta1, powers[1] * adam.beta2
        rate = (adam.learning_rate / (1 - of_mean)).float()
        correction = (1 / (1 - of_square)).sqrt().float()
        for name, gradient in gradients.items():
            means[name].mul_(adam.beta1).add_(gradient, alpha=1 - adam.beta1)
            squares[name].mul_(adam.beta2).add_(gradient * gradient, alpha=1 - adam.beta2)
            values[name].sub_(rate * means[name] / (squares[name].sqrt() * correction + adam.epsilon))
        return losses, (of_mean, of_square)

    def _update_often(self, *arguments: Any) -> tuple[Tensor, Powers]:
        """Several updates in one graph, which the compiler gets unrolled."""
        values, means, squares, powers, inputs, targets = arguments
        losses = []
        for batch in zip(inputs, targets, strict=True):
            loss, powers = self._update(values, means, squares, powers, *batch)
            losses.append(loss)
        return torch.stack(losses), powers

    def _evaluate(self, values: Tensors, inputs: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(self._module, values, (inputs, False))
        return found

    def _compare(self, values: Tensors, inputs: Tensor, targets: Tensor) -> Tensors:
        return self._differentiate(values, inputs, targets, training=False)[1]

    def _differentiate(
        self, values: Tensors, inputs: Tensor, targets: Tensor, *, training: bool
    ) -> tuple[Tensor, Tensors]:
        """Each loss by the parameters that it trains; what the passes share is computed once by the compiler."""
        losses: list[Tensor] = []
        gradients: Tensors = {}
        for number, owner in enumerate(self._objective.owners):
            own = {name: value for name, value in values.items() if name.startswith(owner)}

            def loss_of(own: Tensors, number: int = number) -> Tensor:
                def forward(*arguments: Any) -> Tensor:
                    outputs: Tensor = torch.func.functional_call(self._module, {**values, **own}, arguments)
                    return outputs

                return self._objective.losses(forward, inputs, targets, training)[number]

            found, loss = torch.func.grad_and_value(loss_of)(own)
            losses.append(loss)
            gradients |= found
        return together(tuple(losses)), gradients
