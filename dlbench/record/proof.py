"""Proof of the path `jit`: one rule for a Run, for `dlbench check` and for the pytest fixture.

A step on this path is compiled whole and once: every part of it runs in compiled graphs, without a break between them,
and nothing is compiled again after warm-up. A part that is left to Python interrupts the compiled code as a break does,
so both are refused alike unless the Spec allows breaks: compiling less never passes if compiling more is refused.
"""

from __future__ import annotations

import msgspec

from dlbench.errors import ContractViolation
from dlbench.plugin import PARTS, Compilation, Part
from dlbench.record.flags import FlagName
from dlbench.spec import Spec

COUNTS = ("graphs", "breaks", "recompilations", "calls")


def since(spec: Spec, found: Compilation, warm: Compilation, calls: int) -> Compilation:
    """The same, with the compilations and calls since `warm` was reported, in this number of calls of the plugin.

    Raises ContractViolation if a count has become smaller.
    """
    for name in COUNTS:
        before, now = getattr(warm, name), getattr(found, name)
        if (now or 0) < (before or 0):
            raise ContractViolation(f"{spec.plugin}: compilation() said {name}={before} and later {name}={now}")
    counted = calls > 0 and found.calls is not None and warm.calls is not None
    return msgspec.structs.replace(
        found,
        late=found.recompilations - warm.recompilations,
        calls_per_step=((found.calls or 0) - (warm.calls or 0)) / calls if counted else None,
    )


def problem(spec: Spec, found: Compilation | None, functions: int = 1) -> str:
    """Reason that the proof of the path `jit` fails, in a line; empty if it holds.

    `functions` of the plugin were called; each is at least one graph.
    """
    if found is None:
        return "the path jit must be proven; add compilation() to the plugin"
    if found.graphs == 0:
        return f"the path jit compiled nothing: {found.graphs} graphs"
    if found.graphs < functions:
        return f"{functions} functions were called and {found.graphs} graphs compiled: one ran without a compiler"
    if found.calls_per_step is not None and found.calls_per_step < 1:
        return f"the compiled graphs were not called in every step: {found.calls_per_step:.2g} calls a step"
    if spec.allow_breaks or not (found.breaks or found.late or left(spec, found)):
        return ""
    counts = f"{found.graphs} graphs, {found.breaks} breaks, {found.late} recompilations after warm-up"
    advice = "--allow-breaks measures it anyway, and flags it"
    return f"not compiled whole and once: {counts}; {advice}{_why(spec, found)}"


def left(spec: Spec, found: Compilation) -> tuple[Part, ...]:
    """The parts of a training step that no compiled graph is said to hold; a prediction is one part alone."""
    return () if not spec.trains else tuple(part for part in PARTS if part not in found.parts)


def flags(spec: Spec, found: Compilation | None) -> list[FlagName]:
    """Flags of a Run: breaks and parts that the Spec allows, and a cache that was not empty."""
    if found is None:
        return []
    marks: dict[FlagName, object] = {
        "graph_breaks": found.breaks,
        "left_to_python": spec.path == "jit" and left(spec, found),
        "recompiled": found.late,
        "cache_not_empty": found.cache == "not empty",
        "cache_unknown": found.cache == "unknown",
    }
    return [flag for flag, seen in marks.items() if seen]


def _why(spec: Spec, found: Compilation) -> str:
    parts = left(spec, found)
    silent = "compilation() does not say which parts of a step are compiled: give it parts"
    says = [f"left to Python: {', '.join(parts)}" if found.parts else silent] if parts else []
    says += [f"breaks: {'; '.join(found.reasons)}"] if found.reasons else []
    return f" ({'; '.join(says)})" if says else ""
