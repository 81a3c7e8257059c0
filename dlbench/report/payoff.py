"""Compiling against what compiles nothing: where it pays by the verdicts of a report, and after how many steps.

An arm on the path jit is faster or slower than another of its plugin if they are a pair with that verdict, or if their
verdicts against the same baseline lie on two sides of it. Anything else is inconclusive. The other arm is the eager
one, and the fastest that compiles nothing if that is another. Steps are given only where it is faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from dlbench.analysis.compare import Comparison
from dlbench.report.break_even import Payback
from dlbench.report.cases import Case, Names, Unlike, cases, compiled
from dlbench.report.document import Block, Details, Paragraph, Statement, Table
from dlbench.report.model import Report
from dlbench.report.section import Section
from dlbench.report.units import format_interval, steps
from dlbench.spec import Workload
from dlbench.stats.estimates import Estimate

Told = Literal["faster", "slower", "same", "inconclusive"]
Pairs = Mapping[tuple[str, str], Comparison]
"""Comparisons of a workload by candidate and baseline."""
SIGNS = {"faster": -1, "slower": 1}
MOST_NAMES = 3


class Payoff(NamedTuple):
    """One arm that compiles beside one of its plugin that does not; `eager` if that is the eager one."""

    load: Workload
    place: str
    arm: str
    against: str
    eager: bool
    told: Told
    found: Payback
    ratio: Estimate | None


def payoffs(sections: Sequence[Section], spoken: Sequence[Case]) -> Iterator[Payoff]:
    """One for each arm that compiles and has another to be set against, in the order of the report."""
    names = Names(sections)
    of: dict[str, dict[tuple[str, str], Comparison]] = {}
    for case in spoken:
        of.setdefault(case.title, {})[case.found.candidate, case.found.baseline] = case.found
    for section in sections:
        known = of.get(names.title(section.workload), {})
        for at, one in enumerate((*section.paybacks, *section.next_best)):
            yield _payoff(section, one, known, names, eager=at < len(section.paybacks))


def of_report(report: Report) -> Iterator[Payoff]:
    """Those of a whole report."""
    unlike = Unlike(report.fairness)
    spoken = [*cases(report.sections, unlike), *compiled(report.sections, unlike)]
    yield from payoffs(report.sections, spoken)


def statement(sections: Sequence[Section], spoken: Sequence[Case], evidence: str) -> Iterator[Statement]:
    """One sentence about all arms that compile; none if nothing is told."""
    found = list(payoffs(sections, spoken))
    said = []
    for eager in (True, False):
        mine = [one for one in found if one.eager is eager]
        parts = [part for arm in dict.fromkeys(one.arm for one in mine) if (part := _part(arm, mine))]
        against = "eager" if eager else "the plugin's fastest arm that compiles nothing"
        said += [f"against {against}: {'; '.join(parts)}"] if parts else []
    if said:
        yield Statement(f"Compiling, {'. And '.join(said)}.", evidence)


def blocks(report: Report, title: str) -> Iterator[Block]:
    """The table behind the sentence."""
    rows = [
        [
            one.place,
            f"{one.arm} over {one.against}",
            format_interval(one.ratio, ""),
            one.told,
            after(one.told, one.found),
        ]
        for one in of_report(report)
    ]
    if rows:
        head = ["", "Compiled over", "Step time over its", "By the verdicts", "Has paid for itself after"]
        yield Details(title, [Table(head, rows), Paragraph(_how(report))])


def after(told: str, found: Payback) -> str:
    """Steps after which an arm has paid, if it is shown to be faster; else the word for why there is no number."""
    if told == "slower":
        return "never"
    return steps(found.steps) if told == "faster" and found.steps is not None else "not told"


def told(label: str, against: str, known: Pairs) -> Told:
    """The word for an arm beside another, by these comparisons."""
    verdicts = {pair: found.verdict for pair, found in known.items()}
    forward, back = verdicts.get((label, against), ""), verdicts.get((against, label), "")
    if "same" in (forward, back):
        return "same"
    if sign := SIGNS.get(forward, 0) - SIGNS.get(back, 0):
        return _of_sign(sign)
    common = {base for one, base in verdicts if one == label} & {base for one, base in verdicts if one == against}
    for base in common:
        mine, theirs = (SIGNS.get(verdicts[one, base], 0) for one in (label, against))
        if mine * theirs < 0:
            return _of_sign(mine)
    return "inconclusive"


def _how(report: Report) -> str:
    more = any(section.next_best for section in report.sections)
    return (
        "Steps by the means of one first call and of steady steps, to two figures; none where the verdict does not say "
        "that compiling is faster." + (" Rows against graph: traced, not compiled." if more else "")
    )


def _payoff(section: Section, one: Payback, known: Pairs, names: Names, *, eager: bool) -> Payoff:
    load, direct = section.workload, known.get((one.label, one.against))
    return Payoff(
        load=load,
        place=names.place(load),
        arm=names.arm(load, one.label),
        against=names.arm(load, one.against),
        eager=eager,
        told=told(one.label, one.against, known),
        found=one,
        ratio=None if direct is None else direct.ratio,
    )


def _of_sign(sign: int) -> Told:
    return "faster" if sign < 0 else "slower"


def _part(arm: str, found: Sequence[Payoff]) -> str:
    """`tf jit pays on 12 of 14 (after 33 to 900 steps), not on cnn base`; empty if nothing is told."""
    mine = [one for one in found if one.arm == arm]
    of: dict[Told, list[Payoff]] = {}
    for one in mine:
        of.setdefault(one.told, []).append(one)
    if len(of.get("inconclusive", ())) == len(mine):
        return ""
    pays = of.get("faster", [])
    text = f"{arm} pays on {_places(pays, len(mine))}{_after(pays)}" if pays else f"{arm} pays nowhere for certain"
    text += f", is slower on {_places(of['slower'], len(mine))}" if "slower" in of else ""
    text += f", the same on {len(of['same'])}" if "same" in of else ""
    return text + (f", inconclusive on {len(of['inconclusive'])}" if "inconclusive" in of else "")


def _places(found: Sequence[Payoff], of: int) -> str:
    if len(found) == of > 1:
        return "both workloads" if of == 2 else f"all {of} workloads"
    return ", ".join(one.place for one in found) if len(found) <= MOST_NAMES else f"{len(found)} of {of} workloads"


def _after(found: Sequence[Payoff]) -> str:
    known = sorted(one.found.steps for one in found if one.found.steps is not None)
    if not known:
        return ""
    low, high = map(steps, (known[0], known[-1]))
    return (
        f" (after {high})"
        if low == high
        else f" (after {low.removesuffix(' steps').removesuffix(' step')} to {high.removeprefix('about ')})"
    )


def in_section(section: Section) -> dict[str, str]:
    """Each arm of a workload that compiles beside its eager one, by the verdicts of the workload, as `after`."""
    known = {(one.candidate, one.baseline): one for one in (*section.comparisons, *section.compiled)}
    return {one.label: after(told(one.label, one.against, known), one) for one in section.paybacks}
