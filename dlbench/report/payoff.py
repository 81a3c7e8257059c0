"""Compiling against eager: where it pays by the verdicts of a report, and after how many steps.

An arm on the path jit is faster or slower than its plugin's eager one if they are a pair with that verdict, or if their
verdicts against the same baseline lie on two sides of it. Anything else is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dlbench.analysis.compare import Comparison
from dlbench.report.break_even import Payback
from dlbench.report.cases import Case, Names, Unlike, cases, compiled
from dlbench.report.document import Block, Details, Statement, Table
from dlbench.report.model import Report
from dlbench.report.section import Section
from dlbench.report.units import format_interval, steps
from dlbench.spec import Workload
from dlbench.stats.estimates import Estimate

Told = Literal["faster", "slower", "level", "inconclusive"]
SIGNS = {"faster": -1, "slower": 1}
MOST_NAMES = 3


class Payoff(NamedTuple):
    """One arm that compiles beside its eager one in a workload."""

    load: Workload
    place: str
    arm: str
    told: Told
    found: Payback
    ratio: Estimate | None


def payoffs(sections: Sequence[Section], spoken: Sequence[Case]) -> Iterator[Payoff]:
    """One for each arm that compiles and has an eager one, in the order of the report."""
    names = Names(sections)
    of: dict[str, dict[tuple[str, str], Comparison]] = {}
    for case in spoken:
        of.setdefault(case.title, {})[case.found.candidate, case.found.baseline] = case.found
    for section in sections:
        load = section.workload
        for one in section.paybacks:
            known = of.get(names.title(load), {})
            told = _told(one.label, one.against, {pair: found.verdict for pair, found in known.items()})
            direct = known.get((one.label, one.against))
            ratio = None if direct is None else direct.ratio
            yield Payoff(load, names.place(load), names.arm(load, one.label), told, one, ratio)


def of_report(report: Report) -> Iterator[Payoff]:
    """Those of a whole report."""
    unlike = Unlike(report.fairness)
    spoken = [*cases(report.sections, unlike), *compiled(report.sections, unlike)]
    yield from payoffs(report.sections, spoken)


def statement(sections: Sequence[Section], spoken: Sequence[Case], evidence: str) -> Iterator[Statement]:
    """One sentence about all arms that compile; none if nothing is told."""
    found = list(payoffs(sections, spoken))
    parts = [part for arm in dict.fromkeys(one.arm for one in found) if (part := _part(arm, found))]
    if parts:
        yield Statement(f"Compiling, against eager: {'; '.join(parts)}.", evidence)


def blocks(report: Report, title: str) -> Iterator[Block]:
    """The table behind the sentence."""
    rows = [[one.place, one.arm, format_interval(one.ratio, ""), one.told, _steps(one)] for one in of_report(report)]
    if rows:
        head = ["", "Arm", "Step time over eager's", "Than eager, by the verdicts", "Has paid for itself after"]
        yield Details(title, [Table(head, rows)])


def _told(jit: str, eager: str, verdicts: dict[tuple[str, str], str]) -> Told:
    forward, back = verdicts.get((jit, eager), ""), verdicts.get((eager, jit), "")
    if "same" in (forward, back):
        return "level"
    if sign := SIGNS.get(forward, 0) - SIGNS.get(back, 0):
        return _of_sign(sign)
    common = {base for label, base in verdicts if label == jit} & {base for label, base in verdicts if label == eager}
    for base in common:
        mine, theirs = (SIGNS.get(verdicts[label, base], 0) for label in (jit, eager))
        if mine * theirs < 0:
            return _of_sign(mine)
    return "inconclusive"


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
    text += f", level on {len(of['level'])}" if "level" in of else ""
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
    return f" (after {high})" if low == high else f" (after {low.removesuffix(' steps')} to {high})"


def _steps(one: Payoff) -> str:
    return "never" if one.found.steps is None else steps(one.found.steps)
