"""The subject of a report in three lines: measured and unmeasured phases, the machine, and the check of the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dlbench.record.parity import Difference, Parity
from dlbench.report import fidelity, parity
from dlbench.report.configuration import installed
from dlbench.report.model import Report
from dlbench.report.units import format_value
from dlbench.spec import PHASES, PhaseName

MOST_NAMES = 8
"""Architectures, and packages, that are named one by one."""


def lines(report: Report) -> list[str]:
    """Each only if there is something to say."""
    return [*_measured(report), *_machine(report), *_alike(report)]


def unlike(report: Report) -> tuple[str, str]:
    """Arms that are not the same model, and those that do not compute the same thing; empty if there are none."""
    return parity.lead(report.parity), fidelity.lead(report.fidelity or ())


def title_of(phases: Iterable[PhaseName], arms: str) -> str:
    """`Training steps: tf.cnn jit, torch.cnn jit`."""
    text = ", ".join(_kind(phase) for phase in dict.fromkeys(phases))
    return f"{text[:1].upper()}{text[1:]}: {arms}"


def _kind(phase: PhaseName) -> str:
    """A phase in words, by its properties."""
    if not PHASES[phase].timed:
        return "training to a target"
    return "training steps" if PHASES[phase].trains else "prediction steps"


def _measured(report: Report) -> Iterator[str]:
    loads = [section.workload for section in report.sections]
    phases = dict.fromkeys(load.phase for load in loads)
    if not phases:
        return
    names, sizes = dict.fromkeys(load.architecture for load in loads), dict.fromkeys(load.size for load in loads)
    what = ", ".join(f"{phase} ({_kind(phase)})" for phase in phases) + (" only" if len(phases) == 1 else "")
    others = [f"{phase} ({_kind(phase)})" for phase in PHASES if phase not in phases]
    more = f" Not measured: {', '.join(others)}." if others else ""
    yield f"Measured: {what}, of {_first([*names], 'architectures')}; {_first([*sizes], 'sizes')}.{more}"


def _machine(report: Report) -> Iterator[str]:
    loads = [section.workload for section in report.sections]
    packages = [
        f"{name} {' / '.join(versions)}"
        for name, versions in installed(report.environments).items()
        if not name.startswith("dlbench")
    ]
    precisions = dict.fromkeys(load.precision for load in loads)
    threads = dict.fromkeys(str(load.threads) for load in loads)
    parts = [
        f"On {_devices(report)} in {', '.join(precisions)}, threads {', '.join(threads)}",
        _processors(report),
        f"{report.started[:16].replace('T', ' ')} UTC",
        _first(packages, "packages"),
    ]
    yield f"{'; '.join(filter(None, parts))}."


def _devices(report: Report) -> str:
    """Devices with the names that frameworks give them, if another than the processor is among them."""
    devices = dict.fromkeys(section.workload.device for section in report.sections)
    rows = [row for table in report.fairness for row in table.rows if row.name == "device name"]
    names = dict.fromkeys(got for row in rows for got in row.got if got)
    other = any(device.partition(":")[0] != "cpu" for device in devices)
    return ", ".join(devices) + (f" ({', '.join(names)})" if other and names else "")


COMPARED = {"parameter": "parameters", "output": "outputs", "losses": "losses", "gradient": "gradients"}
"""Figures of a check by the first word of their names; a compiled step keeps its gradients to itself."""


def _processors(report: Report) -> str:
    kinds = dict.fromkeys(
        f"{at.processor}, {at.cores} cores, {format_value(at.memory_bytes, 'bytes')}" for at in report.environments
    )
    return " and ".join(kinds)


def _first(names: Sequence[str], noun: str) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more {noun}" if more > 0 else "")


def _alike(report: Report) -> Iterator[str]:
    """Pairs that the check found to be the same model, and the one that came nearest to its limits."""
    ran = {arm.label for section in report.sections for arm in section.arms if arm.ok}
    found = [one for one in report.parity if {one.baseline.label, one.candidate.label} <= ran]
    if len(ran) < 2:
        return
    checked = [one for one in found if one.same is not None]
    if not checked:
        yield "Same model: not checked."
        return
    same = sum(one.same is True for one in checked)
    text = f"Same model: {same} of {len(checked)} pairs of arms, by {_by(checked)}"
    text += f"; {len(found) - len(checked)} more not checked" if len(checked) < len(found) else ""
    worst = max(((share(of), one, of) for one in checked for of in one.differences), key=lambda row: row[0])
    yield f"{text}. {_weakest(*worst[1:])}" if same == len(checked) else f"{text}."


def _by(checked: Sequence[Parity]) -> str:
    """Kinds of figures that were compared, each with the number of its pairs where these are not all."""
    kinds = [{of.what.partition(" ")[0] for of in one.differences} for one in checked]
    number = {words: sum(kind in found for found in kinds) for kind, words in COMPARED.items()}
    whole = len(checked)
    said = [words if pairs == whole else f"{words} (in {pairs} of them)" for words, pairs in number.items() if pairs]
    return " and ".join(filter(None, (", ".join(said[:-1]), *said[-1:]))) or "figures that this report does not hold"


def share(of: Difference) -> float:
    """Share of its tolerance that a difference takes."""
    return of.difference / of.tolerance if of.tolerance > 0 else 0.0


def _weakest(one: Parity, of: Difference) -> str:
    rounding = f", and rounding alone moves them by {of.rounding:.1e}" if of.rounding else ""
    arms = f"{one.candidate.label} and {one.baseline.label}"
    allowed = f"within the {of.tolerance:.1e} that the check allows for rounding{rounding}"
    return f"Weakest: {arms}, whose {of.what} differ by {of.difference:.1e}, {allowed}."
