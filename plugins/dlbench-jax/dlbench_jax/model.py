"""One class for every model: the contract's three methods and its capabilities, around a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from dlbench import plugin
from dlbench.plugin import PARTS, Array, Batch, BuildRequest, Compilation, Description, ModelInfo, Parameters, Spec
from dlbench.plugin_kit import compilation_of, in_precision, model_info, require_same_shapes, versions_of
from dlbench_jax import machine, program, training
from dlbench_jax.network import Network, shapes
from dlbench_jax.program import Program
from dlbench_jax.settings import in_effect, table, variables

if TYPE_CHECKING:
    from dlbench_jax.parallel import Group


class JaxModel:
    """A ModelPlugin; parameters, state, moments and count are one carry, which each step takes and gives again."""

    def __init__(
        self, make_network: Callable[[BuildRequest], Network], described: Callable[[Spec], Description]
    ) -> None:
        self._make_network, self.describe = make_network, described
        self._group: Group | None = None

    def join(self, spec: Spec, peers: plugin.Peers) -> None:
        """Join the processes of all workers."""
        from dlbench_jax.parallel import Group  # loaded with what one worker has no use of

        self._group = Group(in_precision(spec), peers)

    def weights(self) -> dict[str, Array]:
        """Trained parameters."""
        return {name: np.array(one) for name, one in machine.own(self._carry[0]).items()}

    def leave(self) -> None:
        """Wait for the other workers, and end the system."""
        assert self._group is not None
        self._group.leave()

    def build(self, request: BuildRequest) -> ModelInfo:
        """Put the arrays on the device and the functions on the Spec's path; they are traced when first called."""
        spec = in_precision(request.spec)
        request = replace(request, spec=spec)
        self._device, self._spec = machine.prepare(spec), spec
        if "matmul" in spec.settings:
            jax.config.update("jax_default_matmul_precision", spec.settings["matmul"])
        network = self._network = self._make_network(request)
        self._differentiate = training.differentiation(request.signature.loss, spec.precision, spec.path)
        self._optimizer = training.optimizer(request.optimizer, dict(network.parameters))
        self._drops = jax.random.key(spec.seed)
        count = 0 if spec.path == "eager" else self._put(np.int32(0))
        start = dict(network.parameters), dict(network.state), self._optimizer.moments
        self._carry: Any = (*self._put(start), count)
        donated = () if spec.settings.get("donation") == "off" else (0,)
        step = self._update if spec.steps_per_call == 1 else self._repeat
        bodies: Any = (step, PARTS, donated), (self._predict, PARTS[:1], ()), (self._slopes, (), ())
        self._programs = [Program(*body) for body in bodies] if spec.path == "jit" else []
        self._train, self._outputs, self._gradients = self._programs or [body for body, *_ in bodies]
        return self._info(request)

    def train_step(self, batch: Batch) -> Any:
        """Update and return the loss or losses before each update; data on the host is copied first."""
        self._carry, losses = self._train(self._carry, tuple(self._taken(batch)))
        return losses

    def predict(self, inputs: Any) -> Any:
        """The outputs, with dropout off."""
        return self._outputs(machine.own(self._carry[0]), machine.own(self._carry[1]), machine.own(self._taken(inputs)))

    def sync(self) -> None:
        """Wait for the last update: op by op, the loss is there before it."""
        jax.block_until_ready(self._carry)

    def stage(self, batch: Batch) -> Batch:
        """The batch as arrays on the device."""
        return Batch(*jax.block_until_ready(self._placed(tuple(batch))))

    def export_parameters(self) -> dict[str, Array]:
        """Copies, by canonical name; then the rest of the state that is numbers."""
        held = machine.own({**self._carry[1], **self._carry[0]})
        return {name: np.array(one) for name, one in held.items() if one.dtype == np.float32}

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite; the optimizer's moments and its count of steps stay."""
        values, state, *rest = self._carry
        require_same_shapes(parameters, *({name: one.shape for name, one in own.items()} for own in (values, state)))
        given = {name: np.asarray(one, np.float32) for name, one in parameters.items()}
        kept = {name: given[name] for name in state if name in given}
        self._carry = (self._put({name: given[name] for name in values}), {**state, **self._put(kept)}, *rest)

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Gradients of the mean loss, dropout off, on the Spec's path."""
        found = self._gradients(self._carry[0], self._carry[1], tuple(batch))
        return {name: np.array(one) for name, one in found.items()}

    def compilation(self) -> Compilation:
        """Programs called so far; each is one of XLA, and places in it that call Python are breaks."""
        return compilation_of(self._programs, program.BREAK)

    def flops(self, batch: Batch) -> float | None:
        """FLOPs of the products of a forward pass; None for a loop whose length JAX does not know."""
        return program.flops(self._traced(machine.own(batch.inputs)))

    def multiply(self, order: int) -> Callable[[], Any]:
        """Product of two random square matrices, op by op, in the type of the Spec's products."""
        kind = jnp.bfloat16 if self._spec.precision == "bf16" else np.float32
        left, right = (jax.random.uniform(jax.random.key(side), (order, order), kind) for side in range(2))
        return lambda: left @ right

    def profile(self, step: Callable[[], None]) -> list[plugin.ProfileEvent]:
        """Events of JAX's own profiler."""
        from dlbench_jax import profiling  # loaded with the profiler, which no timed step has any use of

        return profiling.events(step, [one.text for one in self._programs if one.calls], self._carry[0])

    settings = staticmethod(table)
    variables = staticmethod(variables)
    devices = staticmethod(machine.devices)

    def read_settings(self) -> dict[str, str]:
        """Values in effect; the donation of the state shows in the compiled step."""
        steps = [one.donates for one in self._programs[:1] if one.calls]
        return in_effect(self._precision(), steps[0] if steps else None)

    def device_memory_peak(self) -> int | None:
        """Peak bytes of the allocator since the process started, as XLA cannot forget it; None on a CPU."""
        found = self._device.memory_stats()
        return int(found["peak_bytes_in_use"]) if found else None

    def reset_device_memory_peak(self) -> None:
        """Nothing: XLA's allocator has no reset, and the peak of a phase holds those before it."""

    def _put(self, arrays: Any) -> Any:
        """Arrays of which every worker holds all."""
        if self._group is not None:
            return self._group.replicated(arrays)
        return jax.device_put(arrays, self._device, may_alias=False)

    def _placed(self, arrays: Any) -> Any:
        """Arrays of batches, with this worker's samples in its place."""
        if self._group is not None:
            return self._group.sharded(arrays, axis=int(self._spec.steps_per_call > 1))
        return self._put(arrays)

    def _taken(self, arrays: Any) -> Any:
        return self._placed(arrays) if self._spec.data == "host" else arrays

    def _update(self, carry: Any, batch: Any) -> tuple[Any, Any]:
        values, state, moments, count = carry
        count = count + 1
        key = jax.random.fold_in(self._drops, count)
        losses, gradients, state = self._differentiate(self._network.forward, values, state, batch, key)
        values, moments = self._optimizer.update(gradients, values, moments, count)
        return (values, state, moments, count), losses

    def _repeat(self, carry: Any, batches: Any) -> tuple[Any, Any]:
        """Several updates in one call, their losses stacked; in a program a loop, which compiles as fast as one."""
        if self._spec.path == "jit":
            return jax.lax.scan(self._update, carry, batches)
        losses = []
        for at in range(self._spec.steps_per_call):
            carry, loss = self._update(carry, jax.tree.map(lambda array, at=at: array[at], batches))
            losses.append(loss)
        return carry, jnp.stack(losses)

    def _predict(self, values: Any, state: Any, inputs: Any) -> Any:
        return self._network.forward(values, state, inputs, None)[0]

    def _slopes(self, values: Any, state: Any, batch: Any) -> Any:
        return self._differentiate(self._network.forward, values, state, batch, None)[1]

    def _traced(self, inputs: Any) -> Any:
        return jax.jit(self._predict).trace(self._carry[0], self._carry[1], inputs)

    def _precision(self) -> str:
        gpu = self._device.platform != "cpu"
        return "/".join(sorted(program.operands(self._read, gpu=gpu))) or self._spec.precision

    def _info(self, request: BuildRequest) -> ModelInfo:
        """The model as it lives on the device."""
        spec, signature, values = self._spec, request.signature, self._carry[0]
        self._read = self._traced(shapes([signature.inputs, *signature.further])).jaxpr.jaxpr
        if spec.path == "eager":
            program.require_eager(self._read, spec.plugin)
        places = dict.fromkeys(
            machine.word_of(place) for one in machine.own(values).values() for place in one.devices()
        )
        workers = {"workers": self._group.words} if self._group is not None else {}
        return model_info(
            spec,
            device="/".join(places),
            devices=machine.devices(),
            compiler="xla",
            parameter_count=sum(one.size for one in values.values()),
            precision=self._precision(),
            threads=machine.threads(),
            versions=versions_of("jax", "jaxlib", *self._network.packages, "dlbench-jax"),
            details={"optimizer": self._optimizer.name, **self._details(), **workers},
        )

    def _details(self) -> dict[str, str]:
        product = jnp.float32(1e-20) * jnp.float32(1e-20)
        return {
            "BLAS": "of XLA" if self._device.platform == "cpu" else "cuBLAS",
            "denormals": "flushed to zero" if float(product) == 0.0 else "kept",
            "random numbers": str(jax.config.values["jax_default_prng_impl"]),
        }
