"""What dlbench itself costs: its step against the same step in a hand-written loop, taking turns in one process.

    python benchmarks/harness_cost.py [PLUGIN:PATH ...] [--rounds N]

Both sides call the same plugin on the same staged batches, as many steps a sample; ABBA order; the ratio is the median
over rounds of the paired ratio, with the 95 % interval of that median from order statistics (binomial).
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

from scipy import stats

from dlbench import measure, registry
from dlbench.plan import Selection, expand
from dlbench.prepare import build_checked, prepare
from dlbench.spec import Policy, Spec
from dlbench.subject import Subject

SAMPLE_SECONDS = 0.05
DEFAULT = ("fake.linear:eager", "tf.transformer:jit", "tf.transformer:graph", "torch.transformer:eager")


def hand_written(spec: Spec) -> Callable[[int], float]:
    """The loop that somebody would write without dlbench; returns seconds of so many steps."""
    plugin = registry.load(spec.plugin)
    prepared = prepare(spec, plugin)
    build_checked(plugin, prepared.request)
    stage = getattr(plugin, "stage", lambda batch: batch)
    batches = itertools.cycle([stage(prepared.task.batch(spec.seed, step)) for step in range(16)])

    def loop(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            loss = plugin.train_step(next(batches))
        float(loss)
        return time.perf_counter() - start

    return loop


def through_dlbench(spec: Spec) -> Callable[[int], float]:
    """The same through the sampler that a child uses."""
    prepared = prepare(spec, registry.load(spec.plugin))
    build_checked(prepared.plugin, prepared.request)
    subject = Subject(spec, prepared)
    sampler = measure.Sampler(subject.step, subject.barrier, subject.ready)
    return lambda steps: sampler.take(steps).seconds


def compare(spec: Spec, rounds: int) -> tuple[float, float, float]:
    """Median paired ratio of dlbench's time over the hand-written loop's, and its interval."""
    sides = through_dlbench(spec), hand_written(spec)
    for side in sides:
        side(20)
    steps = max(1, round(SAMPLE_SECONDS / (sides[1](20) / 20)))
    ratios = []
    for number in range(rounds):
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            sides[side](1)
        seconds = {side: sides[side](steps) for side in order}
        ratios.append(seconds[0] / seconds[1])
    ratios.sort()
    low, high = (int(stats.binom.ppf(share, rounds, 0.5)) for share in (0.025, 0.975))
    return statistics.median(ratios), ratios[low], ratios[min(high, rounds - 1)]


def main() -> None:
    """Print a line for each plugin and path."""
    parser = argparse.ArgumentParser(description="harness cost")
    parser.add_argument("names", nargs="*", default=DEFAULT, metavar="PLUGIN:PATH")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    for name in options.names:
        plugin, _, path = name.partition(":")
        selection = Selection(plugins=[plugin], paths=[path], phases=["train"])
        (spec,) = expand(selection, Policy())
        ratio, low, high = compare(spec, options.rounds)
        print(f"{name:28} {ratio:.4f}  [{low:.4f}, {high:.4f}]  dlbench / hand-written loop")


if __name__ == "__main__":
    main()
