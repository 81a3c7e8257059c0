"""`dlbench doctor`: the diagnosis of this machine as tables, or as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dlbench.api import doctor
from dlbench.api.doctor import Diagnosis, Framework
from dlbench.record import encoding
from dlbench.record.schema import Load
from dlbench.report import terminal
from dlbench.report.document import Block, Bullets, Heading, Table
from dlbench.report.units import format_value
from dlbench.session import noise_floor
from dlbench.session.noise_floor import Noise
from dlbench.system import environment


def show(*, as_json: bool) -> None:
    """Examine this machine and print the diagnosis."""
    found = doctor.examine()
    if as_json:
        print(encoding.page(found), end="")  # noqa: T201 (the answer)
    else:
        terminal.console().print(terminal.blocks(list(blocks(found))))


def blocks(found: Diagnosis) -> Iterator[Block]:
    """The diagnosis in words, remedies first."""
    yield Heading(1, "dlbench doctor")
    if found.advice:
        yield Heading(2, "To do")
        yield Bullets(found.advice)
    yield Table(["Machine", ""], list(_machine(found)))
    yield Table(["Framework", "Versions", "Devices"], [_row(one) for one in found.frameworks])
    yield Table(["While probing", ""], list(_quiet(found.load, found.noise)))


def _machine(found: Diagnosis) -> Iterator[list[str]]:
    at = found.environment
    yield [
        "Processor",
        f"{at.processor} ({at.cpu_vendor or 'vendor not said'}), {format_value(at.memory_bytes, 'bytes')}",
    ]
    yield ["Cores", f"{environment.usable_cores()} usable of {os.cpu_count()}"]
    yield ["System", f"{at.system}, {at.python}"]
    yield ["BLAS of NumPy", found.blas]
    yield ["C++ compiler", found.compiler or "none"]
    yield ["Instruction sets", ", ".join(map(" ".join, at.instructions.items())) or "not said"]
    yield ["Priority", f"nice {at.nice}, {at.scheduling}"]
    yield ["Thread settings", ", ".join(f"{name} {value}" for name, value in found.threads.items())]


def _row(found: Framework) -> list[str]:
    devices = ", ".join(f"{device} ({name})" for device, name in found.devices.items())
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    return [found.name, versions, f"broken: {found.broken}" if found.broken else devices or "lists none"]


def _quiet(load: Load, probed: Noise) -> Iterator[list[str]]:
    yield ["Load average", "not said" if load.load_average is None else f"{load.load_average:.2g}"]
    shares = {"CPU pressure": load.cpu_pressure, "Memory pressure": load.memory_pressure, "Steal": load.steal}
    shares["Throttled by a quota of CPU"] = load.throttled
    yield from ([name, "not said" if share is None else f"{share:.1%}"] for name, share in shares.items())
    ratios = (f"{value:+.2%}" for value in sorted(probed.log_ratios))
    yield ["Equal programs differ by", ", ".join(ratios)]
    change = "not known" if probed.smallest_change is None else f"{probed.smallest_change:.1%}"
    yield [
        f"Smallest change to expect, {noise_floor.GROUPS} processes",
        f"{change} (one thread; more threads show less)",
    ]
