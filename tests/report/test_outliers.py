"""A process that runs at another speed for as long as it lives is named, and left out if there are many groups."""

import itertools
import math

import msgspec
import numpy as np
import pytest
from example_runs import bare_run, good_run, spec

from dlbench.analysis import evidence, pairs
from dlbench.analysis.memory import memory_peak
from dlbench.record.schema import Sample
from dlbench.report import summarize
from dlbench.report.outliers import far_out

pytestmark = pytest.mark.untimed
PLUGINS = ("tf.transformer", "torch.transformer")


def runs(log_ratios):
    """A session of two arms in lockstep with these log ratios, one a group."""
    for (group, log_ratio), (arm, plugin) in itertools.product(enumerate(log_ratios), enumerate(PLUGINS)):
        seconds = 0.01 * math.exp(arm * log_ratio)
        steady = [Sample(stage="steady", steps=1, seconds=seconds, cpu_seconds=0, round=at, turn=at) for at in range(3)]
        place = {"group": group, "groups": len(log_ratios), "arm": arm, "arms": 2}
        yield bare_run(spec=spec(plugin), samples=tuple(steady), **place)


def said(log_ratios):
    return [text for text in summarize(list(runs(log_ratios))).warnings if "far from the others" in text]


def even(groups):
    return list(np.linspace(-0.02, 0.02, groups))


@pytest.mark.parametrize(
    ("groups", "after"),
    [
        (5, "it widens the interval; of 15 groups and more (--rigorous, --adaptive) the ratio leaves out such"),
        (15, "the ratio leaves out the highest and the lowest"),
        (30, "the ratio leaves out 2 groups at either end"),
    ],
)
def test_a_group_unlike_the_others_is_named_with_what_became_of_it(groups, after):
    (text,) = said([*even(groups - 1), math.log(1.44)])
    assert text.startswith(
        f"train, torch.transformer jit over tf.transformer jit: groups with a ratio far from the "
        f"others: 1 of {groups} (1.44); a process ran at another speed"
    )
    assert text.endswith(after)


def test_groups_that_merely_scatter_are_not_named():
    assert said(even(15)) == []
    assert said([*even(14), math.log(1.08)]) == []
    assert said([*even(3), math.log(1.44)]) == []
    draws = np.random.default_rng(3).normal(0, 0.02, (500, 6)).tolist()
    assert sum(bool(far_out(row)) for row in draws) <= 5


def test_both_sides_are_named():
    assert "others: 2 of 15 (" in said([*even(13), math.log(0.7), math.log(1.44)])[0]
    assert "(0.70, 1.44)" in said([*even(13), math.log(0.7), math.log(1.44)])[0]


def test_one_process_that_takes_more_memory_counts_among_however_many():
    """Speed is the machine's too; memory is the program's own."""
    measured = [good_run(plugin, group=group, groups=30) for group in range(30) for plugin in PLUGINS]
    last, larger = measured[-1], grown(measured[-1])
    before, after = (pair_of(found).ratio().value for found in (measured, [*measured[:-1], larger]))
    assert after / before == pytest.approx((memory_peak(larger) / memory_peak(last)) ** (1 / 30))


def grown(run):
    marks = [msgspec.structs.replace(mark, peak_bytes=2 * mark.peak_bytes) for mark in run.memory]
    return msgspec.structs.replace(run, memory=tuple(marks))


def pair_of(measured):
    ((pair,),) = pairs.with_baselines(measured).values()
    return evidence.of(pair, "memory_peak")
