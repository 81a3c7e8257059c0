"""Profiles as tests write them: events in milliseconds, within a step; arms of such steps, and their explanation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dlbench.measure.profiling.answer import explain
from dlbench.measure.profiling.attribution import attribute
from dlbench.measure.profiling.spans import window
from dlbench.plugin import STEP, ProfileEvent
from dlbench.record.explanation import Arm, Explanation, Op, Profile
from dlbench.spec import Spec

SPEC = Spec(plugin="a.mlp", path="eager", phase="train", task="line", size="small", batch_size=1, threads=1)


def event(name: str, category: Any, start: float, end: float, thread: int = 1, **more: Any) -> ProfileEvent:
    """An event from and to these milliseconds."""
    return ProfileEvent(
        name=name, category=category, start=start * 1e-3, seconds=(end - start) * 1e-3, thread=thread, **more
    )


def step(end: float, thread: int = 1) -> ProfileEvent:
    """The span of a step from 0 to these milliseconds."""
    return event(STEP, "Python", 0, end, thread)


def account(events: Iterable[ProfileEvent], steps: int = 1) -> dict[tuple[str, str], Op]:
    """The account of these events, whose step took as long as it says, by category and name, in milliseconds."""
    events = list(events)
    seconds = next((one.seconds for one in events if one.name == STEP), 1.0)
    return {(op.category, op.name): op for op in attribute("a.b", window("a.b", events, seconds), steps).ops}


def milliseconds(events: Iterable[ProfileEvent], steps: int = 1) -> dict[str, float]:
    """Attributed wall milliseconds by name."""
    return {name: round(op.seconds * 1e3, 6) for (_, name), op in account(events, steps).items()}


@dataclass
class Step:
    """A step of operations one after the other, each (name, category, milliseconds)."""

    ops: list[tuple[str, Any, float]]
    flops: tuple[float | None, ...] = ()

    def events(self) -> list[ProfileEvent]:
        """Its events, of which that of the whole step is the first."""
        at, found = 0.0, []
        for number, (name, kind, length) in enumerate(self.ops):
            if kind != "Python":
                flops = self.flops[number] if number < len(self.flops) else None
                found.append(event(name, kind, at, at + length, flops=flops))
            at += length
        return [step(at), *found]

    def arm(self, label: str, cost: float = 1.1, scale: float = 1.0) -> Arm:
        """An arm whose profile takes `cost` times as long as a step without it, and whose measured step is scaled."""
        events = self.events()
        seconds = events[0].seconds
        account = attribute("a.b", window("a.b", events, seconds), 1)
        profile = Profile(
            spec=SPEC, steps=1, seconds=seconds, plain=seconds / cost, cost=cost, threads=1, ops=account.ops
        )
        return Arm(label=label, profile=profile, step=seconds * scale)


BASE = [("mm", "matrix product", 4), ("relu", "elementwise", 1), ("adam", "optimizer", 2), ("", "Python", 1)]
"""Operations of a step that takes 8 ms."""


def explained(before: Step, after: Step) -> Explanation:
    """The explanation of two steps."""
    return explain("train", before.arm("a"), after.arm("b"))
