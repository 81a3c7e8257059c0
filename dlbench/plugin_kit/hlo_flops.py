"""Floating-point operations of a program in the text form of HLO: those of its products.

A multiply-add counts as two. Convolutions count once for every place of their output, padding included, and all that
works element by element counts nothing: the convention of `dlbench.architectures`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_COMPUTATION = re.compile(r"^(?:ENTRY )?%?(?P<name>[\w.\-]+) \(.*\) -> .* \{$")
_INSTRUCTION = re.compile(r"^\s+(?P<root>ROOT )?%?(?P<name>[\w.\-]+) = (?P<rest>.*)$")
CALLED = re.compile(r"(?:to_apply|calls|condition|body|true_computation|false_computation)=%?([\w.\-]+)")
"""Computations that an instruction names in its attributes."""
_SPANS = ("dot", "convolution", "fusion")
"""Operations that are one span of a profile and are products or may hold some; no loop is within."""
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


class Instruction(NamedTuple):
    """One line of a program: operation, type and shape of its result, operands by name, and the text behind them."""

    operation: str
    kind: str
    shape: tuple[int, ...]
    operands: tuple[str, ...]
    literal: str
    attributes: str


class Computation(NamedTuple):
    """Instructions by name, and the one whose value is returned."""

    instructions: Mapping[str, Instruction]
    root: str


class _UnknownCountError(Exception):
    """A loop whose number of iterations the program does not say."""


def flops_of_hlo(text: str) -> float | None:
    """FLOPs of the program; None if it does not say the passes of a loop in it."""
    computations, entry = parse(text)
    try:
        return _products(computations, entry)
    except _UnknownCountError:
        return None


def flops_by_instruction(texts: Iterable[str]) -> dict[str, float]:
    """FLOPs of one run of each instruction of these programs that is a product, or a fusion that holds some.

    A name that stands for different FLOPs in them is left out.
    """
    found: dict[str, set[float]] = {}
    for text in texts:
        computations, _ = parse(text)
        for own in computations.values():
            for name, one in own.instructions.items():
                if one.operation in _SPANS and (flops := _of_instruction(computations, own, one)):
                    found.setdefault(name, set()).add(flops)
    return {name: flops.pop() for name, flops in found.items() if len(flops) == 1}


def parse(text: str) -> tuple[dict[str, Computation], str]:
    """Computations of a program in the text form of HLO by name, and the name of the one that a call enters."""
    computations: dict[str, Computation] = {}
    entry = name = root = ""
    instructions: dict[str, Instruction] = {}
    for line in re.sub(r"/\*.*?\*/", "", text).splitlines():
        if started := _COMPUTATION.match(line):
            name, instructions = started["name"], {}
            entry = name if line.startswith("ENTRY") else entry
        elif line.startswith("}"):
            computations[name] = Computation(instructions, root)
        elif found := _INSTRUCTION.match(line):
            instructions[found["name"]] = _instruction(found["rest"])
            root = found["name"] if found["root"] else root
    return computations, entry


def _instruction(rest: str) -> Instruction:
    kind, rest = _split(rest) if rest.startswith("(") else rest.split(" ", 1)
    operation, _, rest = rest.strip().partition("(")
    inside, attributes = _split(f"({rest}")
    operands = tuple(re.findall(r"%([\w.\-]+)", inside))
    return Instruction(operation, kind, _shape(kind), operands, inside.strip("()"), attributes)


def _split(text: str) -> tuple[str, str]:
    """Text in the parentheses that begin a text, and the rest."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return text[: at + 1], text[at + 1 :]
    return text, ""


def _shape(kind: str) -> tuple[int, ...]:
    found = re.match(r"\w+\[([\d,]*)\]", kind)
    return tuple(int(side) for side in found[1].split(",") if side) if found else ()


def _live(computation: Computation) -> Iterator[Instruction]:
    """Instructions that the result depends on."""
    waiting, seen = [computation.root], {computation.root}
    while waiting:
        instruction = computation.instructions[waiting.pop()]
        yield instruction
        new = {name for name in instruction.operands if name in computation.instructions} - seen  # each once
        waiting += new
        seen |= new


def _products(computations: Mapping[str, Computation], name: str) -> float:
    computation = computations[name]
    return math.fsum(_of_instruction(computations, computation, one) for one in _live(computation))


def _of_instruction(computations: Mapping[str, Computation], own: Computation, one: Instruction) -> float:
    match one.operation:
        case "dot":
            sides = own.instructions[one.operands[0]].shape
            contracted = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", one.attributes)
            axes = [int(axis) for axis in contracted[1].split(",") if axis] if contracted else []
            return 2.0 * math.prod(one.shape) * math.prod(sides[axis] for axis in axes)
        case "convolution":
            kernel = own.instructions[one.operands[1]].shape
            labels = re.search(r"dim_labels=\w+_(\w+)->", one.attributes)
            outputs = kernel[labels[1].index("o")] if labels else kernel[-1]
            dilated = re.search(r"lhs_dilate=([\dx]+)", one.attributes)  # of a transposed one: zeros between the inputs
            zeros = math.prod(int(side) for side in dilated[1].split("x")) if dilated else 1
            return 2.0 * math.prod(one.shape) * math.prod(kernel) / max(outputs, 1) / zeros
        case "while":
            names = CALLED.findall(one.attributes)
            condition = next(name for name in names if f"condition=%{name}" in one.attributes)
            body = next(name for name in names if f"body=%{name}" in one.attributes)
            inside = _products(computations, body)
            return inside * _iterations(computations, condition) if inside else 0.0
        case "conditional":
            branches = _BRANCHES.search(one.attributes)
            found = re.findall(r"%?([\w.\-]+)", branches[1]) if branches else CALLED.findall(one.attributes)
            return max((_products(computations, name) for name in found), default=0.0)
        case "call" | "fusion":
            return sum(_products(computations, name) for name in CALLED.findall(one.attributes))
        case _:
            return 0.0


def _iterations(computations: Mapping[str, Computation], condition: str) -> int:
    """The smallest number that a condition compares with; loops of TensorFlow count from 0."""
    found = list(_bounds(computations, condition))
    if not found:
        raise _UnknownCountError
    return min(found)


def _bounds(computations: Mapping[str, Computation], name: str) -> Iterator[int]:
    computation = computations[name]
    for one in _live(computation):
        if one.operation == "compare" and "direction=LT" in one.attributes:
            bound = computation.instructions[one.operands[1]]
            while bound.operation in ("reshape", "convert", "copy", "broadcast"):
                bound = computation.instructions[bound.operands[0]]
            if bound.operation == "constant" and bound.kind.startswith(("s", "u")):
                yield int(bound.literal)
        for called in CALLED.findall(one.attributes):
            yield from _bounds(computations, called)
