"""Rankings: the fastest arm of each workload beside the next one, and frameworks against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dlbench.analysis.compare import Comparison
from dlbench.analysis.leaders import Across, Leading
from dlbench.report.cases import WORDS, Names
from dlbench.report.document import Block, Details, Paragraph, Statement, Table
from dlbench.report.section import Section
from dlbench.report.units import format_interval
from dlbench.stats.reasons import REASONS

FASTEST, FRAMEWORKS = "Fastest", "Frameworks against each other"
"""Titles of evidence."""
MOST_UNFOLDED = 30
"""Workloads up to which these tables are not folded."""
MOST_ROWS = 100
"""Workloads that a table shows; `report.json` has all."""
MOST_NAMES = 3
"""Arms, and workloads, that are named one by one."""
KINDS = {"best": "Best paths", "eager": "Both eager", "graph": "Both graph", "jit": "Both jit"}


def blocks(sections: Sequence[Section]) -> Iterator[Block]:
    """Both tables, each only if it has a row."""
    names = Names(sections)
    led = [(section, section.leading) for section in sections if section.leading is not None]
    if led:
        rows = [_row(section, found, names) for section, found in led[:MOST_ROWS]]
        parts: list[Block] = [
            Paragraph(_how(sections)),
            Table(["", "Fastest", "Next", "Next over fastest", "Verdict"], rows),
        ]
        codes = dict.fromkeys(found.next.code for _, found in led if found.next.verdict == "inconclusive")
        parts += [Paragraph(f"{code}: {REASONS[code]}.") for code in codes]
        parts += _left_out(led)
        yield Details(FASTEST, parts, _told(led), unfolded=len(led) <= MOST_UNFOLDED)
    across = [section for section in sections if section.across]
    if across:
        text = (
            "Best paths: the fastest arm of one framework over that of another, whatever its path. Below 1 the "
            "framework named first is faster. Pairs are compared directly, as above."
        )
        both: list[Block] = [Paragraph(text), _frameworks(across[:MOST_ROWS], names), *_left_out(across)]
        yield Details(FRAMEWORKS, both, _pairs(across), unfolded=len(across) <= MOST_UNFOLDED)


def statement(sections: Sequence[Section]) -> Iterator[Statement]:
    """One sentence about each framework against the baseline's, at the best paths and on equal ones."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for one in (one for section in sections for one in section.across):
        of = found.setdefault((one.candidate, one.baseline), {})
        of.setdefault(one.kind, []).append(one.found.verdict)
    kinds = KINDS if len(found) == 1 else ("best",)
    said = [
        f"{candidate} against {baseline}: "
        + "; ".join(f"{_kind(kind)} {counts(of[kind])}" for kind in kinds if kind in of)
        for (candidate, baseline), of in list(found.items())[:MOST_NAMES]
    ]
    if said:
        more = f"; and {len(found) - MOST_NAMES} more frameworks" if len(found) > MOST_NAMES else ""
        yield Statement(f"{'. '.join(said)}{more}.", FRAMEWORKS)


def counts(verdicts: Sequence[str]) -> str:
    """`faster on 3, inconclusive on 2`."""
    found = Counter(verdicts)
    return ", ".join(f"{word} on {found[verdict]}" for verdict, word in WORDS.items() if found[verdict])


def candidates(found: Leading, section: Section, names: Names) -> str:
    """`tf jit or torch jit`: the first arm with those that it is not told apart from, and those that take as long."""
    if len(found.same) == len(section.comparisons):
        return "all arms (the same)"
    first, *rivals = (names.arm(section.workload, label) for label in (found.first, *found.rivals))
    more = len(rivals) - MOST_NAMES
    text = " or ".join([first, *rivals[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])])
    same = [names.arm(section.workload, label) for label in found.same]
    return f"{text} (the same: {', '.join(same)})" if same else text


def _left_out(found: Sequence[object]) -> list[Block]:
    """A line for the workloads that a table does not show."""
    return [Paragraph(f"The first {MOST_ROWS} of {len(found)} workloads.")] if len(found) > MOST_ROWS else []


def _kind(kind: str) -> str:
    return "at their best paths" if kind == "best" else KINDS[kind].lower()


def _how(sections: Sequence[Section]) -> str:
    pairs = sum(len(section.comparisons) for section in sections)
    return (
        "The arm of the least step time, with those from which no verdict tells it apart (or). It is compared with "
        "each other arm directly, in the groups in which they took turns. These numbers chose it, so its verdicts are "
        f"corrected for all {pairs} pairs of this report (Bonferroni): it may be open although the intervals of the "
        "two against the baseline lie apart."
    )


def _told(led: Sequence[tuple[Section, Leading]]) -> str:
    return f"told on {sum(bool(section.leaders) for section, _ in led)} of {len(led)} workloads"


def _row(section: Section, found: Leading, names: Names) -> list[str]:
    verdict = found.next.verdict + (f" ({found.next.code})" if found.next.verdict == "inconclusive" else "")
    following = names.arm(section.workload, found.next.candidate)
    place, ratio = names.place(section.workload), format_interval(found.next.ratio, "")
    return [place, candidates(found, section, names), following, ratio, verdict]


def _pairs(across: Sequence[Section]) -> str:
    return ", ".join(dict.fromkeys(f"{one.candidate} over {one.baseline}" for of in across for one in of.across))


def _frameworks(across: Sequence[Section], names: Names) -> Table:
    kinds = [kind for kind in KINDS if kind != "best" and any(one.kind == kind for of in across for one in of.across)]
    several = len({(one.candidate, one.baseline) for of in across for one in of.across}) > 1
    rows = []
    for section in across:
        of: dict[tuple[str, str], dict[str, Across]] = {}
        for one in section.across:
            of.setdefault((one.candidate, one.baseline), {})[one.kind] = one
        for (candidate, baseline), found in of.items():
            best = found["best"].found
            arms = " over ".join(names.arm(section.workload, label) for label in (best.candidate, best.baseline))
            head = names.place(section.workload) + (f", {candidate} over {baseline}" if several else "")
            equal = [_cell(found[kind].found) if kind in found else "–" for kind in kinds]
            rows.append([head, arms, _cell(best), *equal])
    return Table(["", KINDS["best"], "Ratio", *(KINDS[kind] for kind in kinds)], rows)


def _cell(one: Comparison) -> str:
    return f"{format_interval(one.ratio, '')} {one.verdict}"
