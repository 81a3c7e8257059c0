"""The path jit with breaks allowed: forward and backward pass compiled in parts, the optimizer op by op.

It is for modules that cannot be compiled whole: `torch.compile` of the module alone, autograd's tape around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, Batch, BuildRequest, CacheState, Compilation
from dlbench_torch import caches
from dlbench_torch.compiling import Compiling
from dlbench_torch.eager import EagerSteps
from dlbench_torch.network import Network
from dlbench_torch.objective import Objective


class PartedSteps:
    """Training, prediction and gradients of a network that is compiled wherever Dynamo can."""

    def __init__(
        self,
        network: Network,
        trained: Mapping[str, nn.Parameter],
        objective: Objective,
        request: BuildRequest,
        compiler: Compiling,
    ) -> None:
        self._compiler = compiler
        self._graphs = self._calls = 0
        self._plugin = request.spec.plugin
        self._cache: CacheState = ""
        self._breaks_before = Counter(counters["graph_break"])
        compiled = torch.compile(network, backend=self._compiled, dynamic=compiler.dynamic)
        self._steps = EagerSteps(network, trained, objective, request, compiled)

    @property
    def kernel(self) -> str:
        """The kernel of the update, as `dlbench_torch.optimizers.KERNELS` names it."""
        return self._steps.kernel

    @property
    def optimizer(self) -> str:
        """The optimizer that updates the parameters."""
        return self._steps.optimizer

    def train(self, batch: Batch) -> Tensor:
        """Update once, or several times; the loss or losses before each update. Raises as `predict` does."""
        found = self._steps.train(batch)
        self._require_parts()
        return found

    def predict(self, inputs: Any) -> Any:
        """The outputs, in the mode of prediction. Raises Unsupported if no part of the module was compiled."""
        found = self._steps.predict(inputs)
        self._require_parts()
        return found

    def gradients(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients by the module's names, in the mode of prediction."""
        return self._steps.gradients(batch)

    def compilation(self) -> Compilation:
        """Graphs and breaks since `build`; the optimizer is never compiled.

        A module that is trained and asked for predictions is compiled for each mode, and every part of it is a graph.
        Recompilations cannot be told from that, and are not reported.
        """
        breaks = Counter(counters["graph_break"]) - self._breaks_before
        parts = PARTS[:2] if not breaks else ()
        return Compilation(
            graphs=self._graphs,
            breaks=breaks.total(),
            recompilations=0,
            parts=parts,
            reasons=tuple(breaks),
            calls=self._calls,
            cache=self._cache,
        )

    def _require_parts(self) -> None:
        if not self._graphs:
            raise Unsupported(f"{self._plugin} on the path jit: PyTorch compiles no part of it; choose --path eager")

    def _compiled(self, graph: torch.fx.GraphModule, examples: Any) -> Any:
        """The backend of Dynamo."""
        self._cache = self._cache or caches.state(self._compiler.name)
        compiled = self._compiler(graph, examples)
        self._graphs += 1

        def called(*arguments: Any) -> Any:
            self._calls += 1
            return compiled(*arguments)

        return called
