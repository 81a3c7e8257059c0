"""The answer in sentences: how much longer a step takes, and for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.measure.profiling import roofline
from dlbench.measure.profiling.join import categories, differences, layers
from dlbench.measure.profiling.phrases import listed, seconds
from dlbench.plugin import UNATTRIBUTED, Category
from dlbench.record.explanation import DEARER, EQUAL, Arm, Explanation, Layer, Share

WORTH, AGAINST, UNKNOWN = 0.1, 0.1, 0.05
"""Shares of the difference that a sentence names, and of a step that may be unattributed without a word."""
REASONS = 3
WORDS: dict[Category, str] = {
    "Python": "Python between operations",
    "guards": "guards of compiled code",
    "gaps": "waiting while no thread works",
    "data movement": "data movement and layout",
    "matrix product": "matrix products",
    "convolution": "convolutions",
    "reduction": "reductions",
    "random": "random numbers",
    "recurrent cell": "recurrent cells",
    "optimizer": "the optimizer",
    "loss": "the loss",
    "elementwise": "elementwise operations",
    UNATTRIBUTED: "operations that no table names",
}
"""Categories in a sentence, where they read otherwise."""


def explain(workload: str, before: Arm, after: Arm | None = None) -> Explanation:
    """The explanation of two arms, or the account of one."""
    found, by_layer = categories(before, after), layers(before, after)
    sides = [arm for arm in (before, after) if arm is not None]
    scaled = all(arm.scaled for arm in sides)
    lines = _of_pair(before, after, found) if after is not None else _of_one(before, found)
    return Explanation(
        workload=workload,
        before=before,
        after=after,
        answer=(
            *((*lines, *_of_layers(sides, by_layer)) if scaled else ()),
            *roofline.sentences(sides if scaled else ()),
            *_cautions(sides),
        ),
        categories=found,
        differences=differences(before, after),
        layers=by_layer if scaled else (),
    )


def _of_one(arm: Arm, found: Sequence[Share]) -> Iterator[str]:
    if not arm.step:
        return
    parts = [
        f"{(one.before or 0.0) / arm.step:.0%} is {_word(one)}" for one in found[:REASONS] if one.before and arm.step
    ]
    yield f"A step of {arm.label} takes {seconds(arm.step)}: {listed(parts)}."


def _of_pair(before: Arm, after: Arm, found: Sequence[Share]) -> Iterator[str]:
    if not before.step or not after.step:
        return
    gap, ratio = after.step - before.step, after.step / before.step
    times = f"{seconds(after.step)} against {seconds(before.step)} a step"
    if abs(gap) < EQUAL * before.step:
        yield f"{after.label} takes as long as {before.label} ({times}): there is no difference to explain."
        return
    longer = f"{ratio:.3g} times as long as" if gap > 0 else f"{1 / ratio:.3g} times less time than"
    reasons = [one for one in found if one.difference / gap >= WORTH][:REASONS]
    parts = [f"{one.difference / gap:.0%} of the difference is {_against(one)}" for one in reasons]
    yield f"{after.label} takes {longer} {before.label} ({times}){': ' if parts else ''}{listed(parts)}."
    opposed = [one for one in found if -one.difference / gap >= AGAINST][:REASONS]
    if opposed:
        slower = after.label if gap > 0 else before.label
        parts = [f"{_word(one)} ({seconds(abs(one.difference))})" for one in opposed]
        yield f"Against that, {slower} takes less time for {listed(parts)}."


def _of_layers(sides: Sequence[Arm], found: Sequence[Layer]) -> Iterator[str]:
    """The layers that pay for the difference, where both profiles know them; else those of the side that does."""
    times = [[one.before for one in found], [one.after for one in found]][: len(sides)]
    known = [arm for arm, of in zip(sides, times, strict=True) if any(of)]
    if len(known) == 2:
        gap = (sides[1].step or 0.0) - (sides[0].step or 0.0)
        if abs(gap) < EQUAL * (sides[0].step or 0.0):
            return
        parts = [f"{one.difference / gap:.0%} in {one.name}" for one in found if one.difference / gap >= WORTH]
        if parts:
            yield f"By layer, of the difference: {listed(parts[:REASONS])}."
    elif known and known[0].step:
        parts = [f"{one.name} {one.total / known[0].step:.0%}" for one in found[:REASONS]]
        yield f"By layer, of a step of {known[0].label}: {listed(parts)}."


def _against(one: Share) -> str:
    """`dispatch (1.2 ms against 0.1 ms, 214 against 3 calls)`."""
    calls = f", {one.counts[1]:.4g} against {one.counts[0]:.4g} calls" if any(one.counts) else ""
    return f"{_word(one)} ({seconds(one.after or 0.0)} against {seconds(one.before or 0.0)}{calls})"


def _cautions(sides: Sequence[Arm]) -> Iterator[str]:
    for arm in sides:
        profile = arm.profile
        if profile.reason:
            yield f"No profile of {arm.label}: {profile.reason}"
        elif profile.cost is None:
            yield f"What profiling costs a step of {arm.label} is not known: counts and order are shown, and no times."
        elif not profile.timed:
            yield (
                f"Profiling makes a step of {arm.label} {profile.cost:.2f} times as long, more than {DEARER:g}: "
                "counts and order are shown, and no times."
            )
        unknown = sum(op.seconds for op in profile.ops if op.category == UNATTRIBUTED)
        if profile.seconds and unknown > UNKNOWN * profile.seconds:
            yield f"{unknown / profile.seconds:.0%} of the step of {arm.label} has names that no table knows."
    costs = [f"{arm.profile.cost:.2f} ({arm.label})" for arm in sides if arm.profile.cost is not None]
    if all(arm.scaled for arm in sides):
        yield (
            f"Profiling makes a step {listed(costs)} times as long; times are scaled to the step that was measured "
            "without it."
        )


def _word(one: Share) -> str:
    return WORDS.get(one.category, one.category)
