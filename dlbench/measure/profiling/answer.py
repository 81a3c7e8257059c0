"""The answer in sentences: how much longer a step takes, and for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.measure.profiling import roofline
from dlbench.measure.profiling.join import categories, differences, layers
from dlbench.measure.profiling.phrases import listed, seconds
from dlbench.plugin import HOST, UNATTRIBUTED, Category
from dlbench.record.explanation import DEARER, EQUAL, Arm, Explanation, Layer, Share

WORTH, AGAINST, UNKNOWN = 0.1, 0.1, 0.05
"""Shares of the difference that a sentence names, and of a step that may be unattributed without a word."""
REASONS = 3
ALIKE = 1.25
"""Ratio of a measured step to the one beside its profile, or the reverse, up to which they are of one length."""
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
            *lines,
            *(_of_layers(sides, by_layer) if scaled else ()),
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
    parts = [f"{one.before / arm.step:.0%} is {_word(one)}" for one in found[:REASONS] if one.before]
    yield f"A step of {arm.label} takes {seconds(arm.step)}{': ' if parts else ''}{listed(parts)}."


def _of_pair(before: Arm, after: Arm, found: Sequence[Share]) -> Iterator[str]:
    """The difference and its reasons; where a profile tells no times, the account of the side that has some."""
    if not before.step or not after.step:
        return
    gap, scaled = after.step - before.step, before.scaled and after.scaled
    if abs(gap) < EQUAL * before.step:
        times = f"{seconds(after.step)} against {seconds(before.step)} a step"
        yield f"{after.label} takes as long as {before.label} ({times}): there is no difference to explain."
        return
    reasons = [one for one in found if scaled and one.difference / gap >= WORTH][:REASONS]
    parts = [f"{one.difference / gap:.0%} of the difference is {_against(one, found, gap)}" for one in reasons]
    yield f"{_longer(before, after)}{': ' if parts else ''}{listed(parts)}."
    opposed = [one for one in found if scaled and -one.difference / gap >= AGAINST][:REASONS]
    if opposed:
        parts = [f"{_word(one)} ({seconds(abs(one.difference))})" for one in opposed]
        yield f"Against that, {(after if gap > 0 else before).label} takes less time for {listed(parts)}."
    for arm in (before, after) if not scaled else ():
        if arm.scaled:
            yield from _of_one(arm, categories(arm, None))


def _longer(before: Arm, after: Arm) -> str:
    """`b takes 1.5 times as long as a (12 ms against 8 ms a step)`."""
    (short, fast), (long, slow) = sorted(((arm.step or 0.0, arm) for arm in (before, after)), key=lambda one: one[0])
    times = f"{seconds(long)} against {seconds(short)} a step"
    return f"{slow.label} takes {long / short:.3g} times as long as {fast.label} ({times})"


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


def _against(one: Share, found: Sequence[Share], gap: float) -> str:
    """The category, the slower side's time first: `dispatch (1.2 ms against 0 µs, of 9 against 3 recorded operations)`.

    Of dispatch, the operations count that the profiler has recorded; other time of the host has no calls.
    """
    order = -1 if gap > 0 else 1
    times = " against ".join(seconds(value or 0.0) for value in (one.before, one.after)[::order])
    counts = one.counts[::order]
    if one.category == "dispatch":
        counts = _operations(found)[::order]
        said = f", of {counts[0]:.0f} against {counts[1]:.0f} recorded operations" if any(counts) else ""
    else:
        said = f", {counts[0]:.4g} against {counts[1]:.4g} calls"
        said = said if any(counts) and one.category not in HOST else ""
    return f"{_word(one)} ({times}{said})"


def _operations(found: Sequence[Share]) -> tuple[float, float]:
    """Calls of all operations on each side, views and reads of variables too: each is dispatched."""
    dispatched = [one.counts for one in found if one.category == "dispatch" or one.category not in HOST]
    before, after = (sum(counts[side] for counts in dispatched) for side in (0, 1))
    return before, after


def _cautions(sides: Sequence[Arm]) -> Iterator[str]:
    for arm in sides:
        yield from _of_profile(arm)
    if all(arm.scaled for arm in sides):
        costs = [f"{_cost(arm.profile.cost)} ({arm.label})" for arm in sides if arm.profile.cost is not None]
        yield f"Profiling makes a step {listed(costs)}; times are scaled to the step that was measured without it."
        yield from _of_another_length(sides)


def _of_profile(arm: Arm) -> Iterator[str]:
    """Cautions about the profile of an arm: what it does not tell, and why."""
    profile, unshown = arm.profile, "counts and order are shown, and no times"
    if profile.reason:
        yield f"No profile of {arm.label}: {profile.reason}"
    elif profile.cost is None:
        yield f"What profiling costs a step of {arm.label} is not known: {unshown}."
    elif not profile.timed:
        times = f"{profile.cost:.2f} times as long, more than {DEARER:g}"
        yield f"Profiling makes a step of {arm.label} {times}: {unshown}."
    unknown = sum(op.seconds for op in profile.ops if op.category == UNATTRIBUTED)
    if profile.seconds and unknown > UNKNOWN * profile.seconds:
        yield f"{unknown / profile.seconds:.0%} of the step of {arm.label} has names that no table knows."


def _cost(ratio: float) -> str:
    """A machine that was slower for the steps without the profiler does not make profiling a gain."""
    return f"{ratio:.2f} times as long" if ratio > 1.0 else "no longer"


def _of_another_length(sides: Sequence[Arm]) -> Iterator[str]:
    """The arms whose step beside the profile was of another length than the measured one, so that parts may be too."""
    parts = [
        f"{arm.label} {seconds(arm.step)} ({seconds(arm.profile.plain)} beside the profile)"
        for arm in sides
        if arm.step and arm.profile.plain and not 1 / ALIKE <= arm.step / arm.profile.plain <= ALIKE
    ]
    if parts:
        yield f"Believe the shares rather than the times, as steps were not of one length: {listed(parts)}."


def _word(one: Share) -> str:
    return WORDS.get(one.category, one.category)
