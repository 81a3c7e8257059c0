"""The three methods of a plugin, and the capabilities that it may add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dlbench.plugin.profiles import ProfileEvent
from dlbench.plugin.reports import Compilation, Description, ModelInfo, Setting
from dlbench.plugin.requests import Batch, BuildRequest, Peers
from dlbench.spec import ModelSource, PhaseName, Spec

if TYPE_CHECKING:
    from dlbench.plugin.requests import Array, Parameters


@runtime_checkable
class ModelPlugin(Protocol):
    """One architecture on one framework. All of it: a class with these three methods is a whole plugin."""

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make the model and its optimizer from the request alone; same request, same model.

        Raises Unsupported if this framework or machine cannot meet the Spec.
        """
        ...

    def train_step(self, batch: Batch) -> Any:
        """Update the model on one batch and return its mean loss: anything that `float()` accepts.

        For `adversarial` two of them in one array, generator and discriminator. Several batches and losses if the Spec
        has several steps per call (`dlbench.plugin`). Reading the loss waits until the update is done (or the plugin
        has `sync`).
        """
        ...

    def predict(self, inputs: Any) -> Any:
        """Return the outputs for the inputs: anything that `numpy.asarray()` accepts. Changes no state."""
        ...


@runtime_checkable
class LacksPhases(Protocol):
    """Has not every phase, such as a runtime that predicts with a finished model.

    The core refuses a Spec of a phase that is missing before it builds anything. Of a plugin that never trains,
    `train_step` is never called.
    """

    def missing_phases(self) -> Mapping[PhaseName, str]:
        """Return the phases that it does not have, with the reason for each."""
        ...


@runtime_checkable
class Stages(Protocol):
    """Can put a batch on the device of a step; called outside the clock, and never for data on the host.

    A plugin on another device than the CPU must have it, or say that its data is on the host.
    """

    def stage(self, batch: Batch) -> Batch:
        """Return the batch as the framework's own arrays on the device."""
        ...


@runtime_checkable
class Synchronizes(Protocol):
    """Can wait for all device work, if reading the loss is not enough."""

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
        """Forget the peak; does nothing if it is not counted."""
        ...


@runtime_checkable
class ExchangesParameters(Protocol):
    """Can read and write all parameters in the core's canonical names and layout, as parity needs.

    Canonical names are the keys of `BuildRequest.parameters` for an architecture that the core describes. For one of
    your own they are the keys that `export_parameters` returns: any names, the same in every build and in `gradients`.
    """

    def export_parameters(self) -> dict[str, Array]:
        """Return a copy of every parameter, float32.

        For an architecture that the core does not describe it includes, under names of their own, all other state that
        a training step changes, such as the running statistics of batch norm. Called after `build`; what it raises is
        told as a fault of the plugin.
        """
        ...

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite every parameter, and the given part of the state.

        Raise ValueError for parameters of other names or shapes than the model's, as
        `dlbench.plugin_kit.require_same_shapes` does.
        """
        ...


@runtime_checkable
class ComputesGradients(Protocol):
    """Can return the gradients of the mean loss without an update."""

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Return the gradient of every parameter, with dropout off, by its name in `export_parameters`."""
        ...


@runtime_checkable
class ReportsCompilation(Protocol):
    """Can prove that the compiled path ran."""

    def compilation(self) -> Compilation:
        """Return the counts since `build`."""
        ...


@runtime_checkable
class Describes(Protocol):
    """Can state facts about itself that the core would otherwise ask the user for."""

    def describe(self, spec: Spec) -> Description:
        """Return the facts for this Spec's size, options and batch size; nothing is built for good."""
        ...


@runtime_checkable
class TakesSettings(Protocol):
    """Has options that a variant of a Spec may set: `build` sets those of `request.spec.settings`.

    Options to be set before the framework is imported stand in the environment when the plugin is loaded. A setting
    that reads back as another value than the one asked for is an error of the arm.
    """

    def settings(self, spec: Spec) -> Iterable[Setting]:
        """Return the table for a Spec without a variant: its device and path, this version of the framework."""
        ...

    def read_settings(self) -> Mapping[str, str]:
        """Return the values that are in effect, by key, as the framework says or shows them.

        Asked after `build`, after the first step and after the timed ones. A value that only a step shows may be left
        out before the first.
        """
        ...


@runtime_checkable
class CountsFlops(Protocol):
    """Can count the floating-point operations of its own model."""

    def flops(self, batch: Batch) -> float | None:
        """Return the FLOPs of the forward pass of one batch; None if the framework cannot count them."""
        ...


@runtime_checkable
class Profiles(Protocol):
    """Can say where the time of a step goes, with the profiler of its framework."""

    def profile(self, step: Callable[[], None]) -> Iterable[ProfileEvent]:
        """Call `step` once under the profiler, in a span named `dlbench.plugin.STEP`, and return all events.

        The call takes one step or several, and returns when the device has done them. A name that the package's table
        of categories lacks is `unattributed`; no event is left out but those that last no time. Raises Unsupported if
        the profiler cannot be had, because another tool holds it, say.
        """
        ...


@runtime_checkable
class Instruments(Protocol):
    """Can build its model so that a profile of it shows more, such as the kernels of a compiler's code."""

    def instrument(self) -> None:
        """Change the framework so; called before `build`, in a process that nothing but a profile is read from."""
        ...


class Adapts(Protocol):
    """An entry point of the group `dlbench.adaptors`: makes a plugin of a model of the user's own.

    Its name is the framework (`torch`), a loader (`timm`), or the package that the classes of its models come from
    (`keras`).
    """

    def __call__(self, source: ModelSource) -> ModelPlugin:
        """Return the plugin. Raises SpecError if it cannot be imported or is no model."""
        ...


@runtime_checkable
class TrainsInParallel(Protocol):
    """Can train as one of several workers, a process each, that average their gradients in every step.

    The Spec of a worker is that of one alone, and its batches are its own: they have its share of the samples. Nothing
    but a training step takes part in an exchange, so that a worker may predict or export by itself. `build` and
    `train_step` of a plugin that was not told to join are those of one worker.
    """

    def join(self, spec: Spec, peers: Peers) -> None:
        """Join the other workers, before `build`; return when all are there.

        Everything that listens does so on the loopback interface. Raises Unsupported.
        """
        ...

    def weights(self) -> Mapping[str, Array]:
        """Return the trained parameters by name, which are equal on all workers after every step."""
        ...

    def leave(self) -> None:
        """Wait for the other workers, and end the group: one that ends it early makes the others fail."""
        ...


@runtime_checkable
class TrainsOnDevices(TrainsInParallel, Protocol):
    """Can also hold all workers in one process, each on a device of its own, if a setting of its table says so.

    `join` then gets the Spec of the process: its batch is that of all workers, in their order and in equal parts, and
    so are those of `build`, `stage` and `train_step`, whose loss is the mean of all workers. There are no addresses.
    Each worker has the Spec's threads.
    """

    def weights_of_devices(self) -> Iterable[tuple[str, Mapping[str, Array]]]:
        """Return for each worker its device, in the words of a Spec, and its trained parameters by name."""
        ...


@runtime_checkable
class MultipliesMatrices(Protocol):
    """Can show the machine's peak rate in the precision and on the device of the build."""

    def multiply(self, order: int) -> Callable[[], Any]:
        """Return a function that multiplies two square matrices of this order, which hold random numbers.

        Element `[0, 0]` of its result can be read by `float()`, which waits for the product.
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
