"""A task of arrays: samples with their targets, some held out, and the signature that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dlbench.errors import SpecError
from dlbench.plugin import Batch, Signature
from dlbench.spec import InputSpec
from dlbench.spec.ranges import MOST
from dlbench.spec.source import text, with_batch_size
from dlbench.tasks.data_files import checksum
from dlbench.tasks.evaluation import Places, mean_score, score_of
from dlbench.tasks.signatures import INTEGERS, loss_of, places_of, signature_of
from dlbench.tasks.targets import Target, metric_of, random_stream, stated_target
from dlbench.tasks.task import Predict, Task, TaskRequest

Array = npt.NDArray[Any]
Inputs = Array | Sequence[Array] | Mapping[str, Array]
"""One array of samples, several by place, or several by the keyword of the model's call."""
DEFAULT = Target(target=0.9, learning_rate=1e-3, budget_steps=1000, evaluate_every=50)
HELD_OUT = 10
"""Number of parts; the last is held out by default."""


class Samples(NamedTuple):
    """Arrays (n, ...) of inputs by name, or by `0`, `1`, ... if they go by place, and of targets."""

    inputs: Mapping[str, Array]
    targets: Array

    def at(self, places: Places) -> Batch:
        """The batch of the samples at these places."""
        inputs = tuple(array[places] for array in self.inputs.values())
        return Batch(inputs[0] if len(inputs) == 1 else inputs, self.targets[places])


def from_arrays(
    request: TaskRequest,
    inputs: Inputs,
    targets: Array,
    *,
    name: str,
    held_out: tuple[Inputs, Array] | None = None,
    goal: Target | None = None,
) -> Task:
    """A task of samples (n, ...) and their targets: integers from 0 are classes, numbers are to be predicted.

    Quality is the accuracy or the mean squared error on the samples that are `held_out`, by default the last tenth.
    Raises SpecError for arrays that differ in length, hold no numbers or NaN, or do not fit the request.
    """
    train = _samples(inputs, targets, name)
    train, test = _split(train, name) if held_out is None else (train, _samples(*held_out, f"{name} (held out)"))
    train, test = (one._replace(targets=_shaped(_labels(one.targets, request), request)) for one in (train, test))
    request, labels = _measured(request, train, test, name)
    train, test = (_cast(samples, request, labels) for samples in (train, test))
    signature = signature_of(request, labels)
    metric = metric_of(signature)
    goal = stated_target(request.target, metric, goal or DEFAULT)
    everything = (*train.inputs.values(), train.targets, *test.inputs.values(), test.targets)
    return Task(
        goal.info(
            name, f"{name}: {len(train.targets)} samples, {len(test.targets)} held out", checksum(everything), metric
        ),
        signature,
        goal.optimizer,
        goal.evaluate_every,
        _drawing(train, request.batch_size),
        lambda predict: _quality(predict, test, signature),
    )


def _samples(inputs: Inputs, targets: Array, what: str) -> Samples:
    """Checked arrays of numbers, all of one length."""
    several = inputs if isinstance(inputs, Mapping | list | tuple) else [inputs]
    named = several if isinstance(several, Mapping) else {str(place): one for place, one in enumerate(several)}
    found = Samples(
        {key: numbers(one, what, _key(key, named)) for key, one in named.items()}, numbers(targets, what, "targets")
    )
    if not found.inputs:
        raise SpecError(f"{what}: there are no inputs; give one array or several")
    for key, array in found.inputs.items():
        if len(array) != len(found.targets):
            raise SpecError(
                f"{what}: {_key(key, named)} has {len(array)} samples and targets {len(found.targets)}; "
                "give every sample its target"
            )
    return found


def numbers(array: Any, what: str, key: str) -> Array:
    """The array as float32, or as integers or booleans as they are. Raises SpecError for anything else, NaN or none."""
    found = np.asarray(array)
    if found.dtype.kind not in "fiub":
        raise SpecError(f"{what}: {key} is of type {found.dtype}; give floating point, integers or booleans")
    if found.ndim == 0 or found.size == 0:
        raise SpecError(f"{what}: {key} has the shape {found.shape}, no samples; the first axis counts them")
    if found.dtype.kind != "f":
        return found
    with np.errstate(over="ignore"):
        found = found.astype(np.float32)
    if not np.isfinite(found).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(found))[0]))
        raise SpecError(f"{what}: {key}{list(place)} is {found[place]}; leave such samples out, or fill them")
    return found


def _key(key: str, named: Mapping[str, Any]) -> str:
    return "inputs" if len(named) == 1 and key == "0" else f"inputs_{key}"


def _split(samples: Samples, what: str) -> tuple[Samples, Samples]:
    count = len(samples.targets)
    if count < 2:
        raise SpecError(f"{what}: {count} sample is too few to hold one out; give two or more")
    first = count - max(1, count // HELD_OUT)
    parts = (slice(None, first), slice(first, None))
    train, test = (
        Samples({key: one[part] for key, one in samples.inputs.items()}, samples.targets[part]) for part in parts
    )
    return train, test


def _measured(request: TaskRequest, train: Samples, test: Samples, what: str) -> tuple[TaskRequest, InputSpec]:
    """The request with the inputs as they are, and the targets. Raises SpecError if they are not as stated."""
    if list(train.inputs) != list(test.inputs):
        raise SpecError(f"{what}: training has the inputs {', '.join(train.inputs)}, testing {', '.join(test.inputs)}")
    size = request.batch_size
    stated = _by_key(request.inputs, train, what)
    inputs = tuple(
        _spec((one, test.inputs[key]), stated.get(key), f"{what}: {_key(key, train.inputs)}", size)
        for key, one in train.inputs.items()
    )
    names = {key: "" if key.isdecimal() else key for key in train.inputs}
    inputs = tuple(
        InputSpec(one.shape, one.dtype, one.below, names[key] or one.name)
        for key, one in zip(names, inputs, strict=True)
    )
    targets = _spec((train.targets, test.targets), request.targets, f"{what}: targets", size)
    return replace(request, inputs=inputs), targets


def _by_key(stated: tuple[InputSpec, ...], train: Samples, what: str) -> dict[str, InputSpec]:
    """Statements on each input: by name if both have names, or else by place."""
    if stated and len(stated) != len(train.inputs):
        raise SpecError(
            f"{what}: there are {len(train.inputs)} inputs, {', '.join(train.inputs)}; the model takes "
            f"{len(stated)}: {', '.join(map(text, stated))}"
        )
    names = {one.name: one for one in stated if one.name}
    if set(names) == set(train.inputs):
        return names
    return dict(zip(train.inputs, stated, strict=False))


def _spec(arrays: tuple[Array, Array], stated: InputSpec | None, what: str, batch_size: int) -> InputSpec:
    """Form of the arrays of training and testing. Raises SpecError if they differ, or are not as stated."""
    train, test = arrays
    if train.shape[1:] != test.shape[1:] or train.dtype.kind != test.dtype.kind:
        raise SpecError(f"{what} of training are {_said(train)}, of testing {_said(test)}; make them alike")
    dtype = _dtype(train, stated)
    below = None
    if dtype in INTEGERS:
        least, most = (int(found) for found in (min(map(np.min, arrays)), max(map(np.max, arrays))))
        if most >= MOST:
            raise SpecError(
                f"{what} hold {most}; integers must be less than {MOST}, for a model counts up to the largest"
            )
        below = (stated.below if stated else None) or most + 1
        if least < 0 or most >= below:
            wanted = f"less than {below}" if least >= 0 else "0 or more"
            raise SpecError(f"{what} hold {most if least >= 0 else least}; integers must be {wanted}")
    found = with_batch_size(InputSpec((1, *train.shape[1:]), dtype, below, stated.name if stated else ""), batch_size)
    if stated and (stated.shape[1:], stated.dtype) != (found.shape[1:], found.dtype):
        raise SpecError(f"{what} are {_said(train)}; the model takes {text(stated)}, the batch first")
    return found


def _dtype(array: Array, stated: InputSpec | None) -> str:
    """The type in which a model gets them: integers as it takes them, or in one that holds them."""
    if array.dtype.kind in "iu":
        if stated is not None and stated.dtype in (*INTEGERS, "float32"):
            return stated.dtype
        held = "int32" if array.dtype.itemsize < 4 else "int64"
        return array.dtype.name if array.dtype.name in INTEGERS else held
    return "bool" if array.dtype.kind == "b" else "float32"


def _labels(targets: Array, request: TaskRequest) -> Array:
    """Targets as numbers if the loss takes numbers, and short integers or booleans as classes."""
    if request.loss == "mse":
        return targets.astype(np.float32)
    short = targets.dtype.kind == "b" or (targets.dtype.kind in "iu" and targets.dtype.itemsize < 4)
    return targets.astype(np.int32) if short else targets


def _shaped(targets: Array, request: TaskRequest) -> Array:
    """Targets (n, 1) as (n), or the other way round, if they fit the model's outputs but for that."""
    if request.outputs is None:
        return targets
    wanted = places_of(request.loss or loss_of(targets.dtype.name), request.outputs)
    if wanted is not None and targets.shape[1:] in ((*wanted, 1), wanted[:-1] if wanted[-1:] == (1,) else wanted):
        return targets.reshape(len(targets), *wanted)
    return targets


def _said(array: Array) -> str:
    return f"{'x'.join(map(str, array.shape))}:{array.dtype}"


def _cast(samples: Samples, request: TaskRequest, targets: InputSpec) -> Samples:
    """The arrays in the types of the signature."""
    arrays = zip(samples.inputs.items(), request.inputs, strict=True)
    inputs = {key: one.astype(spec.dtype, copy=False) for (key, one), spec in arrays}
    return Samples(inputs, samples.targets.astype(targets.dtype, copy=False))


def _drawing(train: Samples, batch_size: int) -> Callable[[int, int], Batch]:
    """Random training samples."""
    return lambda seed, step: train.at(random_stream(seed, step).integers(0, len(train.targets), batch_size))


def _quality(predict: Predict, test: Samples, signature: Signature) -> float:
    """The last batch is filled up and the filling not counted."""
    count, size = len(test.targets), signature.targets.shape[0]

    def batches() -> Iterator[Batch]:
        yield from (test.at(np.arange(at, at + size) % count) for at in range(0, count, size))

    return mean_score(predict, batches(), count, score_of(signature))
