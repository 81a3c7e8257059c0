"""Layers in the profiles of compilers: the name of an operation holds the scopes in which it was traced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from dlbench.plugin_kit.hlo_flops import flops_by_instruction

_TRACED = re.compile(
    r'^\s+(?:ROOT )?%?(?P<name>[\w.\-]+) = .*\bmetadata=\{[^}]*\bop_name="(?P<scopes>[^"]*)"', re.MULTILINE
)

LayerOf = Callable[[str], str]
"""The name of an operation with its scopes, `jit(step)/jvp(dense0)/dot_general`, to its layer; "" for one of none."""


class Instructions(NamedTuple):
    """FLOPs and layers of the instructions of programs in HLO, by name, where they have some."""

    flops: Mapping[str, float]
    layers: Mapping[str, str]


def instructions_of(programs: Sequence[str], layer_of: LayerOf) -> Instructions:
    """What these programs say of their instructions; a name that stands for several is left out."""
    found: dict[str, set[str]] = {}
    for text in programs:
        for one in _TRACED.finditer(text):
            found.setdefault(one["name"], set()).add(layer_of(one["scopes"]))
    layers = {name: layers.pop() for name, layers in found.items() if len(layers) == 1 and layers != {""}}
    return Instructions(flops_by_instruction(programs), layers)


def layer_finder(parameters: Iterable[str]) -> LayerOf:
    """A function that finds layers, which are groups of these parameters; the innermost scope that is one counts."""
    groups = sorted({name.rpartition("/")[0] for name in parameters} - {""}, key=len, reverse=True)
    scope = re.compile(rf"(?:^|[/(])({'|'.join(map(re.escape, groups))})(?=[/)]|$)")

    def layer(name: str) -> str:
        found = scope.findall(name) if groups else []
        return str(found[-1]) if found else ""

    return layer
