"""Findings in words: the results of each comparison and each A/A control."""

from __future__ import annotations

from dlbench.analysis.compare import Comparison
from dlbench.analysis.control import ControlPair
from dlbench.analysis.labels import Labels
from dlbench.analysis.likeness import Unlike
from dlbench.analysis.metrics import METRICS
from dlbench.report.units import duration, format_interval

UNLIKE: dict[Unlike, str] = {"model": "NOT THE SAME MODEL", "computation": "NOT THE SAME COMPUTATION"}
"""Marks of a ratio whose sides are not alike."""


def finding(title: str, found: Comparison) -> str:
    """The ratio of a pair and its verdict."""
    where = f"{title}: a step of {found.candidate}"
    if found.ratio is None:
        return f"{where} is not compared with {found.baseline}: {found.reason}"
    text = f"{where} takes {format_interval(found.ratio, '')} times as long as one of {found.baseline}"
    text += f", {UNLIKE[found.unlike]}: {found.verdict}" if found.unlike else f": {found.verdict}"
    text += f" ({found.reason})" if found.reason else ""
    text += "" if found.smallest_change is None else f"; minimum detectable change {found.smallest_change:.1%}"
    return f"{text}; {what_it_takes(found)} would tell" if found.more_groups else text


def what_it_takes(found: Comparison) -> str:
    """`about 40 more groups (6 min)`."""
    time = "" if found.more_seconds is None else f" ({duration(found.more_seconds)})"
    return f"about {found.more_groups} more group{'' if found.more_groups == 1 else 's'}{time}"


def control_line(found: ControlPair, names: Labels) -> str:
    """One A/A control: whether the session told two equal arms apart."""
    said = found.comparison
    of = "" if said.metric == "step_time" else f", {METRICS[said.metric].title.lower()}"
    arms = f"two equal arms ({names.spec(found.spec)}{of})"
    text = f"A/A control: ratio {format_interval(said.ratio, '')} of {arms}"
    return f"{text}: told apart, so this session gives no verdicts" if found.flagged else f"{text}: {said.verdict}"
