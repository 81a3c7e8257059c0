"""Cost of compiling against the steps that it makes shorter, up to the step at which it has paid for itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.report.break_even import times
from dlbench.report.chart import VERDICTS, Axis, Chart, Point, Series
from dlbench.report.charts.arms import Drawn, DrawnArms
from dlbench.report.model import Report
from dlbench.report.payoff import after, in_section, of_report
from dlbench.report.section import Section
from dlbench.report.units import steps

MOST_ROWS = 30
NEVER, FURTHER = 1000.0, 10.0
"""Steps that a chart shows if no arm ever pays, and how many times farther than the last break-even it goes."""
PLACES = 24
"""Places of a curve on a logarithmic scale."""


def overview(report: Report) -> Iterator[Chart]:
    """Steps after which each arm has paid, for reports of several workloads, with what the verdicts say of it."""
    found = [(f"{one.place}, {one.arm}", one) for one in of_report(report) if one.eager]
    pays = sorted(
        (one.found.steps, name) for name, one in found if one.found.steps is not None and one.told == "faster"
    )
    never = [name for name, one in found if after(one.told, one.found) == "never"]
    open_ones = [name for name, one in found if after(one.told, one.found) == "not told"]
    if len(report.sections) < 2 or not pays:
        return
    shown = pays[:MOST_ROWS]
    left_out = f"The first {len(shown)} of {len(pays)} arms. " if len(shown) < len(pays) else ""
    rows = [Series(name, [Point(of, at)], VERDICTS["faster"], note=steps(of)) for at, (of, name) in enumerate(shown)]
    yield Chart(
        kind="intervals",
        title="Compiling has paid, against eager, after",
        said="; ".join(f"{one.name}: {one.note}" for one in rows) + f". {_others(never, open_ones)}",
        x=Axis("Training steps, by the means", logarithmic=True),
        y=Axis("", names=[one.name for one in rows]),
        series=rows,
        note=f"{left_out}{_others(never, open_ones)}".strip(),
    )


def _others(never: Sequence[str], open_ones: Sequence[str]) -> str:
    """Arms without a number: those that never pay, and those that no verdict tells from eager."""
    said = {"Never": never, "Not told": open_ones}
    return " ".join(f"{word}: {'; '.join(arms)}." for word, arms in said.items() if arms)


def charts(section: Section, drawn: DrawnArms) -> Iterator[Chart]:
    """Time of training up to each step, a line for each arm that compiles and one for the same plugin run eagerly."""
    of_arm = {one.arm.label: one for one in drawn.arms}
    shown = [one for one in section.paybacks if {one.label, one.against} <= set(of_arm)]
    of_section = in_section(section)
    told = {one.label: of_section[one.label] for one in shown}
    known = [one.steps for one in shown if one.steps is not None and told[one.label] == steps(one.steps)]
    end = FURTHER * max(known, default=NEVER)
    labels = dict.fromkeys(label for one in shown for label in (one.against, one.label))
    lines = [line for label in labels if (line := _line(of_arm[label], end)) is not None]
    words = "; ".join(_words(label, word) for label, word in told.items())
    if lines:
        yield Chart(
            kind="lines",
            title="Compile cost against steps saved",
            said=f"Training time with compilation, against the number of steps. {words}.",
            x=Axis("Training steps", logarithmic=True),
            y=Axis("Time so far", "s", logarithmic=True),
            series=lines,
            down=known,
            note=f"By the means: {words}.",
        )


def _line(one: Drawn, end: float) -> Series | None:
    """The first call, of several steps perhaps, and a steady step for each after it."""
    found = times(one.runs)
    if found is None:
        return None
    (first, step), start = found, one.runs[0].spec.steps_per_call
    at = (start * (end / start) ** (place / PLACES) for place in range(PLACES + 1))
    return Series(one.name, [Point(n, first + (n - start) * step) for n in at], one.shade)


def _words(label: str, after: str) -> str:
    says = {"never": "never pays", "not told": "is not told from eager"}
    return f"{label} {says.get(after, f'pays after {after}')}"
