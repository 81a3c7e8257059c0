"""Words of a page and rules of its verdicts, each once; the terms are those of docs/glossary.md."""

from __future__ import annotations

from collections.abc import Iterator

from dlbench.report.document import Block, Details, Table
from dlbench.stats.decisions import EQUIVALENCE_MARGIN, NEGLIGIBLE_CHANGE
from dlbench.stats.power import ALPHA, POWER

TITLE = "Words"
TERMS = {
    "arm": "One program under comparison within a workload: a plugin on a path, with its compiler and its Python "
    "environment.",
    "workload": "Everything that the arms of one comparison share: architecture, phase, size, task, batch size, "
    "threads, device, precision, seed, steps a call and place of the data.",
    "pair": "Two arms of one workload that are compared: a candidate over its baseline.",
    "baseline": "The arm that others are compared with: the first one, or the saved report of --against.",
    "path": "Way in which a framework executes a step: eager, graph (traced) or jit (compiled).",
    "group": "One repetition of a workload: one process for each arm, alive together. --processes 5 means five groups.",
    "round": "One turn of each arm of a group.",
    "process": "The unit of statistics. Each process of an arm gives one number for each metric, such as the median "
    "of its steady samples.",
    "sample": "A number of steps that ends with the barrier, 20 ms or longer, or 10 ms where arms take turns. Times of "
    "a step are a sample's time divided by its steps. (In samples/s and in a batch, a sample is one row of data.)",
    "parity": "The check that two arms are the same model: parameters, outputs, gradients, losses of 20 steps and "
    "FLOPs, each within a tolerance.",
}
VERDICTS = (
    f"slower, faster: by more than {NEGLIGIBLE_CHANGE:.0%}, shown at the level {ALPHA:.0%} for all pairs of the report "
    "together (Holm's correction), and by an exact rank test",
    f"same: the 98 % interval lies within {EQUIVALENCE_MARGIN:.0%} either way",
    "inconclusive: none of these is shown",
    f"minimum detectable change: the slowdown that these numbers report as slower with {POWER:.0%} power, at the level "
    f"{ALPHA:.0%} for that pair alone",
)
"""The rules of `dlbench.stats.decisions` in plain words."""


def blocks() -> Iterator[Block]:
    """A fold with the terms."""
    rows = [[term, meaning] for term, meaning in TERMS.items()]
    yield Details(TITLE, [Table(["", "Meaning"], rows)])
