"""The contract between the core and a plugin: three methods, and capabilities that a plugin may add.

A plugin builds, steps and predicts. It never owns a clock: the core times, counts, stops and records. A plugin that
cannot do what a Spec asks raises `dlbench.errors.Unsupported`; it never does something else instead.

Steps per call. Where `Spec.steps_per_call` is K > 1, each array of the batches that `train_step` gets has a further
first axis of K: the batches of K consecutive steps. The plugin takes the K updates in order, in one call of what it
compiled on the paths `graph` and `jit`, and returns the K losses in one array, K first. `predict` and `gradients` take
one batch as ever.

Data. With `data` `device` every batch is handed to `stage`, outside the clock, before a step gets it; with `host` the
step and `predict` get the core's own NumPy arrays and copy them themselves, each time anew, within the clock.

Precision. `fp32`: values and products. `tf32`: values are float32 and products and convolutions are rounded to TF32.
`bf16` and `fp16`: parameters, optimizer and loss stay float32, and matrix products and convolutions are computed in the
type, as each framework's own automatic mixed precision does; `fp16` with dynamic loss scaling.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

import msgspec

from dlbench.spec import DataPlace, Path, Spec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Parameters = Mapping[str, npt.NDArray[np.float32]]

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
DeviceNames = Annotated[dict[Name, Text], msgspec.Meta(max_length=1000)]
"""Limits of what a plugin reports. Texts have a length that a report can hold; numbers outside make no sense."""


class Batch(NamedTuple):
    """Inputs and targets of one step: NumPy arrays from the core, or whatever the plugin's `stage` made of them."""

    inputs: Any
    targets: Any


class ArraySpec(msgspec.Struct, frozen=True):
    """Shape (the batch first) and NumPy dtype name of an array."""

    shape: tuple[int, ...]
    dtype: str


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a task feeds a model and wants of it.

    `outputs` are logits for the loss `cross_entropy`, values for `mse`, logits of actions for
    `policy_gradient` and generated images for `adversarial`, whose targets are real ones (`dlbench.architectures.gan`
    states both losses). Targets of `policy_gradient` are action and advantage, both float32, side by side; its loss is
    the mean of the advantage times the negative log-likelihood of the action. `vocabulary` is the number of distinct
    tokens where the inputs are tokens; `causal` says that output t may depend on inputs 0..t only.
    """

    inputs: ArraySpec
    targets: ArraySpec
    outputs: ArraySpec
    loss: str
    vocabulary: int | None = None
    causal: bool = False


class Adam(msgspec.Struct, frozen=True, kw_only=True):
    """Adam (Kingma and Ba, 2015, algorithm 1), with epsilon added to the bias-corrected root of the second moment.

    One update at step t = 1, 2, ...: `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
    `w -= learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`, the two corrections computed in
    float64. Libraries differ in the place of epsilon and in the precision of the correction; a plugin must not.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True)
class BuildRequest:
    """All that a plugin needs to build.

    `configuration` is the architecture's own record (such as `dlbench.architectures.transformer.Transformer`) and
    `parameters` its initial values, float32, by canonical name in canonical layout; both are None for an architecture
    that the core does not describe.
    """

    spec: Spec
    signature: Signature
    optimizer: Adam
    configuration: Any = None
    parameters: Parameters | None = None


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the plugin reads back after building; the core compares it with the Spec, and a difference is an error.

    `device` in the words of a Spec (`cpu`, `gpu:0`); `precision`, `steps_per_call`, `data` likewise, so that a plugin
    that says nothing of them has built one step a call with its data in place; `compiler` is None where nothing
    compiles; `versions` maps distribution names to versions; `details` is anything else worth showing (BLAS, optimizer
    variant) that is equal in every process of a Spec: those that differ in it were built otherwise and are not pooled.
    """

    parameter_count: Count
    device: Name
    precision: Name
    path: Path
    compiler: Name | None = None
    threads: Positive | None = None
    steps_per_call: Positive = 1
    data: DataPlace = "device"
    device_name: Name = ""
    versions: Annotated[dict[Name, Name], msgspec.Meta(max_length=1000)] = {}
    details: Annotated[dict[Name, Text], msgspec.Meta(max_length=1000)] = {}


Part = Literal["forward", "backward", "optimizer"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a training step."""

CacheState = Literal["", "none", "empty", "not empty", "unknown"]
"""What a compiler's cache on the disk held just before its first compilation, as the plugin saw it.

Empty where the plugin does not say; `none` where the compiler keeps nothing on the disk; `unknown` where the cache
cannot be looked at, as one on another machine.
"""


def cache_state(folders: Iterable[str]) -> CacheState:
    """What these folders, or files, of a compiler's cache hold now; a plugin asks just before its first compilation."""
    named = [pathlib.Path(folder) for folder in folders]
    if not named:
        return "none"
    found = (one.is_file() for place in named for one in (place, *place.rglob("*")))
    return "not empty" if any(found) else "empty"


class Compilation(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that the compiled path ran: the number of graphs, of breaks between them, of compilations after the first.

    `parts` are those of a training step that run in compiled graphs. On the path `jit` a training step is proven when
    all of it is: what is left to Python counts like a break, and so does what is not said. `reasons` say in a line each
    why there are breaks. `calls` counts the calls of compiled graphs since `build`, where that is counted. `cache` is
    what the compiler's cache on the disk held just before the first compilation (`cache_state`).

    The core adds `late`, the recompilations after warm-up, and `calls_per_step`, the calls of graphs in each call of
    the plugin after warm-up. A plugin leaves both out.
    """

    graphs: Count
    breaks: Count
    recompilations: Count
    late: Count = 0
    parts: tuple[Part, ...] = ()
    reasons: tuple[str, ...] = ()
    calls: Count | None = None
    calls_per_step: float | None = None
    cache: CacheState = ""


@runtime_checkable
class ModelPlugin(Protocol):
    """One architecture on one framework. All of it: a class with these three methods is a whole plugin."""

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make the model and its optimizer from the request alone; same request, same model.

        Raises Unsupported where the Spec asks for what this framework or machine does not have.
        """
        ...

    def train_step(self, batch: Batch) -> Any:
        """Update the model on one batch and return its mean loss: anything that `float()` accepts.

        For `adversarial` two of them in one array, generator and discriminator. Several batches and losses where the
        Spec has several steps per call, as this module says. Reading the loss waits until the update is done (or the
        plugin has `sync`).
        """
        ...

    def predict(self, inputs: Any) -> Any:
        """Return the outputs for the inputs: anything that `numpy.asarray()` accepts. Changes no state."""
        ...


@runtime_checkable
class Stages(Protocol):
    """Can put a batch where a step needs it; called outside the clock, and not at all where the data is on the host.

    A plugin on another device than the CPU must have it, or say that its data is on the host.
    """

    def stage(self, batch: Batch) -> Batch:
        """Return the batch as the framework's own arrays on the device."""
        ...


@runtime_checkable
class Synchronizes(Protocol):
    """Can wait for all device work, where reading the loss is not enough."""

    def sync(self) -> None:
        """Return when everything that was asked of the device is done."""
        ...


@runtime_checkable
class ReportsDeviceMemory(Protocol):
    """Knows the peak of device memory since the last reset."""

    def device_memory_peak(self) -> int | None:
        """Return the peak in bytes that the allocator handed out; None on a device that does not count it."""
        ...

    def reset_device_memory_peak(self) -> None:
        """Forget the peak; nothing to do where it is not counted."""
        ...


@runtime_checkable
class ExchangesParameters(Protocol):
    """Can read and write all parameters in the core's canonical names and layout; what parity needs."""

    def export_parameters(self) -> dict[str, Array]:
        """Return a copy of every parameter, float32."""
        ...

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite every parameter."""
        ...


@runtime_checkable
class ComputesGradients(Protocol):
    """Can return the gradients of the mean loss without an update."""

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Return the gradient of every parameter by canonical name, with dropout off."""
        ...


@runtime_checkable
class ReportsCompilation(Protocol):
    """Can prove that the compiled path ran."""

    def compilation(self) -> Compilation:
        """Return the counts since `build`."""
        ...


@runtime_checkable
class MultipliesMatrices(Protocol):
    """Can show what the machine does at most, in the precision and on the device that were built."""

    def multiply(self, order: int) -> Callable[[], Any]:
        """Return a function that multiplies two square matrices of this order, which hold random numbers.

        Element `[0, 0]` of what it returns can be read by `float()`, which waits for the product.
        """
        ...


@runtime_checkable
class ListsDevices(Protocol):
    """Can name the devices that its framework sees here."""

    def devices(self) -> dict[str, str]:
        """Return device words of a Spec with a description each, such as `{"cpu": "AMD EPYC"}`."""
        ...


@runtime_checkable
class ReadsVariables(Protocol):
    """Knows the environment variables that change the speed or the results of its framework."""

    def variables(self) -> Iterable[str]:
        """Return their exact names, no patterns and no secrets; those that are set stand in every record.

        Libraries below any framework (OpenMP, BLAS, allocators, CUDA) are the core's own concern
        (`dlbench.system.variables`).
        """
        ...
