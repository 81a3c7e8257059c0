"""The join of two sides by work: by category, and within one by the operations that both sides name or count alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from dlbench.measure.profiling.attribution import MANY
from dlbench.measure.profiling.roofline import PRODUCTS
from dlbench.plugin import Category
from dlbench.record.explanation import Arm, Layer, Op, Share

MOST = 10
"""Single differences that are shown."""
COUNTED: frozenset[Category] = frozenset({"matrix product", "convolution"})
"""Categories whose operations are joined by their FLOPs, which both sides have to do, as far as both count them."""
KNOWN = 0.8
"""Share of the time of products whose layer a profile names if it knows layers."""
_PREFIX = re.compile(r"^_?(?:mkl|onednn)?(?:native)?")


K = TypeVar("K", bound=Hashable)
Work = tuple[Category, Hashable]
"""The common of operations of two sides: their category, and FLOPs of a call or a name."""


class Side(NamedTuple):
    """Operations of one arm that are one on the other side too: seconds of a step, calls and busy seconds."""

    seconds: float
    calls: float
    busy: float
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...] = ()


def categories(before: Arm, after: Arm | None) -> tuple[Share, ...]:
    """All categories of both sides, the largest difference first; of one arm, the largest share first.

    An arm whose profile tells no times has counts alone, in the order of its profiled time.
    """
    sides = _sides(before, after, _category)
    kinds = dict.fromkeys(kind for side in sides for kind in side)
    found = [_share(kind, "", *(side.get(kind) for side in sides)) for kind in kinds]
    return _shown(found, before, after)


def differences(before: Arm, after: Arm | None) -> tuple[Share, ...]:
    """The single differences that matter most; of one arm, its largest operations."""
    sides = _sides(before, after, _work(before, after))
    if after is None:
        found = [_share(key[0], side.names[0], side) for key, side in sides[0].items()]
    else:
        found = list(_joined(*sides))
    return _shown(found, before, after)[:MOST]


def layers(before: Arm, after: Arm | None) -> tuple[Layer, ...]:
    """The layers of sides whose profiles know them, the largest difference first; of one side, the largest."""
    sides = [_by_layer(arm) for arm in (before, after) if arm is not None]
    known = [side for side in sides if side]
    names = dict.fromkeys(name for side in known for name in side)
    first, second = sides[0], sides[-1] if len(sides) > 1 else {}
    found = [Layer(name=name, before=first.get(name), after=second.get(name)) for name in names]
    return tuple(sorted(found, key=lambda one: -abs(one.difference if len(known) > 1 else one.total)))


def _by_layer(arm: Arm) -> dict[str, float]:
    """Seconds of each layer; none unless most products have one, or what is missing were a difference of layers."""
    products = [op for op in arm.profile.ops if op.category in PRODUCTS]
    if sum(op.seconds for op in products if op.layer) < KNOWN * sum(op.seconds for op in products):
        return {}
    return {name: side.seconds for name, side in _grouped(arm, _layer, arm.scale).items() if name and side.seconds}


def _joined(before: dict[Work, Side], after: dict[Work, Side]) -> Iterable[Share]:
    """Operations of both sides; what only one side has stands alone, or against all such of the other side."""
    for key in before.keys() & after.keys():
        yield _share(key[0], _named(before[key], after[key]), before[key], after[key])
    for kind in dict.fromkeys(key[0] for key in (*before, *after)):
        alone = [
            [side[key] for key in side if key[0] == kind and key not in other]
            for side, other in ((before, after), (after, before))
        ]
        if all(alone):
            one, other = map(_together, alone)
            yield _share(kind, f"{_listed(one)} against {_listed(other)}", one, other)
        else:
            yield from (_share(kind, side.names[0], side, None) for side in alone[0])
            yield from (_share(kind, side.names[0], None, side) for side in alone[1])


def _work(before: Arm, after: Arm | None) -> Callable[[Op], Work]:
    """The function from an operation to what it is joined by."""
    sides = [arm for arm in (before, after) if arm is not None]
    counted = {kind for kind in COUNTED if all(_counts_some(arm, kind) for arm in sides)}

    def key(op: Op) -> Work:
        if op.category in counted and op.flops and op.count:
            return op.category, round(op.flops / op.count)
        return op.category, canonical(op.name)

    return key


def canonical(name: str) -> str:
    """A name without its namespace, number, prefix of a library, case and hyphens: `aten::relu_` and `Relu` are one."""
    last = re.sub(r"[._]?\d+$", "", name.rpartition("::")[2].rpartition("/")[2]).lower()
    return _PREFIX.sub("", last).replace("_", "")


def _category(op: Op) -> Category:
    return op.category


def _layer(op: Op) -> str:
    return op.layer


def _counts_some(arm: Arm, kind: Category) -> bool:
    return any(op.flops for op in arm.profile.ops if op.category == kind and op.count)


def _sides(before: Arm, after: Arm | None, key: Callable[[Op], K]) -> list[dict[K, Side]]:
    """The operations of each arm by key; in seconds of the profile if they cannot all be scaled, for their order."""
    arms = [arm for arm in (before, after) if arm is not None]
    scaled = all(arm.scaled for arm in arms)
    return [_grouped(arm, key, arm.scale if scaled else 1.0) for arm in arms]


def _grouped(arm: Arm, key: Callable[[Op], K], scale: float) -> dict[K, Side]:
    found: dict[K, list[Op]] = {}
    for op in arm.profile.ops:
        found.setdefault(key(op), []).append(op)
    return {name: _side(ops, scale) for name, ops in found.items()}


def _side(ops: Sequence[Op], scale: float) -> Side:
    shapes = {op.shapes for op in ops}
    return Side(
        seconds=scale * sum(op.seconds for op in ops),
        calls=sum(op.count for op in ops),
        busy=scale * sum(op.busy for op in ops),
        names=tuple(dict.fromkeys(op.name for op in ops)),
        shapes=next(iter(shapes)) if len(shapes) == 1 else (),
    )


def _together(sides: Sequence[Side]) -> Side:
    ordered = sorted(sides, key=lambda one: -one.seconds)
    seconds, count, busy = (sum(parts) for parts in zip(*((one[:3]) for one in sides), strict=True))
    return Side(seconds, count, busy, tuple(name for one in ordered for name in one.names))


def _named(before: Side, after: Side) -> str:
    one, other = before.names[0], after.names[0]
    return one if one == other else f"{one} and {other}"


def _listed(side: Side) -> str:
    return f"{side.names[0]} and {len(side.names) - 1} more" if len(side.names) > 1 else side.names[0]


def _share(kind: Category, name: str, before: Side | None, after: Side | None = None) -> Share:
    sides = before or after
    return Share(
        category=kind,
        name=name,
        shapes=sides.shapes if sides is not None else (),
        before=None if before is None else before.seconds,
        after=None if after is None else after.seconds,
        counts=(_calls(before), _calls(after)),
        busy=(before.busy if before else 0.0, after.busy if after else 0.0),
    )


def _calls(side: Side | None) -> float:
    """Calls a step, of many the whole ones: a part of one is of an operation that not every step has."""
    calls = side.calls if side is not None else 0.0
    return float(round(calls)) if calls >= MANY else calls


def _shown(found: Iterable[Share], before: Arm, after: Arm | None) -> tuple[Share, ...]:
    """In the order of their difference, or of the larger side where there is none; without times that nobody knows."""
    scaled = before.scaled and (after is None or after.scaled)

    def size(one: Share) -> tuple[float, float]:
        largest = max(one.before or 0.0, one.after or 0.0)
        return (abs(one.difference), largest) if scaled else (largest, 0.0)

    ordered = sorted(found, key=size, reverse=True)
    return tuple(ordered if scaled else map(_without_times, ordered))


def _without_times(one: Share) -> Share:
    return msgspec.structs.replace(one, before=None, after=None, busy=(None, None))
