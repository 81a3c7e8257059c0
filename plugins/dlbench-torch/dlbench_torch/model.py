"""One class for every architecture: the contract's three methods and its capabilities, around a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dlbench.errors import Unsupported
from dlbench.plugin import Batch, BuildRequest, Compilation, ModelInfo
from dlbench_torch import device, openxla, precision, readback, variables
from dlbench_torch.compiled import CompiledSteps
from dlbench_torch.eager import EagerSteps
from dlbench_torch.mapping import FindSlot, Weights, find_slot
from dlbench_torch.objective import OBJECTIVES

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

MakeModule = Callable[[BuildRequest], nn.Module]
"""The architecture: a module called as `module(inputs, training)`; parameters are set afterwards."""


class TorchModel:
    """A ModelPlugin; `make_module` is the architecture, `slots` says where its canonical parameters live in it."""

    def __init__(self, make_module: MakeModule, slots: FindSlot = find_slot) -> None:
        self._make_module, self._slots = make_module, slots

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make module, optimizer and the functions of the Spec's path, which compile when first called."""
        spec = request.spec
        if request.parameters is None:
            raise Unsupported(f"{spec.plugin}: the core describes no architecture {spec.architecture}")
        if request.signature.loss not in OBJECTIVES:
            raise Unsupported(f"loss {request.signature.loss}: PyTorch's plugins have {', '.join(OBJECTIVES)}")
        if spec.precision == "fp16" and spec.path == "jit":
            raise Unsupported("precision fp16 on the path jit: loss scaling is on the path eager only; choose bf16")
        if spec.path == "graph":
            raise Unsupported("path graph: PyTorch has none without a compiler; choose eager or jit")
        self._device = device.prepare(spec)
        torch.manual_seed(spec.seed)  # dropout
        module = self._make_module(request).to(self._device)
        self._weights = Weights(module, request.parameters, self._slots)
        precision.mix(module, spec.precision, self._device)
        objective, steps = OBJECTIVES[request.signature.loss], CompiledSteps if spec.path == "jit" else EagerSteps
        self._steps: EagerSteps | CompiledSteps = steps(module, self._weights.trained, objective, request)
        self._precision = spec.precision
        self._from_host = spec.data == "host"
        info = readback.model_info(self._weights, spec, self._steps.optimizer)
        self._xla = openxla.Counters() if self._device.type == "xla" else None
        return info

    def train_step(self, batch: Batch) -> Tensor:
        """Update and return the loss or losses before each update; data on the host is copied first."""
        return self._steps.train(self.stage(batch) if self._from_host else batch)

    def predict(self, inputs: Any) -> Array:
        """The outputs, with dropout off."""
        staged = inputs if isinstance(inputs, Tensor) else torch.tensor(inputs, device=self._device)
        found: Array = self._steps.predict(staged).numpy(force=True)
        return found

    def stage(self, batch: Batch) -> Batch:
        """The batch as tensors on the device."""
        return Batch(*(torch.tensor(part, device=self._device) for part in batch))

    def export_parameters(self) -> dict[str, Array]:
        """Copies, by canonical name."""
        return self._weights.export()

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite every parameter; the optimizer's moments stay."""
        self._weights.assign(parameters)

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Of the mean loss by canonical name, with dropout off."""
        return self._weights.arrays(self._steps.gradients(batch))

    def compilation(self) -> Compilation:
        """Counts since `build`; where XLA compiles, its own counters must bear them out."""
        found = self._steps.compilation()
        return self._xla.bear_out(found) if self._xla else found

    def multiply(self, order: int) -> Callable[[], Tensor]:
        """Of two random square matrices in the precision of the Spec."""
        kind = precision.MIXED.get(self._precision, torch.float32)
        left, right = (torch.rand(order, order, device=self._device).to(kind) for _ in range(2))
        return openxla.multiply(left, right) if self._device.type == "xla" else lambda: left @ right

    def variables(self) -> list[str]:
        """Those that PyTorch and torch_xla read."""
        return variables.NAMES

    def devices(self) -> dict[str, str]:
        """Device words with a description each."""
        return device.devices()

    def device_memory_peak(self) -> int | None:
        """Peak bytes that PyTorch's allocator handed out on the device; None on a CPU, where nobody counts."""
        return torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else None

    def reset_device_memory_peak(self) -> None:
        """Forget the peak, where it is counted."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
