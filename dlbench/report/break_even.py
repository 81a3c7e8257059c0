"""Steps after which compiling has paid for itself, against the same plugin on the path eager in the same report."""

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
        spec = runs[0].spec
        eager = eagers.get(program(spec))
        if spec.path != "jit" or eager is None:
            continue
        mine, theirs = times(runs), times(arms[eager.label])
        if mine is None or theirs is None:
            continue
        gained = theirs[1] - mine[1]
        steps = None if gained <= 0 else max(0.0, mine[0] - theirs[0]) / gained + spec.steps_per_call
        yield Payback(label=label, against=eager.label, steps=steps)


def times(runs: Sequence[Run]) -> tuple[float, float] | None:
    """Seconds of the first call, of the processes whose compiler started cold, and of a steady step."""
    of = {"first_step_time": [run for run in runs if metrics.cold(run)], "step_time": runs}
    found = [metrics.over(metrics.METRICS[name], chosen) for name, chosen in of.items()]
    first, step = (None if one is None else one.value for one in found)
    return None if first is None or step is None else (first, step)
