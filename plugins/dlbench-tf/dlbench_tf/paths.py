"""The three paths: a function as it is, as a TensorFlow graph, or compiled whole by XLA."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from dlbench.plugin import ArraySpec, CacheState, Compilation, Part, Signature
from dlbench.plugin_kit import compilation_of
from dlbench_tf import caches, misfits

MUST_COMPILE = "_XlaMustCompile"
"""The attribute that makes TensorFlow compile a function as one XLA program or raise; it never falls back."""


Arguments: TypeAlias = "ArraySpec | tuple[Arguments, ...]"
"""One array, the arrays of several inputs, or those of several workers."""


class Graph:
    """A function traced at its first call and called directly after: no step looks for a trace that fits.

    An argument of another shape is an error: a traced function would take it, and XLA compile again without a word.
    """

    def __init__(
        self, body: Callable[..., Any], arguments: Sequence[Arguments], parts: Sequence[Part] = (), *, xla: bool
    ) -> None:
        self._arguments = [tf.nest.map_structure(_tensor_spec, argument) for argument in arguments]

        def checked(*values: Any) -> Any:
            pairs = zip(values, self._arguments, strict=True)
            return body(*(tf.nest.map_structure(_ensured, value, argument) for value, argument in pairs))

        self._function = tf.function(checked, jit_compile=xla, autograph=False)
        self._concrete: Any = None
        self._xla = xla
        self.cache: CacheState = ""
        self.parts, self.calls = parts, 0

    def __call__(self, *arguments: Any) -> Any:
        """Run; trace, and compile, at the first call."""
        self.calls += 1
        return self._concrete(*arguments) if self._concrete is not None else self._first(arguments)

    def _first(self, arguments: Sequence[Any]) -> Any:
        with misfits.explained("jit" if self._xla else "graph"):
            self.cache = caches.state() if self._xla else ""
            self._concrete = self._function.get_concrete_function(*self._arguments)
            return self._concrete(*arguments)

    @property
    def traces(self) -> int:
        """Number of times that the function was traced."""
        return int(self._function.experimental_get_tracing_count())

    @functools.cached_property
    def text(self) -> str:
        """The program as XLA has optimized it, which it does once more to show it; empty on the path graph."""
        if not self._xla:
            return ""
        return str(self._function.experimental_get_compiler_ir(*self._arguments)(stage="optimized_hlo"))

    @property
    def whole(self) -> bool:
        """True if TensorFlow holds the traced function to XLA, as read from its definition."""
        attributes = self._concrete.function_def.attr
        return MUST_COMPILE in attributes and bool(attributes[MUST_COMPILE].b)

    @property
    def breaks(self) -> int:
        """One if XLA need not compile the function on the path jit."""
        return int(self._xla and not self.whole)


class Paths:
    """Puts functions on one path, and keeps count of their graphs."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._graphs: list[Graph] = []

    def put(self, body: Callable[..., Any], *arguments: Arguments, parts: Sequence[Part] = ()) -> Callable[..., Any]:
        """The function on this path, for arguments of these shapes; `parts` are the parts of a step that it takes."""
        if self._path == "eager":
            return body
        self._graphs.append(Graph(body, arguments, parts, xla=self._path == "jit"))
        return self._graphs[-1]

    def texts(self) -> list[str]:
        """The called programs of XLA; none where it shows none."""
        with contextlib.suppress(tf.errors.OpError, ValueError):
            return [text for graph in self._graphs if graph.calls and (text := graph.text)]
        return []

    def compilation(self) -> Compilation:
        """Called graphs; those that XLA need not compile, as breaks on the path jit; traces after the first."""
        return compilation_of(self._graphs, "the traced function does not hold TensorFlow to XLA")


def inputs_of(signature: Signature) -> Arguments:
    """The array of a model with one input, or the arrays of several."""
    return (signature.inputs, *signature.further) if signature.further else signature.inputs


def repeated(update: Callable[..., Any], steps: int, kind: tf.DType, inputs: Any, targets: Any) -> Any:
    """Several updates in one call, losses of this type stacked; in a graph a loop, which compiles as fast as a step."""

    def updated(at: Any) -> Any:
        return update(tf.nest.map_structure(lambda array: array[at], inputs), targets[at])

    if tf.executing_eagerly():
        return tf.stack([updated(at) for at in range(steps)])

    def body(at: tf.Tensor, losses: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        return at + 1, losses.write(at, updated(at))

    start = tf.constant(0), tf.TensorArray(kind, steps)
    ended = tf.while_loop(lambda at, _: at < steps, body, start, parallel_iterations=1, maximum_iterations=steps)
    return ended[1].stack()


def _tensor_spec(argument: ArraySpec) -> tf.TensorSpec:
    return tf.TensorSpec(argument.shape, argument.dtype)


def _ensured(value: tf.Tensor, argument: tf.TensorSpec) -> tf.Tensor:
    return tf.ensure_shape(value, argument.shape)
