"""Steps after which compiling has paid for itself, against arms of the same plugin that compile nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis import metrics
from dlbench.analysis.pairs import eager_of, program
from dlbench.record.schema import Record, Run


class Payback(Record, frozen=True):
    """Step `steps`, from which an arm that compiles has taken less time than `against`; None if it never does."""

    label: str
    against: str
    steps: float | None


def paybacks(arms: Mapping[str, Sequence[Run]]) -> Iterator[Payback]:
    """One for each arm on the path jit whose plugin also ran eager: n steps take first + (n - k) step on either side.

    `first` is the first call with its compilation from a cold cache, of k steps; `step` a steady step.
    """
    eagers = eager_of(runs[0].spec for runs in arms.values())
    for label, runs in arms.items():
        eager = eagers.get(program(runs[0].spec))
        if runs[0].spec.path == "jit" and eager is not None:
            yield from _payback(label, runs, eager.label, arms[eager.label])


def against_next_best(arms: Mapping[str, Sequence[Run]]) -> Iterator[Payback]:
    """The same against the fastest arm of the plugin that compiles nothing, if that is another than the eager one."""
    of: dict[tuple[object, ...], list[tuple[float, str]]] = {}
    if not any(runs[0].spec.path == "graph" for runs in arms.values()):
        return
    for label, runs in arms.items():
        if runs[0].spec.path != "jit" and (found := times(runs)) is not None:
            of.setdefault(program(runs[0].spec), []).append((found[1], label))
    for label, runs in arms.items():
        best = min(of.get(program(runs[0].spec), ()), default=(0.0, ""))[1]
        if runs[0].spec.path == "jit" and best and arms[best][0].spec.path != "eager":
            yield from _payback(label, runs, best, arms[best])


def _payback(label: str, runs: Sequence[Run], against: str, others: Sequence[Run]) -> Iterator[Payback]:
    """None if a side has no first call, or no steady step."""
    mine, theirs = times(runs), times(others)
    if mine is not None and theirs is not None:
        gained = theirs[1] - mine[1]
        steps = None if gained <= 0 else max(0.0, mine[0] - theirs[0]) / gained + runs[0].spec.steps_per_call
        yield Payback(label=label, against=against, steps=steps)


def times(runs: Sequence[Run]) -> tuple[float, float] | None:
    """Seconds of the first call, of the processes whose compiler started cold, and of a steady step."""
    of = {"first_step_time": [run for run in runs if metrics.cold(run)], "step_time": runs}
    found = [metrics.over(metrics.METRICS[name], chosen) for name, chosen in of.items()]
    first, step = (None if one is None else one.value for one in found)
    return None if first is None or step is None else (first, step)
