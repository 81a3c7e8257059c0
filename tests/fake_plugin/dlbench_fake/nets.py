"""A framework in NumPy with an adaptor: models of one's own need no package here either.

A model is a sum of linear maps of its inputs and a bias. `DLBENCH_FAKE_JIT` lets it compile, as `dlbench_fake.linear`
says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dlbench import plugin_kit
from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import SGD, Adam, Batch, BuildRequest, Compilation, Description, ModelInfo
from dlbench.spec import InputSpec, ModelSource, Spec
from dlbench_fake.linear import JIT_VARIABLE, LinearPlugin, _changes, _moments

if TYPE_CHECKING:
    from dlbench.plugin import Array

    Arrays = dict[str, Array]

_seed = np.random.default_rng(0)


class Net:
    """`outputs = inputs_0 kernel_0 + inputs_1 kernel_1 + ... + bias`; `widths` are numbers a sample."""

    def __init__(self, *widths: int, outputs: int = 3) -> None:
        self.parameters: Arrays = {
            f"kernel_{place}": 0.1 * _seed.standard_normal((width, outputs), np.float32)
            for place, width in enumerate(widths)
        }
        self.parameters["bias"] = np.zeros(outputs, np.float32)

    def __call__(self, *inputs: Array) -> Any:
        """The outputs (batch, outputs). Raises ValueError for inputs that do not fit."""
        sums = [flat(one) @ self.parameters[f"kernel_{place}"] for place, one in enumerate(inputs)]
        return np.sum(sums, axis=0, dtype=np.float32) + self.parameters["bias"]


class Forgetful(Net):
    """A model that ignores the seed."""

    def __init__(self, *widths: int, outputs: int = 3) -> None:
        super().__init__(*widths, outputs=outputs)
        fresh = np.random.default_rng()
        self.parameters |= {
            name: fresh.standard_normal(value.shape, np.float32) for name, value in self.parameters.items()
        }


class Adapted(LinearPlugin):
    """The plugin of a model."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source

    def describe(self, spec: Spec) -> Description:
        """Inputs as stated or from `example_inputs()`, outputs by calling the model on them."""
        model = self._make(spec)
        inputs = self._source.inputs or _examples(model)
        if not inputs:
            raise SpecError(f"{self._source.reference}: its inputs are not known; give --input SHAPE[:DTYPE][<BELOW]")
        zeros = [np.zeros((spec.batch_size, *one.shape[1:]), one.dtype) for one in inputs]
        found = plugin_kit.pick_output(self._call(model, zeros), self._source.output)
        name = plugin_kit.output_name(self._call(model, zeros), self._source.output)
        made = plugin_kit.load_reference(self._source.reference)
        return Description(
            framework="fake",
            options=(plugin_kit.keywords(made) or {}) if plugin_kit.is_factory(made) else {},
            inputs=inputs,
            outputs=InputSpec(found.shape),
            paths=("eager", "jit"),
            inferred=(f"output {name} is what the loss reads",) if name and not self._source.output else (),
        )

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make the model from the seed."""
        spec = request.spec
        if spec.device not in ("cpu", "auto") or spec.precision != "fp32":
            raise Unsupported(f"NumPy computes in fp32 on the cpu here, not in {spec.precision} on {spec.device}")
        if spec.path != "eager" and not (spec.path == "jit" and JIT_VARIABLE in os.environ):
            raise Unsupported(f"path {spec.path}: NumPy has eager only")
        self._set(request)
        self._model, self._loss = self._make(spec), _loss(request.signature.loss)
        self._parameters = self._model.parameters
        self._optimizer, self._step, self._path = request.optimizer, 0, spec.path
        self._several = spec.steps_per_call > 1
        self._moments = [{name: np.zeros_like(value) for name, value in self._parameters.items()} for _ in range(2)]
        return ModelInfo(
            parameter_count=sum(value.size for value in self._parameters.values()),
            device="cpu",
            precision="fp32",
            path=spec.path,
            compiler="fake" if spec.path == "jit" else None,
            steps_per_call=spec.steps_per_call,
            data=spec.data,
            device_name="NumPy",
            versions={"numpy": np.__version__},
        )

    def predict(self, inputs: Any) -> Array:
        """The outputs that the loss reads."""
        outputs = self._call(self._model, inputs if isinstance(inputs, tuple) else (inputs,))
        return np.asarray(plugin_kit.pick_output(outputs, self._source.output))

    def train_step(self, batch: Batch) -> float | Array:
        """One step, or one for each batch along the first axis."""
        if not self._several:
            return self._train(batch)
        count = len(batch.targets)
        inputs = [
            tuple(one[step] for one in batch.inputs) if isinstance(batch.inputs, tuple) else batch.inputs[step]
            for step in range(count)
        ]
        return np.array([self._train(Batch(inputs[step], batch.targets[step])) for step in range(count)])

    def stage(self, batch: Batch) -> Batch:
        """As it is."""
        return batch

    def flops(self, batch: Batch) -> float:
        """FLOPs of the products."""
        rows = len(batch.targets)
        return float(sum(2 * rows * value.size for name, value in self._parameters.items() if name != "bias"))

    def import_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Overwrite; the optimizer's moments stay."""
        for name in self._parameters:
            self._parameters[name] = np.array(parameters[name], np.float32)

    def compilation(self) -> Compilation:
        """As of the package's own plugin."""
        return super().compilation()

    def _train(self, batch: Batch) -> float:
        loss, gradients = self._differentiate(batch)
        self._step += 1
        if isinstance(self._optimizer, SGD):
            changes = {name: self._optimizer.learning_rate * value for name, value in gradients.items()}
        elif isinstance(self._optimizer, Adam):
            self._moments = _moments(self._moments, gradients, self._optimizer)
            changes = _changes(self._moments, self._step, self._optimizer)
        else:
            raise Unsupported(f"optimizer {self._optimizer}: NumPy has adam and sgd")
        for name, change in changes.items():
            self._parameters[name] = np.asarray(self._parameters[name] - change, np.float32)
        return loss

    def _differentiate(self, batch: Batch) -> tuple[float, Arrays]:
        inputs = batch.inputs if isinstance(batch.inputs, tuple) else (batch.inputs,)
        loss, upstream = self._loss(self.predict(batch.inputs), batch.targets)
        kernels = {f"kernel_{place}": flat(one).T @ upstream for place, one in enumerate(inputs)}
        return loss, kernels | {"bias": upstream.sum(axis=0)}

    def _make(self, spec: Spec) -> Net:
        global _seed  # noqa: PLW0603 (a framework's own generator is a global)
        _seed = np.random.default_rng(spec.seed)
        found = plugin_kit.make(self._source.reference, dict(spec.options))
        if not isinstance(found, Net):
            raise SpecError(
                f"{self._source.reference} is of type {type(found).__name__}; name a model of dlbench_fake.nets"
            )
        return found

    def _call(self, model: Net, inputs: Any) -> Any:
        with plugin_kit.users_errors(self._source.reference):
            return model(*inputs)


def flat(values: Array) -> Array:
    """A row of float32 for each sample."""
    return np.asarray(values, np.float32).reshape(len(values), -1)


def _examples(model: Net) -> tuple[InputSpec, ...]:
    examples = getattr(model, "example_inputs", tuple)()
    return tuple(InputSpec(one.shape, one.dtype.name) for one in examples)


def _loss(name: str) -> Callable[[Array, Array], tuple[float, Array]]:
    """A mean loss with its gradient by the outputs; a user's own loss is differentiated by differences."""
    if name == "mse":
        return lambda outputs, targets: (
            float(np.mean((outputs - targets) ** 2)),
            (outputs - targets) * np.float32(2 / outputs.size),
        )
    if name == "cross_entropy":
        return _cross_entropy
    own = plugin_kit.load_reference(name)

    def differences(outputs: Array, targets: Array) -> tuple[float, Array]:
        with plugin_kit.users_errors(name):
            found = np.asarray(own(outputs, targets))
        if found.ndim:
            raise SpecError(f"loss {name} returned shape {found.shape}; it must return one number, the mean")
        moved = np.zeros_like(outputs)
        for place in np.ndindex(outputs.shape):
            step = np.zeros_like(outputs)
            step[place] = 1e-3
            moved[place] = (own(outputs + step, targets) - own(outputs - step, targets)) / 2e-3
        return float(found), moved

    return differences


def _cross_entropy(outputs: Array, targets: Array) -> tuple[float, Array]:
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
    rows = np.arange(len(targets))
    loss = -np.log(shares[rows, targets]).mean()
    shares[rows, targets] -= 1
    return float(loss), np.asarray(shares / len(targets), np.float32)


class Net8(Net):
    """A model of eight numbers a sample."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__(8, outputs=outputs)
