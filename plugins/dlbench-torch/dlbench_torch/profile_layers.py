"""Layers of a profile: spans about the calls of modules, and the way from an operation, forward or backward, to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch._C._profiler import _RecordFunctionFast
from torch.jit import ScriptModule

MARK = "dlbench layer "
"""Beginning of the name of a span of ours, before the layer's."""
BACKWARD = "autograd::engine::evaluate_function"
"""Beginning of the name of a span in which autograd computes the derivative of one operation."""


@contextmanager
def marked(module: nn.Module | None) -> Iterator[None]:
    """Spans about the calls of layers with parameters of their own, named as the core names parameters.

    A scripted module takes no hooks, and has no layers here.
    """
    spans: list[Any] = []
    hooks = []
    for name, layer in module.named_modules() if module is not None else ():
        scripted = isinstance(layer, ScriptModule)
        if name and not scripted and next(layer.parameters(recurse=False), None) is not None:
            hooks.append(layer.register_forward_pre_hook(partial(_enter, spans, f"{MARK}{name.replace('.', '/')}")))
            hooks.append(layer.register_forward_hook(partial(_leave, spans), always_call=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _enter(spans: list[Any], name: str, *_: Any) -> None:
    spans.append(_RecordFunctionFast(name))  # costs a tenth of record_function, which is an operator of its own
    spans[-1].__enter__()


def _leave(spans: list[Any], *_: Any) -> None:
    spans.pop().__exit__(None, None, None)


def layers(found: Sequence[Any]) -> list[str]:
    """The layer of each event, in the order given; empty for one of no layer.

    An operation belongs to the innermost span about it. A derivative belongs to the layer of its operation: autograd
    gives both one number, which is that of the last operation before the next number.
    """
    order = sorted(range(len(found)), key=lambda at: (found[at].start_ns(), -found[at].duration_ns()))
    named = [""] * len(found)
    made: dict[int, str] = {}
    inside: dict[int, list[tuple[int, str]]] = {}
    for at in order:
        event = found[at]
        around = inside.setdefault(event.start_thread_id(), [])
        while around and around[-1][0] <= event.start_ns():
            around.pop()
        layer, number = around[-1][1] if around else "", event.sequence_nr()
        if event.name().startswith(MARK):
            layer = event.name().removeprefix(MARK)
        elif event.name().startswith(BACKWARD):
            layer = made.get(number, "")
        elif number >= 0 and not event.fwd_thread_id():
            made[number] = layer
        named[at] = layer
        around.append((event.start_ns() + event.duration_ns(), layer))
    return named
