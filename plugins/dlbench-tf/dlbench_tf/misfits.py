"""Errors of a first step in the user's words: code that cannot be traced or compiled, and the path to choose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from dlbench.errors import DlbenchError, Unsupported

_WITHOUT_KERNEL = re.compile(r"No registered '(\w+)' OpKernel for XLA\w*.*?\{\{node ([^}]+)\}\}", re.DOTALL)
_NO_KERNEL = re.compile(r"[Dd]etected unsupported operations.*?: (.*?)(?:\n|$)", re.DOTALL)
_LONGEST = 300


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Raise Unsupported for a function that cannot be traced, or that XLA cannot compile; else the error itself."""
    try:
        yield
    except DlbenchError:
        raise
    except tf.errors.OperatorNotAllowedInGraphError as error:
        why = " ".join(str(error).split())[:_LONGEST]
        raise Unsupported(f"the step on the path {path} decides by values: {why}; choose --path eager") from error
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        if path == "jit" and (why := _lacking(str(error))):
            raise Unsupported(f"XLA cannot compile the step: {why}; choose --path eager or graph") from error
        raise


def _lacking(text: str) -> str:
    """The operation that XLA lacks and its place in the model; empty if the error says something else."""
    if found := _WITHOUT_KERNEL.search(text):
        return f"it has no operation {found[1]}, which the model has in {found[2]}"
    found = _NO_KERNEL.search(text)
    return " ".join(found[1].split())[:_LONGEST] if found else ""
