"""Plugins of models without a package: a plain `init` and `apply`, modules of Flax (nnx) and of Equinox."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Unpack

import jax
import numpy as np
from jax.experimental import checkify

from dlbench import plugin_kit as kit
from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec, BuildRequest, Description, ModelSource, Spec
from dlbench.plugin_kit import Recipe, Stated
from dlbench_jax import machine, program
from dlbench_jax.model import JaxModel
from dlbench_jax.network import Arrays, Network, shapes

Example = Callable[[], Any] | None
Run = Callable[[Any, Any, Any, tuple[Any, ...], Mapping[str, Any]], tuple[Any, Any]]
"""Trained arrays, other state, a key, inputs by place and by name to the outputs and the next state."""
Parts = tuple[Any, Any, Run, tuple[str, ...]]
"""Trees of trained arrays and of other state, the call, and the package that the model is made with."""
SEEDS: Mapping[str, Callable[[int], Any]] = {
    "key": jax.random.key,
    "rngs": lambda seed: importlib.import_module("flax.nnx").Rngs(seed),
}
"""Arguments of a class or factory that dlbench gives: the randomness of Equinox and that of Flax."""
KINDS = "a flax.nnx module, an equinox module, or an object with init(key) and apply(params, inputs)"


def adapt(source: ModelSource) -> JaxModel:
    """The plugin of a model. Raises SpecError if the reference cannot be imported, UnknownName for its NAME."""
    found = kit.load_reference(source.reference)
    if inspect.isfunction(found) and "params" in inspect.signature(found).parameters:  # apply, with init beside it
        found = SimpleNamespace(init=kit.load_reference(f"{source.reference.rpartition(':')[0]}:init"), apply=found)
    return _of_recipe(
        Recipe.of(source, found if kit.is_factory(found) else lambda: found), kit.example_inputs(source.reference)
    )


def plugin(make: Callable[..., Any], **stated: Unpack[Stated]) -> Callable[[], JaxModel]:
    """The factory of a plugin around the models that `make` makes: the value of an entry point `dlbench.plugins`.

    `make` is called with the options of `--set`, over those of the size, and with a `key` or `rngs` if it takes one.
    """
    return partial(_of_recipe, Recipe(make=make, **stated))


def _of_recipe(recipe: Recipe, example: Example = None) -> JaxModel:
    return JaxModel(partial(_built, recipe), partial(_describe, recipe, example))


def _built(recipe: Recipe, request: BuildRequest) -> Network:
    """The network of a request. Raises Unsupported for products of another type than the Spec's."""
    signature, spec = request.signature, request.spec
    network = _network(recipe, spec, signature.names, dropout=request.dropout)
    if request.parameters is not None:
        kit.require_same_shapes(request.parameters, {name: one.shape for name, one in network.parameters.items()})
        network = network._replace(parameters=request.parameters)
    inputs = shapes([signature.inputs, *signature.further])
    traced = jax.make_jaxpr(network.forward)(network.parameters, network.state, inputs, None).jaxpr
    found = "/".join(sorted(program.operands(traced, gpu=False))) or "fp32"
    found = spec.precision if (found, spec.precision) == ("fp32", "tf32") else found
    advice = f"give --precision {found}, or change the types in the model"
    kit.require_own_precision(recipe.label, spec.precision, found, "its own products take", advice)
    return network


def _describe(recipe: Recipe, example: Example, spec: Spec) -> Description:
    """The stated facts, and those that a trace shows if the inputs are known.

    Raises SpecError for a model that cannot be traced with these inputs, and for one whose values ignore the seed.
    """
    machine.start(spec)  # before a model that is made starts JAX with other threads
    inputs, inferred = kit.own_inputs(recipe, spec, example)
    names = tuple(one.name for one in inputs if one.name)
    one, other = (_network(recipe, spec, names, pick=False) for _ in range(2))
    twice = ((name, value, other.parameters[name]) for name, value in one.parameters.items())
    kit.require_seeded(recipe.label, twice, "draw it from the key or the rngs that are given")
    options = {name: text for name, text in (kit.keywords(recipe.make) or {}).items() if name not in SEEDS}
    found: dict[str, Any] = {"framework": "jax", "options": options, "paths": recipe.paths or machine.PATHS}
    if inputs:
        with kit.users_errors(recipe.label):
            outputs = jax.eval_shape(one.forward, one.parameters, one.state, shapes(inputs), None)[0]
        kit.require_within(recipe.label, inputs, partial(_within, one))
        array = kit.read_output(recipe, outputs, inferred)
        found |= {"inputs": inputs, "outputs": ArraySpec(tuple(array.shape), array.dtype.name)}
    return recipe.description(**found, inferred=tuple(inferred))


def _within(network: Network, inputs: Any) -> None:
    """Call the network once, with an error for an index out of bounds; JAX reads past an array's end in silence.

    (JAX documentation, `jax.experimental.checkify`: index checks.)
    """
    call = partial(network.forward, dict(network.parameters), dict(network.state), inputs, None)
    checkify.checkify(call, checkify.index_checks)()[0].throw()


def _network(recipe: Recipe, spec: Spec, names: tuple[str, ...], *, dropout: bool = True, pick: bool = True) -> Network:
    """A new network; without `pick` it returns all outputs. Raises SpecError for what is no model."""
    make = recipe.make
    takes = inspect.signature(make.__init__ if inspect.isclass(make) else make).parameters
    seeds = {name: seed(spec.seed) for name, seed in SEEDS.items() if name in takes}
    model = kit.call(make, {**recipe.options(spec), **seeds}, recipe.label)
    trained, rest, run, packages = _parts(model, recipe, spec, dropout)
    parameters, rebuilt = _flat(trained)
    state, restored = _flat(rest)
    if wrong := [f"{name} is {one.dtype}" for name, one in parameters.items() if one.dtype != np.float32]:
        raise SpecError(f"{recipe.label}: parameter {wrong[0]}, and dlbench measures parameters in float32")
    if not parameters:
        raise SpecError(f"{recipe.label}: the model has no parameters to train")

    def forward(parameters: Arrays, state: Arrays, inputs: Any, key: Any) -> tuple[Any, Arrays]:
        given = inputs if isinstance(inputs, tuple) else (inputs,)
        by_place, by_name = ((), dict(zip(names, given, strict=True))) if names else (given, {})
        outputs, after = run(rebuilt(parameters), restored(state), key, by_place, by_name)
        return kit.pick_output(outputs, recipe.output) if pick else outputs, _flat(after)[0]

    return Network(parameters, state, forward, packages)


def _parts(model: Any, recipe: Recipe, spec: Spec, dropout: bool) -> Parts:
    """The parts of a model by the packages of its classes. Raises SpecError for what is none of KINDS."""
    roots = {one.__module__.partition(".")[0] for one in type(model).__mro__}
    if "equinox" in roots:
        return _of_equinox(model, recipe.call, dropout)
    if "flax" in roots and not hasattr(model, "init"):
        return _of_flax(model, recipe.call or type(model).__call__, dropout)
    if "flax" in roots or not all(callable(getattr(model, name, None)) for name in ("init", "apply")):
        raise SpecError(f"{recipe.label}: gives {kit.own_kind(model)}; give {KINDS}")
    random = "key" in inspect.signature(model.apply).parameters

    def run(trained: Any, state: Any, key: Any, inputs: Any, named: Any) -> tuple[Any, Any]:
        more = {"key": key if dropout else None} if random else {}
        return (recipe.call or model.apply)(trained, *inputs, **named, **more), state

    with kit.users_errors(f"init of {recipe.label}"):
        return model.init(jax.random.key(spec.seed)), {}, run, ()


def _of_flax(model: Any, call: Callable[..., Any], dropout: bool) -> Parts:
    """Variables of the kind Param are trained; statistics and counts of random numbers are state."""
    nnx = importlib.import_module("flax.nnx")
    graph, trained, rest = nnx.split(model, nnx.Param, ...)

    def run(trained: Any, state: Any, key: Any, inputs: Any, named: Any) -> tuple[Any, Any]:
        module = nnx.merge(graph, trained, state)
        module.eval() if key is None else module.train()
        if not dropout:
            module.set_attributes(nnx.Dropout, deterministic=True, raise_if_not_found=False)
        outputs = call(module, *inputs, **named)
        return outputs, state if key is None else nnx.split(module, nnx.Param, ...)[2]

    return trained, rest, run, ("flax",)


def _of_equinox(model: Any, call: Callable[..., Any] | None, dropout: bool) -> Parts:
    """A module takes one sample, as Equinox has it, and is mapped over the batch, with a key for each sample."""
    eqx = importlib.import_module("equinox")
    trained, rest = eqx.partition(model, eqx.is_inexact_array)
    random = "key" in inspect.signature(type(model).__call__).parameters

    def run(trained: Any, state: Any, key: Any, inputs: Any, named: Any) -> tuple[Any, Any]:
        module = eqx.nn.inference_mode(eqx.combine(trained, rest), value=key is None or not dropout)
        if call is not None:
            return call(module, *inputs, **named), state
        drawn = random and key is not None
        more = {"key": jax.random.split(key, len(jax.tree.leaves((inputs, named))[0]))} if drawn else {}
        return jax.vmap(lambda inputs, named: module(*inputs, **named))(inputs, {**named, **more}), state

    return trained, {}, run, ("equinox",)


def _flat(tree: Any) -> tuple[Arrays, Callable[[Arrays], Any]]:
    """Arrays of a tree by their path, and the way back."""
    found, structure = jax.tree_util.tree_flatten_with_path(tree)
    arrays: dict[str, Any] = {}
    for path, one in found:
        name = jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value")
        arrays[name] = one if isinstance(one, jax.Array) else np.asarray(one)
    return arrays, lambda values: jax.tree.unflatten(structure, [values[name] for name in arrays])
