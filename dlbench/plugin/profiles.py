"""A profile of a step: its events, and the categories of work to which every package maps its framework's names."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

Work = Literal[
    "matrix product",
    "convolution",
    "attention",
    "recurrent cell",
    "normalisation",
    "elementwise",
    "reduction",
    "embedding",
    "random",
    "data movement",
    "optimizer",
    "loss",
    "fused code",
]
"""Work of a model. `fused code` is a compiler's, of which nothing tells the parts."""
Host = Literal["Python", "dispatch", "guards", "waiting", "gaps"]
"""Work of the host around it.

`Python` is the time of a step's own thread in which no other span lies on it. `gaps` is the time in which the step
waits and no thread works; a plugin names the spans in which a thread waits for others `waiting`.
"""
UNATTRIBUTED: Literal["unattributed"] = "unattributed"
"""Category of a name that the package's table does not have."""
Category = Work | Host | Literal["unattributed"]
HOST: frozenset[Category] = frozenset(get_args(Host))
CATEGORIES: tuple[Category, ...] = (*get_args(Work), *get_args(Host), UNATTRIBUTED)

STEP = "dlbench step"
"""Name of the event that a plugin puts around the call of the profiled step."""

Shape = Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=2**40)], ...], msgspec.Meta(max_length=24)]
Seconds = Annotated[float, msgspec.Meta(ge=-1e18, le=1e18)]


class ProfileEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A span of a thread: its name in the framework's words, and its category by the package's table.

    `start` counts seconds from any moment that all events of a profile share. Spans of one thread lie within each other
    or apart. `count` is the number of operations in the span, 0 for one that begins none. `shapes` are those of the
    operands and `flops` the operations on numbers of the whole span, as far as they are known. `layer` is the group of
    parameters that it works for, by its canonical name (`dense0`).
    """

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    category: Category
    start: Seconds
    seconds: Seconds
    thread: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] = 0
    count: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1
    shapes: tuple[Shape, ...] = ()
    flops: Annotated[float, msgspec.Meta(ge=0, le=1e30)] | None = None
    layer: Annotated[str, msgspec.Meta(max_length=1000)] = ""
