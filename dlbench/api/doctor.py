"""Diagnosis: this machine, the frameworks that work on it, and its minimum detectable change."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from dlbench import registry
from dlbench.errors import redaction
from dlbench.record.schema import Environment, Load, Record
from dlbench.registry import installed, requirements
from dlbench.registry.entry_points import Entry
from dlbench.report.machine import busy
from dlbench.session import noise_floor
from dlbench.session.noise_floor import Noise
from dlbench.system import environment
from dlbench.system.load import LoadMeter
from dlbench.workers.calls import ask_devices
from dlbench.workers.child import ChildError

TIMEOUT = 120.0
"""Seconds that a framework may take to be imported and to list its devices."""
COMPILERS = ("g++", "clang++", "c++")
INSTALL = {
    "apt-get": "apt-get install g++",
    "dnf": "dnf install gcc-c++",
    "apk": "apk add g++",
    "brew": "xcode-select --install",
}
"""Commands that install a C++ compiler, by the system's package manager."""
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "KMP_BLOCKTIME",
    "OPENBLAS_THREAD_TIMEOUT",
)


class Framework(Record, frozen=True):
    """Answer of one framework in a child: versions of its packages and its devices, or why it cannot be used."""

    name: str
    versions: dict[str, str]
    devices: dict[str, str]
    broken: str = ""


class Diagnosis(Record, frozen=True):
    """All that the doctor finds; `compiler` is empty if there is none, and `advice` lists remedies."""

    environment: Environment
    blas: str
    threads: dict[str, str]
    compiler: str
    frameworks: tuple[Framework, ...]
    load: Load
    noise: Noise
    advice: tuple[str, ...] = ()


def examine() -> Diagnosis:
    """Ask the system, then each framework in a child of its own, then let two equal programs take turns."""
    frameworks = tuple(_frameworks(registry.entries()))
    meter = LoadMeter()
    probed = noise_floor.probe()
    load, compiler = meter.read(), cxx(os.environ)
    found = Diagnosis(
        environment=environment.describe(),
        blas=_blas(),
        threads={name: os.environ.get(name, "not set") for name in THREADS},
        compiler=compiler,
        frameworks=frameworks,
        load=load,
        noise=probed,
        advice=tuple(advice(load, compiler, probed)),
    )
    return redaction.record(found)


def advice(load: Load, compiler: str, probed: Noise) -> Iterator[str]:
    """Advice to follow before measuring here."""
    yield from busy([load])
    if not compiler:
        how = next((text for tool, text in INSTALL.items() if shutil.which(tool)), "install g++ or clang++")
        yield f"no C++ compiler: compilers that generate C++ on the path jit (Inductor on a CPU) cannot run; {how}"
    if probed.smallest_change is not None and probed.smallest_change > 0.05:
        yield (
            f"noise: equal programs scatter so that a session of {noise_floor.GROUPS} processes shows changes from "
            f"{probed.smallest_change:.1%} on; end other programs, or measure with --rigorous"
        )


def cxx(variables: Mapping[str, str]) -> str:
    """The C++ compiler that a framework finds, CXX before all others, with its version; empty without one."""
    for name in filter(None, (variables.get("CXX"), *COMPILERS)):
        if (path := shutil.which(name)) is not None:
            said = subprocess.run([path, "--version"], check=False, capture_output=True, text=True).stdout
            return f"{path}, {said.splitlines()[0]}" if said else path
    return ""


def _frameworks(entries: Sequence[Entry]) -> Iterator[Framework]:
    """Each framework with its versions and devices, asked through one of its plugins."""
    for name, entry in registry.speakers(entries).items():
        devices, broken = _asked(entry)
        yield Framework(name=name, versions=_versions(entry.distribution), devices=devices, broken=broken)


def _asked(entry: Entry) -> tuple[dict[str, str], str]:
    if entry.broken:
        return {}, entry.broken
    try:
        return ask_devices(entry.name, TIMEOUT), ""
    except ChildError as error:
        return {}, " ".join(str(error).split())


def _versions(distribution: str) -> dict[str, str]:
    """The plugin's package and its requirements, as installed."""
    names = requirements.names(installed.requires(distribution))
    return {name: installed.version(name) for name in (distribution, *names)}


def _blas() -> str:
    import numpy as np

    found = np.show_config(mode="dicts")
    known = (found or {}).get("Build Dependencies", {}).get("blas", {})
    return f"{known.get('name', 'not said')} {known.get('version', '')}".strip() or platform.machine()
