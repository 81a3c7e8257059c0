"""Proof that a step ran compiled: traces of the step where the backend traces, Dynamo's counters on PyTorch."""

from __future__ import annotations

import functools
import importlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, Compilation, Spec
from dlbench_keras.backends import Backend

TRAIN, PREDICT = "train_step", "predict_step"
"""The methods of a model that Keras compiles."""


class Traces:
    """Runs of a model's Python, which a backend that compiles makes when it traces, and no more often."""

    def __init__(self, backend: Backend, path: str) -> None:
        self._whole = {"tf": _tf_fault, "jax": _jax_fault}[backend.word]
        self._path = path
        self._traced: Counter[tuple[int, str]] = Counter()
        self._faults: list[str] = []

    def watch(self, model: Any, step: str) -> None:
        """Count the traces of a step of this model."""
        original: Callable[..., Any] = getattr(model, step)

        @functools.wraps(original)
        def traced(*arguments: Any) -> Any:
            self._traced[id(model), step] += 1
            if fault := self._whole(self._path, arguments):
                self._faults.append(fault)
            return original(*arguments)

        setattr(model, step, traced)

    def called(self, step: str) -> None:
        """A trace says all."""

    def compilation(self) -> Compilation:
        """Traced functions; runs that no compiler took, as breaks."""
        steps = {step for _, step in self._traced}
        return Compilation(
            graphs=len(self._traced),
            breaks=len(self._faults),
            recompilations=self._traced.total() - len(self._traced),
            parts=PARTS if TRAIN in steps else PARTS[:1] if steps else (),
            reasons=tuple(self._faults),
        )


def _tf_fault(path: str, _: Any) -> str:
    """The reason that this run of Python is no trace for the path; empty if it is one."""
    tf = importlib.import_module("tensorflow")
    if tf.executing_eagerly():
        return "TensorFlow runs the step op by op"
    inside = importlib.import_module("tensorflow.python.ops.control_flow_util").GraphOrParentsInXlaContext
    held = inside(tf.compat.v1.get_default_graph())
    return "" if held or path != "jit" else "TensorFlow does not hold the step to XLA"


def _jax_fault(_: str, arguments: Any) -> str:
    jax = importlib.import_module("jax")
    traced = any(isinstance(one, jax.core.Tracer) for one in jax.tree.leaves(arguments))
    return "" if traced else "JAX runs the step op by op"


class DynamoCounts:
    """Graphs and breaks by Dynamo's own counters, since they were made."""

    def __init__(self, spec: Spec) -> None:
        self._counters = importlib.import_module("torch._dynamo.utils").counters
        self._allowed, self._steps = spec.allow_breaks, set[str]()
        self._before = self._counts("stats")["unique_graphs"]
        self._breaks_before = self._counts("graph_break")

    def watch(self, model: Any, step: str) -> None:
        """Nothing: Python that counts would itself break a graph."""

    def called(self, step: str) -> None:
        """After a step. Raises Unsupported if Dynamo left some of it to Python and nobody allows that."""
        self._steps.add(step)
        if not self._allowed and (found := self.compilation()).breaks:
            raise Unsupported(
                f"torch.compile breaks Keras's {step} into {found.graphs} graphs, {found.breaks} times "
                f"({found.reasons[0].splitlines()[0]}); --allow-breaks measures it anyway"
            )

    def compilation(self) -> Compilation:
        """Counts so far."""
        breaks = self._counts("graph_break") - self._breaks_before
        graphs = self._counts("stats")["unique_graphs"] - self._before
        parts = PARTS if TRAIN in self._steps else PARTS[:1]
        return Compilation(
            graphs=graphs,
            breaks=breaks.total(),
            recompilations=max(0, graphs - len(self._steps) - breaks.total()),
            parts=parts if graphs and not breaks else (),
            reasons=tuple(breaks),
        )

    def _counts(self, name: str) -> Counter[str]:
        return Counter(self._counters[name])


def make(backend: Backend, spec: Spec) -> Traces | DynamoCounts:
    """The proof of this backend."""
    return DynamoCounts(spec) if backend.word == "torch" else Traces(backend, spec.path)
