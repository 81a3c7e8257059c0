"""Description of a module that nobody described: found out by building it and calling it once on a small batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec, Description, InputSpec, OwnOptimizer, Spec
from dlbench.plugin_kit import keywords, output_name, users_errors
from dlbench_torch import objective, optimizers, trial
from dlbench_torch.network import Network
from dlbench_torch.recipe import Recipe, wants_request
from dlbench_torch.requirements import as_written


def describe(recipe: Recipe, spec: Spec) -> Description:
    """The stated facts, and those that a call shows if the inputs are known.

    Raises SpecError for inputs that do not fit, for a loss that is no number, and for a module that takes its random
    numbers from elsewhere than the seed; UnknownName for options.
    """
    if wants_request(recipe.make):
        own = {name: text for name, text in (keywords(recipe.make) or {}).items() if name != "request"}
        return recipe.description(framework="torch", options=own)
    module = _seeded(recipe, spec)
    inputs, inferred = _inputs(recipe, spec, module)
    found: dict[str, Any] = {"framework": "torch", "architecture": recipe.label, "inputs": inputs}
    if inputs:
        with ExitStack() as stack:
            stack.enter_context(as_written())
            found |= _called(recipe, module, inputs, inferred, stack)
        _require_optimizer(spec, module)
    return recipe.description(**found, inferred=tuple(inferred))


def _seeded(recipe: Recipe, spec: Spec) -> nn.Module:
    """The module, made twice; the first is gone before the second is made, since two may not fit into memory."""
    first = _digest(recipe.module(spec).state_dict().values())
    module = recipe.module(spec)
    if _digest(module.state_dict().values()) != first:
        raise SpecError(
            f"{recipe.label} ignores the seed: two modules made with seed {spec.seed} differ in initial values; it "
            "must draw them from the generators of PyTorch, NumPy or Python that dlbench seeds, not from one of its own"
        )
    return module


def _digest(values: Iterable[Any]) -> str:
    """Digest of all tensors that have values."""
    found = hashlib.sha256()
    for value in values:
        if isinstance(value, Tensor) and not nn.parameter.is_lazy(value):
            found.update(value.detach().float().contiguous().numpy(force=True).tobytes())
    return found.hexdigest()


def _inputs(recipe: Recipe, spec: Spec, module: nn.Module) -> tuple[tuple[InputSpec, ...], list[str]]:
    """Stated inputs, or an example's, with the batch size of the Spec; and the inferred facts."""
    if recipe.inputs:
        return recipe.inputs_of(spec), []
    example = recipe.example or getattr(module, "example_inputs", None)
    if not callable(example):
        return (), []
    with users_errors(f"example_inputs() of {recipe.label}"):
        specs = tuple(_of_example(name, one) for name, one in _named(example()))
    said = ", ".join(f"{one.dtype} {one.shape}" for one in specs)
    return specs, [f"inputs {said}, from example_inputs()"]


def _named(given: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(given, dict):
        return list(given.items())
    return [("", one) for one in (given if isinstance(given, tuple | list) else (given,))]


def _of_example(name: str, value: Any) -> InputSpec:
    """Shape, dtype and range of an example; of integers the largest is taken for the largest that there is."""
    tensor = torch.as_tensor(value)
    kind = str(tensor.dtype).removeprefix("torch.")
    below = int(tensor.max()) + 1 if kind in trial.INTEGERS else None
    return InputSpec(tuple(tensor.shape), "float32" if tensor.is_floating_point() else kind, below, name)


def _called(
    recipe: Recipe, module: nn.Module, inputs: tuple[InputSpec, ...], inferred: list[str], stack: ExitStack
) -> dict[str, Any]:
    """Outputs, targets and loss, by a call on a few samples."""
    names = tuple(one.name for one in inputs) if all(one.name for one in inputs) else ()
    network = Network(module, recipe.call, names, None)
    batch_size = inputs[0].shape[0]
    few, outputs = trial.call(network, inputs, recipe.label, stack)
    chosen = output_name(outputs, recipe.output)
    if chosen and not recipe.output:
        inferred.append(f"output {chosen}, of those that the model returns; --output names another")
    network = Network(module, recipe.call, names, chosen)
    before = {name: _digest([buffer]) for name, buffer in _buffers(module)}
    with torch.no_grad():
        output = network(*few)
    if changed := [name for name, buffer in _buffers(module) if _digest([buffer]) != before.get(name)]:
        inferred.append(f"buffers {', '.join(changed)} change in prediction: outputs may depend on the calls before")
    shape = _batched(recipe.label, output, len(few[0]), batch_size)
    found: dict[str, Any] = {"outputs": ArraySpec(shape, "float32")}
    if recipe.targets is None and ":" in (own := recipe.description().loss):
        return {**found, "loss": own}  # its targets are known to the user alone
    targets, loss = _targets(recipe, shape, inputs, chosen, inferred)
    _require_number(network, loss, few, trial.drawn(targets, len(few[0])))
    return {**found, "targets": targets, "loss": loss}


def _buffers(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Buffers that hold values, rather than shapes alone."""
    return [(name, one) for name, one in module.named_buffers() if not isinstance(one, FakeTensor)]


def _require_optimizer(spec: Spec, module: nn.Module) -> None:
    """Raise SpecError if the user's own optimizer is none."""
    trained = [one for one in module.parameters() if one.requires_grad]
    if trained and spec.model is not None and ".py:" in spec.model.optimizer:
        optimizers.of_torch(OwnOptimizer(function=spec.model.optimizer), trained)


def _batched(name: str, output: Any, few: int, batch_size: int) -> tuple[int, ...]:
    """Shape of the outputs for the whole batch. Raises SpecError for outputs that no loss can read."""
    if not isinstance(output, Tensor) or not output.is_floating_point():
        kind = str(output.dtype) if isinstance(output, Tensor) else type(output).__name__
        raise SpecError(f"{name} gives {kind}; a loss reads floating-point numbers: --output names another output")
    if not output.dim() or output.shape[0] != few:
        raise SpecError(
            f"{name} gave outputs {tuple(output.shape)} for {few} samples; its first axis must be the batch"
        )
    return (batch_size, *output.shape[1:])


def _targets(
    recipe: Recipe, outputs: tuple[int, ...], inputs: tuple[InputSpec, ...], chosen: str, inferred: list[str]
) -> tuple[InputSpec, str]:
    """Targets of the loss, and the loss: as stated, or by the form of the outputs."""
    stated = recipe.description().loss
    if recipe.targets is not None:
        targets = InputSpec((outputs[0], *recipe.targets.shape[1:]), recipe.targets.dtype, recipe.targets.below)
        loss = stated or ("mse" if targets.dtype == "float32" else "cross_entropy")
    else:
        classes = stated == "cross_entropy" or (not stated and _are_logits(outputs, chosen, inputs))
        targets = InputSpec(outputs[:-1], "int64", outputs[-1]) if classes and len(outputs) > 1 else InputSpec(outputs)
        loss = stated or ("cross_entropy" if classes else "mse")
        inferred.append(f"targets {targets.dtype} {targets.shape}, from the outputs {outputs}; --targets states others")
    if not stated:
        inferred.append(f"loss {loss}, from the targets; --loss names another")
    return targets, loss


def _are_logits(outputs: tuple[int, ...], chosen: str, inputs: tuple[InputSpec, ...]) -> bool:
    """True if outputs look like logits of classes: by their name, one row a sample, or as many as there are tokens."""
    rows = len(outputs) == 2 or (len(outputs) == 3 and outputs[-1] in {one.below for one in inputs})
    return outputs[-1] > 1 and (rows or (chosen == "logits" and len(outputs) > 1))


def _require_number(network: Network, loss: str, inputs: tuple[Tensor, ...], targets: Tensor) -> None:
    """Check that the loss can be computed from outputs and targets. Raises SpecError."""
    if loss == "cross_entropy" and targets.is_floating_point():
        raise SpecError(
            f"loss cross_entropy: targets are {targets.dtype} {tuple(targets.shape)}; give integers, the classes"
        )
    goal = objective.find(loss)
    try:
        with torch.no_grad():
            goal.losses(network, inputs, targets)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise SpecError(f"loss {loss} of targets {tuple(targets.shape)} {targets.dtype}: {error}") from error
