"""The answer of a report: at most six sentences made from its numbers by rules, each with the title of its evidence.

Only verdicts that the judgement gave are said. Inconclusive pairs are said as such, and rows that failed are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dlbench.report import payoff, ranking
from dlbench.report.cases import WORDS, Case, Names, Unlike, beyond, counted
from dlbench.report.cases import cases as find
from dlbench.report.cases import compiled as find_compiled
from dlbench.report.configuration import Fairness
from dlbench.report.document import Statement
from dlbench.report.findings import what_it_takes
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval, format_value

MOST = 6
"""Sentences of an answer."""
LEAST_PAIRS = 2
"""Sentences about pairs that there is always space for."""
MOST_PLACES = 3
"""Workloads that a sentence names one by one."""
MOST_OPEN = 8
"""Sets of arms that may be the fastest, which are named one by one with their workloads."""
VERDICTS, FINDINGS, COMPILING, NOT_RUN = "Verdicts", "Findings", "Compiling", "Not run"
"""Titles of evidence."""


def statements(
    sections: Sequence[Section], cases: Sequence[Case], compiled: Sequence[Case] = ()
) -> tuple[Statement, ...]:
    """The sentences, what matters most first."""
    first = [*_left_out(sections, cases), *_fastest(sections), *ranking.statement(sections)]
    others = [*payoff.statement(sections, [*cases, *compiled], COMPILING), *_memory(cases), *_learning(sections)]
    others += [] if cases else _figures(sections)
    failed = list(_failed(sections))
    space = MOST - len(first) - len(failed)
    others = others[: max(0, space - LEAST_PAIRS)] if cases else others
    return tuple([*first, *_standings(cases, space - len(others)), *others, *failed][:MOST])


def of(sections: Sequence[Section], built: Iterable[Fairness]) -> tuple[Statement, ...]:
    """The sentences about these sections, whose arms were built like this."""
    unlike = Unlike(built)
    return statements(sections, list(find(sections, unlike)), list(find_compiled(sections, unlike)))


def by_arms(cases: Iterable[Case]) -> dict[tuple[str, str], list[Case]]:
    """The cases of each candidate and baseline over all workloads, the largest difference first."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        found.setdefault((case.candidate, case.baseline), []).append(case)
    return dict(sorted(found.items(), key=lambda row: -max(beyond(case.found) for case in row[1])))


def _left_out(sections: Sequence[Section], cases: Sequence[Case]) -> Iterator[Statement]:
    """Pairs that no sentence is made of: of one process each, and those that compare different computations."""
    verdicts = [one.verdict for section in sections for one in section.comparisons]
    alone = verdicts.count("indicative")
    if alone:
        yield Statement(
            f"{alone} of {len(verdicts)} pairs are indicative (one process each): they decide nothing.", VERDICTS
        )
    if unlike := len(verdicts) - alone - len(cases):
        text = f"{unlike} of {len(verdicts)} pairs compare different computations; nothing is said of their speed."
        yield Statement(text, VERDICTS)


def _fastest(sections: Sequence[Section]) -> Iterator[Statement]:
    """The arms that are ahead of all others, and the first arms of workloads where none is shown to be."""
    names, led = Names(sections), [(one, one.leading) for one in sections if one.leading is not None]
    found: dict[str, list[str]] = {}
    open_on: dict[str, list[str]] = {}
    for section, of in led:
        arms = [names.arm(section.workload, label) for label in section.leaders]
        first = f"{' and '.join(arms)} (the same)" if len(arms) > 1 else "".join(arms)
        into = found if first or not of.rivals else open_on
        into.setdefault(first or ranking.candidates(of, section, names), []).append(names.place(section.workload))
    said = [f"{arms} on {_places(places, len(led))}" for arms, places in found.items()]
    if number := sum(map(len, open_on.values())):
        groups = [f"{arms} on {', '.join(places)}" for arms, places in open_on.items()]
        more = f"; {len(groups) - MOST_OPEN} more" if len(groups) > MOST_OPEN else ""
        said.append(f"not told on {number} ({'; '.join(groups[:MOST_OPEN])}{more})")
    if said:
        yield Statement(f"Fastest of all arms: {'; '.join(said)}.", ranking.FASTEST)


def _places(places: Sequence[str], of: int) -> str:
    """Up to three workloads by name, more by number."""
    if len(places) == of > 1:
        return _all(of, "workload")
    return ", ".join(places) if len(places) <= MOST_PLACES else f"{len(places)} of {of} workloads"


def _standings(cases: Sequence[Case], most: int) -> list[Statement]:
    """A sentence for each pair of arms, and one for those that there is no space for, which it names."""
    rows = list(by_arms(cases).items())
    shown, rest = (rows, []) if len(rows) <= most else (rows[: most - 1], rows[most - 1 :])
    found = [_standing(*arms, of_arms) for arms, of_arms in shown]
    if rest:
        pairs = [f"{candidate} against {baseline} ({_counted(of_arms)})" for (candidate, baseline), of_arms in rest]
        more = [case for _, of_arms in rest[MOST_PLACES:] for case in of_arms]
        others = [f"{len(rest) - MOST_PLACES} more ({_counted(more)})"] if more else []
        head = "Other pairs of arms" if shown else "Pairs of arms"
        found.append(Statement(f"{head}: {'; '.join([*pairs[:MOST_PLACES], *others])}.", VERDICTS))
    return found


def _counted(cases: Sequence[Case]) -> str:
    return counted(case.found.verdict for case in cases)


def _standing(candidate: str, baseline: str, cases: Sequence[Case]) -> Statement:
    if len(cases) == 1:
        return Statement(_single(cases[0]), cases[0].title)
    of = {verdict: [case for case in cases if case.found.verdict == verdict] for verdict in WORDS}
    said = [_share(verdict, found) for verdict, found in of.items() if found]
    if len(said) == 1:
        (verdict,) = (verdict for verdict, found in of.items() if found)
        text = f"{_one_way(verdict, candidate, baseline)} on {_all(len(cases), 'workload')}{_most(of[verdict])}."
        return Statement(text, VERDICTS)
    return Statement(f"{candidate} against {baseline} on {len(cases)} workloads: {', '.join(said)}.", VERDICTS)


def _one_way(verdict: str, candidate: str, baseline: str) -> str:
    match verdict:
        case "same":
            return f"{candidate} takes as long as {baseline} (the same)"
        case "inconclusive":
            return f"{candidate} against {baseline} is inconclusive"
        case _:
            return f"{candidate} is {verdict} than {baseline}"


def _all(number: int, noun: str) -> str:
    return {1: f"the one {noun}", 2: f"both {noun}s"}.get(number, f"all {number} {noun}s")


def _share(verdict: str, cases: Sequence[Case]) -> str:
    return f"{WORDS[verdict]} on {len(cases)}{_most(cases)}"


def _most(cases: Sequence[Case]) -> str:
    """The case with the largest difference; nothing if there is none."""
    top = max(cases, key=lambda case: beyond(case.found))
    ratio = top.found.ratio
    if ratio is None or not beyond(top.found):
        return ""
    return f" (most on {top.place}: {format_value(ratio.value, '')} times as long)"


def _single(case: Case) -> str:
    one = case.found
    head = _one_way(one.verdict, case.candidate, case.baseline)
    if one.ratio is None:
        return f"{case.candidate} is not compared with {case.baseline}: {one.reason}."
    more = f"; {what_it_takes(one)} would tell" if one.more_groups else f"; {one.reason}" if one.reason else ""
    return f"{head} on {case.place}: a step takes {format_interval(one.ratio, '')} times as long{more}."


def _memory(cases: Sequence[Case]) -> Iterator[Statement]:
    """Peak memory beside the baseline's; only of several processes a side, whose intervals lie apart."""
    for (candidate, baseline), of_arms in by_arms(cases).items():
        ratios = {case.place: ratio for case in of_arms if (ratio := _memory_ratio(case)) is not None}
        more, less = ({place: at for place, at in ratios.items() if (at > 1) is up} for up in (True, False))
        said = [
            f"{word} on {len(found)} of {len(of_arms)} ({_span(found.values())} times)"
            for word, found in (("more", more), ("less", less))
            if found
        ]
        if said:
            text = f"Peak memory of {candidate} beside {baseline}: {', '.join(said)}; intervals apart, not judged."
            yield Statement(text, of_arms[0].title)
            return


def _memory_ratio(case: Case) -> float | None:
    arms = {arm.label: arm for arm in case.section.arms}
    before, after = arms[case.found.baseline], arms[case.found.candidate]
    for name in ("device_memory_peak", "memory_peak"):
        one, other = before.metrics.get(name), after.metrics.get(name)
        if one is None or other is None or None in (one.low, one.high, other.low, other.high):
            continue
        apart = (other.low or 0.0) > (one.high or 0.0) or (other.high or 0.0) < (one.low or 0.0)
        return other.value / one.value if apart and one.value > 0 else None
    return None


def _span(values: Iterable[float]) -> str:
    low, high = (format_value(end(values), "") for end in (min, max)) if (values := list(values)) else ("", "")
    return low if low == high else f"{low} to {high}"


def _learning(sections: Sequence[Section]) -> Iterator[Statement]:
    """Arms whose every seed reached the target, and those with a seed that missed it."""
    names = Names(sections)
    tried = [
        (f"{names.arm(section.workload, arm.label)} on {names.place(section.workload)}", found)
        for section in sections
        for arm in section.arms
        if (found := arm.to_target.get("steps_to_target")) is not None and found.of > 1
    ]
    if not tried:
        return
    missed = [f"{name} ({one.reached} of {one.of})" for name, one in tried if one.reached < one.of]
    number = f"{len(tried) - len(missed)} of {len(tried)} arms" if missed else _all(len(tried), "arm")
    text = f"{number[0].upper()}{number[1:]} reached the target with every seed"
    text += f"; not {_first(missed)}" if missed else ""
    yield Statement(f"{text}.", VERDICTS)


def _first(names: Sequence[str], most: int = 3) -> str:
    """Some names, and the number of the others."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _figures(sections: Sequence[Section]) -> Iterator[Statement]:
    """Absolute figures of a report that compares nothing; only with an interval."""
    for section in sections:
        for arm in section.arms:
            step, rate = arm.metrics.get("step_time"), arm.metrics.get("throughput")
            if step is not None and step.low is not None and rate is not None:
                text = f"{section.workload.phase}, {arm.label}: a step takes {format_interval(step, 's')}"
                yield Statement(f"{text}, {format_value(rate.value, 'samples/s')}.", VERDICTS)


def _failed(sections: Sequence[Section]) -> Iterator[Statement]:
    """Arms that did not run, or lost some of their processes, by status."""
    arms = [arm for section in sections for arm in section.arms]
    kinds: Mapping[str, list[Arm]] = {
        "did not run": [arm for arm in arms if arm.failures and not arm.ok],
        "lost some of their processes": [arm for arm in arms if arm.failures and arm.ok],
    }
    said = []
    for kind, found in kinds.items():
        number = Counter(arm.failures[0].status for arm in found)
        why = ", ".join(f"{times} {status}" for status, times in number.items())
        said += [f"{len(found)} of {len(arms)} arms {kind} ({why})"] if found else []
    if said:
        yield Statement(f"{', '.join(said)}.", NOT_RUN)
