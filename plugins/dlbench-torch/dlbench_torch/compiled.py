"""The path jit: gradients and the optimizer's update of a whole step in one graph, by Inductor or by XLA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from dlbench.plugin import PARTS, Batch, BuildRequest, CacheState, Compilation, Part
from dlbench_torch import caches, optimizers
from dlbench_torch.compiling import Compiling
from dlbench_torch.network import Inputs, Network, as_tuple
from dlbench_torch.objective import Objective, together
from dlbench_torch.optimizers import Scalars, Tensors
from dlbench_torch.requirements import require_gradient


class CompiledSteps:
    """Training, prediction and gradients of a network, each one full graph or an error.

    Parameters, moments, and the buffers that training writes are updated in place by the compiled function.
    """

    def __init__(
        self,
        network: Network,
        trained: Mapping[str, nn.Parameter],
        objective: Objective,
        request: BuildRequest,
        compiler: Compiling,
    ) -> None:
        self._network, self._objective = network, objective
        self._written = optimizers.written(request.optimizer, trained)
        for parameter in network.parameters():
            parameter.requires_grad_(False)  # gradients come from torch.func, not from the tape
        self._values = self._written.values
        self._buffers: Tensors = dict(network.module.named_buffers())
        self._scalars = self._written.scalars
        self._graphs: Counter[str] = Counter()
        self._several = request.spec.steps_per_call > 1
        self._whole = not request.spec.allow_breaks
        self._breaks_before = Counter(counters["graph_break"])
        self._compiler = compiler
        self._calls = 0
        self._looked = request.parameters is not None  # modules that the core describes have gradients
        self._cache: CacheState = ""
        self._train = self._compile("train", self._update_often if self._several else self._update)
        self._outputs = self._compile("predict", self._evaluate)
        self._slopes = self._compile("gradients", self._compare)

    kernel = ""
    """The update is a part of the compiled step, and has no kernel of its own."""

    @property
    def optimizer(self) -> str:
        """Optimizer of the parameters."""
        return self._written.name

    def train(self, batch: Batch) -> Tensor:
        """Update once, or once for each batch along the first axis; the loss or losses before each update."""
        found: Tensor
        self._network.set_training(True)
        if not self._looked:
            self._look(batch)
        tensors = self._values, self._buffers, self._written.moments, self._scalars
        with torch.no_grad():
            found, self._scalars = self._train(*tensors, as_tuple(batch.inputs), batch.targets)
        return found

    def _look(self, batch: Batch) -> None:
        """Before the first step is compiled: one that has no gradient would be compiled to one of zeros."""
        self._looked = True
        inputs, targets = as_tuple(batch.inputs), batch.targets
        step = Batch(tuple(one[0] for one in inputs), targets[0]) if self._several else batch
        require_gradient(self._network, self._values, self._objective, step)

    def predict(self, inputs: Any) -> Any:
        """The outputs, in the mode of prediction."""
        self._network.set_training(False)
        with torch.no_grad():
            return self._outputs(self._values, as_tuple(inputs))

    def gradients(self, batch: Batch) -> Tensors:
        """Gradients by the module's names, in the mode of prediction."""
        self._network.set_training(False)
        with torch.no_grad():
            found: Tensors = self._slopes(self._values, self._buffers, as_tuple(batch.inputs), batch.targets)
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
            parts=self._parts() if not breaks else (),
            reasons=tuple(breaks),
            calls=self._calls,
            cache=self._cache,
        )

    def _parts(self) -> tuple[Part, ...]:
        """Parts of a step without breaks; with one, torch.func leaves its function to Python, and more."""
        return PARTS if self._graphs["train"] else PARTS[:1] if self._graphs else ()

    def _compile(self, name: str, body: Callable[..., Any]) -> Callable[..., Any]:
        def compiler(graph: torch.fx.GraphModule, examples: Any) -> Any:
            self._cache = self._cache or caches.state(self._compiler.name)
            compiled = self._compiler(graph, examples)
            self._graphs[name] += 1  # not before: Dynamo may break a compilation off and start it again

            def called(*arguments: Any) -> Any:
                self._calls += 1
                return compiled(*arguments)

            return called

        return torch.compile(body, backend=compiler, fullgraph=self._whole, dynamic=self._compiler.dynamic)

    def _update(
        self,
        values: Tensors,
        buffers: Tensors,
        moments: tuple[Tensors, ...],
        scalars: Scalars,
        inputs: Inputs,
        targets: Tensor,
    ) -> tuple[Tensor, Scalars]:
        losses, gradients, written = self._differentiate(values, buffers, inputs, targets)
        for name, buffer in buffers.items():
            buffer.copy_(written[name])
        return losses, self._written.update(values, gradients, moments, scalars)

    def _update_often(self, *arguments: Any) -> tuple[Tensor, Scalars]:
        """Several updates in one graph, which the compiler gets unrolled."""
        values, buffers, moments, scalars, inputs, targets = arguments
        losses = []
        for batch in zip(zip(*inputs, strict=True), targets, strict=True):
            loss, scalars = self._update(values, buffers, moments, scalars, *batch)
            losses.append(loss)
        return torch.stack(losses), scalars

    def _evaluate(self, values: Tensors, inputs: Inputs) -> Any:
        return self._network.with_tensors(values, inputs)[0]

    def _compare(self, values: Tensors, buffers: Tensors, inputs: Inputs, targets: Tensor) -> Tensors:
        return self._differentiate(values, buffers, inputs, targets)[1]

    def _differentiate(
        self, values: Tensors, buffers: Tensors, inputs: Inputs, targets: Tensor
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Each loss by the parameters that it trains; the compiler computes the shared part of the passes once.

        A function that torch.func differentiates may only write its arguments. So a layer writes copies of the buffers,
        and their content goes into the buffers afterwards, which the compiler makes one write.
        """
        losses: list[Tensor] = []
        gradients: Tensors = {}
        written: Tensors = {}
        for number, owner in enumerate(self._objective.owners):
            own = {name: value for name, value in values.items() if name.startswith(owner)}

            def loss_of(own: Tensors, number: int = number) -> tuple[Tensor, Tensors]:
                after: Tensors = {}

                def forward(*arguments: Tensor) -> Any:
                    copies = {name: buffer.clone() for name, buffer in buffers.items()}
                    outputs, held = self._network.with_tensors({**values, **own, **copies}, arguments)
                    after.update({name: held[name] for name in buffers})
                    return outputs

                return self._objective.losses(forward, inputs, targets)[number], after

            found, (loss, written) = torch.func.grad_and_value(loss_of, has_aux=True)(own)
            losses.append(loss)
            gradients |= found
        return together(tuple(losses)), gradients, written
