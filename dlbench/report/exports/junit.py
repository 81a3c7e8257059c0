"""JUnit XML: what failed, what was skipped, and each comparison as a test: `slower` fails, no verdict is a skip.

With a gate its outcomes are the tests in place of the comparisons, so that the file fails when the command does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple
from xml.etree import ElementTree

from dlbench.analysis.compare import Comparison
from dlbench.analysis.gate import Gate
from dlbench.analysis.labels import Labels
from dlbench.record.flags import STATUSES
from dlbench.record.schema import Run
from dlbench.report.exports.arms import Measured, line, measured
from dlbench.report.findings import finding
from dlbench.report.markdown import plain
from dlbench.report.model import Report
from dlbench.report.units import format_interval

Kind = Literal["failure", "error", "skipped"]
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document can hold (section 2.2)."""


class Case(NamedTuple):
    """A test: passed without a `kind`. `seconds` is the time that its Runs took, if it has some of its own."""

    suite: str
    name: str
    kind: Kind | None = None
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def render(runs: Sequence[Run], report: Report) -> str:
    """The document: a suite of arms and comparisons for each workload, and one of the gate."""
    gate = report.gate
    cases = [case for arm in measured(runs) for case in _arm(arm)]
    cases += list(_comparisons(report)) if gate is None else list(_outcomes(gate))
    root = ElementTree.Element("testsuites", {"name": "dlbench", **_counts(cases)})
    for name in dict.fromkeys(case.suite for case in cases):
        _suite(root, name, [case for case in cases if case.suite == name])
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _arm(arm: Measured) -> Iterator[Case]:
    """An arm, with the reason of the first process that did not end well."""
    seconds = math.fsum(run.wall_seconds for run in arm.runs)
    bad = [run for run in arm.runs if not run.ok]
    if not bad:
        yield Case(arm.workload, arm.name, seconds=seconds)
        return
    first = next((run for run in bad if run.failed), bad[0])
    kind: Kind = "error" if STATUSES[first.status].failed else "skipped"
    said = f"{first.status}: {line(first.reason)} ({len(bad)} of {len(arm.runs)} processes)"
    yield Case(arm.workload, arm.name, kind, said, plain(first.output_tail), seconds)


def _comparisons(report: Report) -> Iterator[Case]:
    names = Labels(section.workload for section in report.sections)
    for section in report.sections:
        title = line(names.title(section.workload))
        for one in section.comparisons:
            sides = (line(names.arm(section.workload, one.candidate)), line(one.baseline))
            yield Case(title, f"{sides[0]} against {sides[1]}", _kind(one), line(finding(title, one)))


def _kind(one: Comparison) -> Kind | None:
    if one.verdict == "slower":
        return "failure"
    return None if one.verdict in ("faster", "same") else "skipped"


def _outcomes(gate: Gate) -> Iterator[Case]:
    if gate.refused:
        yield Case("gate", "gate", "error", f"not gated: {line(gate.refused)}")
    for one in gate.outcomes:
        kind: Kind | None = "failure" if one.result == "regression" else None if one.result == "passed" else "skipped"
        ratio = f", ratio {format_interval(one.ratio, '')}" if one.ratio is not None else ""
        why = f": {line(one.reason)}" if one.reason else ""
        subject = f", {one.metric}" if one.metric else ""
        yield Case("gate", line(f"{one.pair}, {one.condition}{subject}"), kind, f"{one.result}{ratio}{why}")


def _suite(root: ElementTree.Element, name: str, cases: Sequence[Case]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(name), **_counts(cases)})
    for case in cases:
        about = {"classname": f"dlbench.{_legal(name)}", "name": _legal(case.name), "time": f"{case.seconds:.3f}"}
        element = ElementTree.SubElement(suite, "testcase", about)
        if case.kind is not None:
            found = ElementTree.SubElement(element, case.kind, {"message": _legal(case.message)})
            found.text = _legal(case.text or case.message)


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    found = {name: str(sum(case.kind == kind for case in cases)) for name, kind in kinds.items()}
    return {"tests": str(len(cases)), **found, "time": f"{math.fsum(case.seconds for case in cases):.3f}"}


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
