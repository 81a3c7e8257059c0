"""Findings: every comparison in a table, sorted by what matters; and each A/A control in a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis.compare import Comparison
from dlbench.analysis.control import ControlPair
from dlbench.analysis.judge import Row
from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.report.cases import UNLIKE, Names, Unlike, beyond
from dlbench.report.document import Block, Bullets, Details, Table
from dlbench.report.model import Report
from dlbench.report.section import Section
from dlbench.report.units import duration, format_interval
from dlbench.stats.reasons import ONE_OF_MANY, REASONS, ReasonCode

ORDER = ("slower", "faster", "same", "inconclusive", "indicative")
"""Verdicts in the order of a table, beside the size of a difference."""
PLAIN: tuple[ReasonCode, ...] = ("ci-beyond", "equivalent")
"""Reasons that a verdict says by itself."""
NOTHING = "–"
FEWER = "more groups or fewer arms; their number is not known"
"""The way to a verdict on what is significant only alone; no number of groups follows from its interval."""
NAMED = 3
"""Pairs without a ratio that a line names."""


def blocks(report: Report, title: str) -> Iterator[Block]:
    """A fold with a row for each pair, the largest difference beyond its uncertainty first; nothing without pairs."""
    names, unlike = Names(report.sections), Unlike(report.fairness)
    pairs = [(section, one) for section in report.sections for one in section.comparisons]
    if not pairs:
        return
    rated = [pair for pair in pairs if pair[1].ratio is not None]
    rated.sort(key=lambda pair: (-beyond(pair[1]), ORDER.index(pair[1].verdict)))
    rows = [_row(section, one, names, unlike) for section, one in rated]
    codes = dict.fromkeys(one.code for _, one in rated if one.code not in PLAIN)
    lines = [*(f"{code}: {REASONS[code]}" for code in codes), *_not_compared(pairs, names)]
    head = ["", "A step of", "Ratio", "Verdict", "Minimum detectable change", "Reason", "Would tell"]
    yield Details(title, [*([Table(head, rows)] if rows else []), *([Bullets(lines)] if lines else [])], _size(pairs))


def _size(pairs: Sequence[tuple[Section, Comparison]]) -> str:
    return "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs, largest beyond their uncertainty first"


def _row(section: Section, one: Comparison, names: Names, unlike: Unlike) -> list[str]:
    could = "–" if one.smallest_change is None else f"{one.smallest_change:.1%}"
    verdict = unlike.mark(section.workload, one) or one.verdict
    load, why = section.workload, "–" if one.code in PLAIN else one.code
    pair = f"{names.arm(load, one.candidate)} over {names.arm(load, one.baseline)}"
    more = _would_tell(one, verdict)
    return [names.place(load), pair, format_interval(one.ratio, ""), verdict, could, why, more]


def _would_tell(one: Comparison, verdict: str) -> str:
    """Groups that would decide; the way to a verdict if their number is not the point; a dash beside a verdict."""
    if one.more_groups:
        return what_it_takes(one)
    if verdict != "inconclusive":
        return NOTHING
    return FEWER if one.code == ONE_OF_MANY else "see its reason below"


def rows(report: Report) -> list[Row]:
    """Every comparison of a report, under the name of its pair."""
    names = Names(report.sections)
    return [
        Row(pair=_pair(section, one, names), comparison=one)
        for section in report.sections
        for one in section.comparisons
    ]


def _pair(section: Section, one: Comparison, names: Names) -> str:
    return f"{names.title(section.workload)}: {one.candidate} over {one.baseline}"


def _not_compared(pairs: Sequence[tuple[Section, Comparison]], names: Names) -> Iterator[str]:
    """A line for each reason, with the number of its pairs."""
    alike: dict[str, list[str]] = {}
    for section, one in pairs:
        if one.ratio is None:
            alike.setdefault(one.reason, []).append(_pair(section, one, names))
        elif one.code == "contradictory":
            yield f"{_pair(section, one, names)}: {one.reason}"
    for reason, found in alike.items():
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield f"not compared ({len(found)}): {'; '.join(found[:NAMED])}{more}: {reason}"


def finding(title: str, found: Comparison) -> str:
    """The ratio of a pair and its verdict, in a sentence."""
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
    return (
        f"{text}: told apart, so every comparison of this session is inconclusive"
        if found.flagged
        else f"{text}: {said.verdict}"
    )
