"""The cost of dlbench itself: its step against the same step in a hand-written loop, taking turns in one process.

    python -m studies.harness_cost [PLUGIN:PATH ...] [--rounds N]

Both sides call the same plugin on the same staged batches, as many steps a sample.
"""

from __future__ import annotations

import argparse
import itertools

from dlbench import registry
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.session.plan import expand
from dlbench.spec import Policy, Spec
from studies.pairing import Loop, Ratio, loop_over, steps_for, take_turns

SAMPLE_SECONDS = 0.05
DEFAULT = ("fake.linear:eager", "tf.transformer:jit", "tf.transformer:graph", "torch.transformer:eager")


def hand_written(spec: Spec) -> Loop:
    """The loop that somebody would write without dlbench; returns seconds of a number of steps."""
    plugin = registry.load(spec.plugin)
    prepared = prepare(spec, plugin)
    build_checked(plugin, prepared.request)
    stage = getattr(plugin, "stage", lambda batch: batch)
    batches = itertools.cycle([stage(prepared.task.batch(spec.seed, step)) for step in range(16)])
    return loop_over(lambda: plugin.train_step(next(batches)))


def through_dlbench(spec: Spec) -> Loop:
    """The same through the sampler that a child uses."""
    prepared = prepare(spec, registry.load(spec.plugin))
    build_checked(prepared.plugin, prepared.request)
    subject = MeasuredModel(spec, prepared)
    sampler = subject.sampler()
    return lambda steps: sampler.take(steps).seconds


def compare(spec: Spec, rounds: int) -> Ratio:
    """Dlbench's time over the hand-written loop's."""
    sides = through_dlbench(spec), hand_written(spec)
    steps = max(steps_for(side, SAMPLE_SECONDS) for side in sides)
    return Ratio.of([harness / loop for harness, loop in take_turns(sides, steps, rounds)])


def main() -> None:
    """Print a line for each plugin and path."""
    parser = argparse.ArgumentParser(description="harness cost")
    parser.add_argument("names", nargs="*", default=DEFAULT, metavar="PLUGIN:PATH")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    for name in options.names:
        plugin, _, path = name.partition(":")
        selection = {"plugin": [plugin], "path": [path], "phase": ["train"]}
        (spec,) = expand(selection, Policy())
        ratio, low, high = compare(spec, options.rounds)
        print(f"{name:28} {ratio:.4f}  [{low:.4f}, {high:.4f}]  dlbench / hand-written loop")


if __name__ == "__main__":
    main()
