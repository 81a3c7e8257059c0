"""Fidelity in words: the errors of each arm beside its speed, and arms that do not compute the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

import msgspec

from dlbench.analysis.compare import Comparison
from dlbench.record.fidelity import Deviation, Fidelity, What
from dlbench.record.schema import Run
from dlbench.report.configuration import subject_of
from dlbench.report.document import Block, Details, Paragraph, Table
from dlbench.report.section import FidelityRow, Section
from dlbench.report.units import format_interval
from dlbench.spec import Spec, workload

NOTHING = "–"
WHATS: tuple[What, ...] = get_args(What)
HEAD = ("", "Step time, ratio", "Outputs", "Gradients", "20 losses", "Bits agree", "Same")


def rows(found: Iterable[Fidelity], runs: Sequence[Run], sections: Sequence[Section]) -> Iterator[FidelityRow]:
    """A row for each arm, with the ratio of its training step if that was measured, else of its prediction."""
    for one in found:
        compared, baseline = _compared(one.spec, sections)
        yield FidelityRow(
            arm=one.spec.label,
            subject=subject_of(one.spec),
            found=one,
            ratio=None if compared is None else compared.ratio,
            baseline=baseline,
            bits=_bits(run for run in runs if _arm_of(run.spec) == one.spec),
            unlike=msgspec.UNSET if compared is None else compared.unlike,
        )


def not_same(found: Iterable[FidelityRow]) -> list[FidelityRow]:
    """Arms with an error that their precision does not explain."""
    return [row for row in found if row.found.same is False]


def warnings(found: Iterable[FidelityRow]) -> Iterator[str]:
    """Warnings about arms that do not compute the same thing: each error that its precision does not explain."""
    for row in not_same(found):
        beyond = "; ".join(_beyond(one) for one in row.found.deviations if not one.holds)
        yield (
            f"{row.subject}: {row.arm} does not compute the same thing as {row.found.reference}: {beyond}; "
            "its ratio compares different computations"
        )


def lead(found: Iterable[FidelityRow]) -> str:
    """The arms that do not compute the same thing, for the first lines of a report; empty if every arm does."""
    names = [row.arm for row in not_same(found)]
    return f"NOT THE SAME COMPUTATION: {', '.join(dict.fromkeys(names))}." if names else ""


def blocks(found: Sequence[FidelityRow]) -> Iterator[Block]:
    """A fold with a table for each subject; unfolded if an arm does not compute the same thing."""
    if found:
        summary = f"{len(found)} arms, errors beside speed"
        yield Details("Fidelity", list(_tables(found)), summary, unfolded=bool(not_same(found)))


def _tables(found: Sequence[FidelityRow]) -> Iterator[Block]:
    for subject in dict.fromkeys(row.subject for row in found):
        mine = [row for row in found if row.subject == subject]
        yield Paragraph(
            f"{subject}. Relative errors of outputs, first gradients and the losses of 20 steps, in the 2-norm; above "
            "stands the most that the arm's precision explains. Bits agree if all processes of an arm have one digest."
        )
        yield Table(HEAD, [_cells(row) for row in mine])
        yield Paragraph(". ".join(_references(mine)) + ".")


def _cells(row: FidelityRow) -> list[str]:
    by_what = {one.what: one for one in row.found.deviations}
    errors = [_cell(by_what.get(what)) for what in WHATS]
    same = {True: "yes", False: "NO", None: "not checked"}[row.found.same]
    ratio = "1 (baseline)" if row.baseline else NOTHING if row.ratio is None else format_interval(row.ratio, "")
    mark = " (not the same)" if row.found.same is False else " (not the same model)" if row.unlike == "model" else ""
    return [row.arm, f"{ratio}{mark}", *errors, row.bits, same]


def _cell(one: Deviation | None) -> str:
    if one is None:
        return NOTHING
    return f"{one.error:.1e}" + ("" if one.holds else f", above {one.explained:.0e}")


def _beyond(one: Deviation) -> str:
    return f"{one.what} differ by {one.error:.1e}, of which its precision explains {one.explained or 0.0:.0e}"


def _references(found: Sequence[FidelityRow]) -> Iterator[str]:
    for reference in dict.fromkeys(row.found.reference for row in found if row.found.deviations):
        yield f"Reference: {reference}"
    for reason in dict.fromkeys(row.found.reason for row in found if row.found.reason):
        arms = ", ".join(row.arm for row in found if row.found.reason == reason)
        errors = any(row.found.deviations for row in found if row.found.reason == reason)
        yield f"{'Checked in part' if errors else 'Not checked'}: {arms} ({reason})"


def _compared(spec: Spec, sections: Sequence[Section]) -> tuple[Comparison | None, bool]:
    """Comparison of step time, and whether the arm is the baseline of others."""
    load = workload(spec)
    mine = [one for one in sections if msgspec.structs.replace(one.workload, phase=load.phase, seed=load.seed) == load]
    for section in sorted(mine, key=lambda one: one.workload.phase != load.phase):
        for one in section.comparisons:
            if one.candidate == spec.label:
                return one, False
        if any(one.baseline == spec.label for one in section.comparisons):
            return None, True
    return None, False


def _arm_of(spec: Spec) -> Spec:
    return msgspec.structs.replace(spec, phase="train", seed=0, origin=0)


def _bits(runs: Iterable[Run]) -> str:
    """Answer to whether the processes of each Spec have one digest."""
    digests: dict[Spec, list[str]] = {}
    for run in runs:
        if run.ok and run.digest:
            digests.setdefault(run.spec, []).append(run.digest)
    repeated = [of_spec for of_spec in digests.values() if len(of_spec) > 1]
    if not repeated:
        return "not checked: one process" if digests else "not checked: no digest"
    return "yes" if all(len(set(of_spec)) == 1 for of_spec in repeated) else "NO"
