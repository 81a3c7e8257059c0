"""One class for every module: the contract's three methods and its capabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dlbench.errors import Unsupported
from dlbench.plugin import Batch, BuildRequest, Compilation, Description, ModelInfo, Peers, ProfileEvent, Setting
from dlbench.plugin_kit import in_precision
from dlbench.spec import Spec
from dlbench_torch import (
    device,
    flops,
    lazy,
    misfits,
    objective,
    openxla,
    precision,
    readback,
    requirements,
    settings,
    variables,
)
from dlbench_torch.compiling import Compiling
from dlbench_torch.describe import describe
from dlbench_torch.eager import EagerSteps
from dlbench_torch.mapping import Weights
from dlbench_torch.network import Network, turn_dropout_off
from dlbench_torch.recipe import Recipe

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters
    from dlbench_torch.compiled import CompiledSteps
    from dlbench_torch.parallel import Group
    from dlbench_torch.parted import PartedSteps


class TorchModel:
    """A ModelPlugin around the module of a Recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._group: Group | None = None

    def join(self, spec: Spec, peers: Peers) -> None:
        """Join the process group."""
        from dlbench_torch.parallel import Group  # loaded with the backends, which one worker has no use of

        self._group = Group(in_precision(spec), peers)

    def weights(self) -> dict[str, Array]:
        """Trained parameters, without the state that each worker has of its own batches."""
        return self._weights.arrays(self._weights.trained)

    def leave(self) -> None:
        """Leave the process group."""
        assert self._group is not None
        self._group.leave()

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make module, optimizer and the functions of the Spec's path, which compile when first called."""
        spec = in_precision(request.spec)
        request = replace(request, spec=spec)
        self._asked = spec.settings
        self._images = self._asked if request.parameters is None else {}  # the core's have their channels last
        goal = objective.find(request.signature.loss)
        if spec.precision == "fp16" and spec.path == "jit":
            raise Unsupported("precision fp16 on the path jit: loss scaling is on the path eager only; choose bf16")
        if spec.path == "graph":
            raise Unsupported("path graph: PyTorch has none without a compiler; choose eager or jit")
        self._spec, self._device = spec, device.prepare(spec)
        settings.set_switches(self._asked)
        self._whole = precision.WHOLE.get(spec.precision)
        self._network, self._weights = self._made(request)
        self._steps = self._steps_for(request, goal)
        self._from_host = spec.data == "host"
        said = {"output": self._recipe.output} if self._recipe.output else {}
        said |= {"optimizer": self._steps.optimizer} if spec.trains else {}
        said |= {"workers": self._group.words} if self._group is not None else {}
        info = readback.model_info(self._weights, spec, self._device, said)
        self._xla = openxla.Counters() if self._device.type == "xla" else None
        return info

    def train_step(self, batch: Batch) -> Tensor:
        """Update and return the loss or losses before each update; data on the host is copied first."""
        try:
            return self._steps.train(self._staged(batch))
        except Exception as error:
            misfits.explain(error, self._spec, self._network, batch.inputs)
            raise

    def predict(self, inputs: Any) -> Array:
        """The outputs, in the mode of prediction."""
        first = inputs[0] if isinstance(inputs, tuple) else inputs
        staged = inputs if isinstance(first, Tensor) else self._tensors(inputs)
        try:
            found: Array = self._steps.predict(staged).numpy(force=True)
        except Exception as error:
            misfits.explain(error, self._spec, self._network, staged)
            raise
        return found

    def stage(self, batch: Batch) -> Batch:
        """The batch as tensors on the device."""
        return Batch(*(self._tensors(part) for part in batch))

    @property
    def network(self) -> nn.Module:
        """The built module, for an exporter: inputs by place to the output that the loss reads, in prediction."""
        self._network.set_training(False)
        return self._network

    def export_parameters(self) -> dict[str, Array]:
        """Copies by canonical name; with state, such as running statistics, for models unknown to the core."""
        return self._weights.export()

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite every parameter, and the state that is given; the optimizer's moments stay."""
        self._weights.assign(parameters)

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Gradients of the mean loss by canonical name, in the mode of prediction."""
        return self._weights.arrays(self._steps.gradients(self._staged(batch)))

    def compilation(self) -> Compilation:
        """Counts since `build`; if XLA compiles, its own counters must confirm them."""
        found = self._steps.compilation()
        return self._xla.bear_out(found) if self._xla else found

    def settings(self, spec: Spec) -> list[Setting]:
        """Those of PyTorch for this Spec's device and path."""
        return settings.table(spec)

    def read_settings(self) -> dict[str, str]:
        """Values in effect; those of the compiler once it has compiled."""
        compiled = self._compiling.in_effect() if self._spec.path == "jit" else {}
        parameters = list(self._weights.trained.values())
        own = settings.in_effect(self._spec, parameters, self._device, self._steps.kernel)
        return {**own, **compiled}

    def describe(self, spec: Spec) -> Description:
        """The facts that are stated of the module, and those that a call on a few samples shows."""
        device.prepare(spec)
        return describe(self._recipe, spec)

    def flops(self, batch: Batch) -> float | None:
        """FLOPs of the forward pass, counted as it is called op by op; None if it has no such form."""
        return flops.of_forward(self._network, self._staged(batch).inputs)

    def multiply(self, order: int) -> Callable[[], Tensor]:
        """Product of two random square matrices in the precision of the Spec."""
        kind = precision.MIXED.get(self._spec.precision, torch.float32)
        left, right = (torch.rand(order, order, device=self._device).to(kind) for _ in range(2))
        return openxla.multiply(left, right) if self._device.type == "xla" else lambda: left @ right

    def instrument(self) -> None:
        """Spans about the kernels of compiled code."""
        from dlbench_torch import profiling

        profiling.instrument()

    def profile(self, step: Callable[[], None]) -> list[ProfileEvent]:
        """Events of PyTorch's own profiler, with layers on the path eager: a compiler would compile again for them."""
        from dlbench_torch import profiling  # loaded with the profiler, which no timed step has any use of

        return profiling.events(step, self._network.module if self._spec.path == "eager" else None)

    def variables(self) -> list[str]:
        """Variables that PyTorch and torch_xla read."""
        return variables.NAMES

    def devices(self) -> dict[str, str]:
        """Device words with a description each."""
        return device.devices()

    def device_memory_peak(self) -> int | None:
        """Peak bytes that PyTorch's allocator handed out on the device; None on a CPU: nobody counts there."""
        return torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else None

    def reset_device_memory_peak(self) -> None:
        """Forget the peak, if it is counted."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)

    def _steps_for(self, request: BuildRequest, goal: objective.Objective) -> EagerSteps | CompiledSteps | PartedSteps:
        """Steps, whole on the path jit; in parts if the user allows breaks in a module unknown to the core."""
        every = self._network, self._weights.trained, goal, request
        if request.spec.path != "jit":
            exchanging = self._group.exchanging(self._network, goal) if self._group is not None else None
            return EagerSteps(*every, exchanging=exchanging)
        from dlbench_torch.compiled import CompiledSteps  # with Dynamo, which eager steps have no use of
        from dlbench_torch.parted import PartedSteps

        self._compiling = Compiling(request.spec.compiler or "inductor", self._asked)
        parted = request.spec.allow_breaks and request.parameters is None
        return PartedSteps(*every, self._compiling) if parted else CompiledSteps(*every, self._compiling)

    def _made(self, request: BuildRequest) -> tuple[Network, Weights]:
        """The module on the device, as it is called, and its parameters with their initial values."""
        spec = request.spec
        module, signature = self._recipe.module(spec, request), request.signature
        arrays = signature.inputs, *signature.further
        lazy.materialise(Network(module, self._recipe.call, signature.names, None), lazy.zeros(arrays))
        module.to(self._device, self._whole)
        if not request.dropout:
            turn_dropout_off(module)
        settings.lay_out(module, self._asked)
        weights = Weights(module, request.parameters, self._recipe.slots)
        requirements.require_trained(weights.trained, spec)
        mixed = precision.MIXED.get(spec.precision)
        output = None if self._recipe.whole else self._recipe.output
        return Network(module, self._recipe.call, signature.names, output, mixed), weights

    def _staged(self, batch: Batch) -> Batch:
        """The batch on the device; copied there if the Spec leaves it on the host."""
        return self.stage(batch) if self._from_host else batch

    def _tensors(self, part: Any) -> Any:
        """An array, or several, on the device."""
        if isinstance(part, tuple):
            return tuple(self._tensors(one) for one in part)
        found = torch.tensor(part, device=self._device)
        found = found.to(self._whole) if self._whole and found.is_floating_point() else found
        return settings.like_layout(found, self._images)
