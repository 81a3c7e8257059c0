"""Contents of instructions of a program in the text form of HLO: shapes that they read, and operations in a fusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dlbench.plugin_kit.hlo_flops import CALLED, Computation, Instruction, parse

Shapes = tuple[tuple[int, ...], ...]
_ELSEWHERE = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "call", "conditional", "iota"}
"""Operations that read nothing themselves: their parts are instructions of their own."""
_IN_PARTS = {"slice", "dynamic-slice", "dynamic-update-slice", "gather", "scatter", "sort", "custom-call"}
"""Operations that may read a part of an operand, or more than once."""


class Contents(NamedTuple):
    """Shapes of the operands that an instruction reads whole, without scalars, and the operations within a fusion."""

    reads: Shapes
    inside: tuple[str, ...]


def contents_by_instruction(texts: Iterable[str]) -> dict[str, Contents]:
    """Contents of each instruction of these programs; a name that stands for different ones is left out."""
    found: dict[str, set[Contents]] = {}
    for text in texts:
        computations, _ = parse(text)
        for own in computations.values():
            for name, one in own.instructions.items():
                found.setdefault(name, set()).add(_contents(computations, own, one))
    return {name: of.pop() for name, of in found.items() if len(of) == 1}


def _contents(computations: Mapping[str, Computation], own: Computation, one: Instruction) -> Contents:
    inside = tuple(_operations(computations, one)) if one.operation == "fusion" else ()
    if one.operation in _ELSEWHERE or not _IN_PARTS.isdisjoint((one.operation, *inside)):
        return Contents((), inside)
    operands = (own.instructions[name].shape for name in one.operands if name in own.instructions)
    return Contents(tuple(shape for shape in operands if shape), inside)


def _operations(computations: Mapping[str, Computation], one: Instruction) -> Iterator[str]:
    """Operations of the computations that an instruction calls, and of those that they call."""
    for called in filter(computations.__contains__, CALLED.findall(one.attributes)):
        for inner in computations[called].instructions.values():
            yield inner.operation
            yield from _operations(computations, inner)
