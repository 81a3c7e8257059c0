"""A loop over time within the compiled step, for sequences too long to be unrolled.

`torch.func`, which takes the step's gradients, cannot enter a loop (`scan`). So the loop and its derivative are two
operators: `torch.func` sees them whole, and Inductor is given each as a `scan`. They have no other implementation, so a
call without the compiler is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, library
from torch._higher_order_ops.scan import scan_op
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench_torch.cells import ADVANCE, RETREAT

UNROLLED = 10
"""Time steps that the compiler gets unrolled; a longer sequence is a loop.

Measured on a CPU, interleaved on a busy machine, value and gradients of an LSTM of 256 units over 16 time steps, batch
64, one thread: the loop takes 1.20 (1.13-1.26, quartiles) times as long a step and compiles in 0.56 of the time. Its
compile time does not grow with the time steps.
"""

LIBRARY = "dlbench_torch::"
"""Prefix of the operators' names."""

library.define(
    f"{LIBRARY}advance",
    "(str cell, Tensor from_inputs, Tensor weight, Tensor bias, Tensor zeros) -> (Tensor, Tensor, Tensor, Tensor)",
)
library.define(
    f"{LIBRARY}retreat",
    "(str cell, Tensor by_last, Tensor weight, Tensor from_inputs, Tensor from_states, Tensor hs, Tensor cs)"
    " -> (Tensor, Tensor, Tensor)",
)


class LastState(torch.autograd.Function):
    """The last h of (cell, from_inputs (time, batch, gates x units), weight, bias, zeros (batch, units)).

    With it, for the derivative alone: the states before each time step, h and c, and their products with the weight.
    """

    @staticmethod
    def forward(cell: str, from_inputs: Tensor, weight: Tensor, bias: Tensor, zeros: Tensor) -> tuple[Tensor, ...]:
        """Whole, for `torch.func`."""
        found: tuple[Tensor, ...] = torch.ops.dlbench_torch.advance(cell, from_inputs, weight, bias, zeros)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the tensors that the derivative needs."""
        ctx.cell, from_inputs, weight, _, _ = inputs
        _, from_states, hs, cs = output
        ctx.save_for_backward(weight, from_inputs, from_states, hs, cs)
        ctx.mark_non_differentiable(from_states, hs, cs)

    @staticmethod
    def backward(ctx: Any, by_last: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients by from_inputs, weight and bias."""
        found = torch.ops.dlbench_torch.retreat(ctx.cell, by_last, *ctx.saved_tensors)
        return None, *found, None


def last_state(cell: str, from_inputs: Tensor, weight: Tensor, bias: Tensor, zeros: Tensor) -> Tensor:
    """The last h (batch, units), for the compiler alone; from_inputs are (time, batch, gates x units).

    Dynamo takes the derivative from `LastState` if an argument is a result of the differentiated function. It does not
    know that of bare parameters, and their gradients would be zero. So each is a result here: a view of itself.
    """
    results = (given.view_as(given) for given in (from_inputs, weight, bias))
    found: Tensor = LastState.apply(cell, *results, zeros)[0]  # type: ignore[no-untyped-call]
    return found


def _advance(cell: str, from_inputs: Tensor, weight: Tensor, bias: Tensor, zeros: Tensor) -> tuple[Tensor, ...]:
    def step(h: Tensor, c: Tensor, from_input: Tensor, weight: Tensor, bias: Tensor) -> list[Tensor]:
        from_state = F.linear(h.to(weight.dtype), weight, bias)
        next_h, next_c = ADVANCE[cell](from_input, from_state, h, c)
        return _apart(next_h.to(h.dtype), next_c.to(c.dtype), from_state, h, c)  # sums of less precision have less

    (last, _), (from_states, hs, cs) = _scan(step, [zeros, zeros.clone()], [from_inputs], (weight, bias))
    return last, from_states, hs, cs


def _retreat(cell: str, by_last: Tensor, weight: Tensor, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Backwards in time; the weight's part of all time steps is one product after it."""

    def step(by_h: Tensor, by_c: Tensor, *arguments: Tensor) -> list[Tensor]:
        *given, weight = arguments
        by_input, by_state, by_h, by_c = RETREAT[cell](by_h, by_c, *given)
        by_input, by_state = by_input.to(given[0].dtype), by_state.to(weight.dtype)
        return _apart(by_h + by_state @ weight, by_c, by_input, by_state)

    backwards = [each.flip(0) for each in given]
    _, (by_inputs, by_states) = _scan(step, [by_last.clone(), torch.zeros_like(by_last)], backwards, (weight,))
    rows, hs = by_states.flatten(0, 1), backwards[2].flatten(0, 1).to(weight.dtype)
    return by_inputs.flip(0), rows.T @ hs, rows.sum(0)


def _scan(
    step: Callable[..., list[Tensor]], first: list[Tensor], over: list[Tensor], fixed: tuple[Tensor, ...]
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """The last states, and the further results of `step` stacked over time."""
    found = scan_op(step, first, over, fixed)
    return found[: len(first)], found[len(first) :]


def _apart(*tensors: Tensor) -> list[Tensor]:
    """Copies for `scan`, whose results must share no memory with each other or with the step's arguments."""
    return [tensor.clone() for tensor in tensors]


@library.register_fake(f"{LIBRARY}advance")  # type: ignore[untyped-decorator]
def _advance_shapes(_: str, from_inputs: Tensor, weight: Tensor, bias: Tensor, zeros: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    states = [zeros.new_empty(len(from_inputs), *zeros.shape) for _ in range(2)]
    return torch.empty_like(zeros), torch.empty(from_inputs.shape, dtype=weight.dtype, device=zeros.device), *states


@library.register_fake(f"{LIBRARY}retreat")  # type: ignore[untyped-decorator]
def _retreat_shapes(_: str, by_last: Tensor, weight: Tensor, from_inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    by_inputs = torch.empty(from_inputs.shape, dtype=from_inputs.dtype, device=weight.device)
    return by_inputs, torch.empty_like(weight), weight.new_empty(len(weight))


def decompositions() -> dict[Any, Callable[..., Any]]:
    """Decompositions of operators for Inductor: its own table, and the loops."""
    from torch._inductor.decomposition import select_decomp_table

    ours: dict[Any, Callable[..., Any]] = {
        torch.ops.dlbench_torch.advance.default: _advance,
        torch.ops.dlbench_torch.retreat.default: _retreat,
    }
    return {**select_decomp_table(), **ours}


def compiled(
    graph: torch.fx.GraphModule,
    examples: Any,
    *,
    patches: Mapping[str, Any] = MappingProxyType({}),
    inner: Callable[..., Any] | None = None,
) -> Any:
    """The backend of Dynamo: Inductor, which knows the loops, with these options of its own; `inner` compiles."""
    from torch._inductor.compile_fx import compile_fx, compile_fx_inner

    return compile_fx(
        graph,
        examples,
        inner_compile=inner or compile_fx_inner,
        config_patches=dict(patches) or None,
        decompositions=decompositions(),
    )
