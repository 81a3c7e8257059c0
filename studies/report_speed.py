"""Time and memory from Runs to a page, by their number: `python -m studies.report_speed [markdown|html|...]`.

Runs are made up: 25 a workload, five arms in five groups, with 20 steady and 20 single steps each. What is timed is
`summarize` and the format, in a process of its own for each number; its memory is the peak of that process less that
before.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from dlbench.plugin import Compilation, ModelInfo
from dlbench.record.schema import Environment, Load, PhaseMemory, PhaseTime, Run, Sample, Stage
from dlbench.report import FORMATS, collecting, summarize
from dlbench.spec import Path, Policy, Spec

NUMBERS = (1250, 2500, 5000, 10_000)
ARMS, GROUPS, STEPS = 5, 5, 20
MEBI = 1 << 20


def made_up(number: int) -> Iterator[Run]:
    """Runs of this number: every fifth workload has an arm that is refused."""
    for place in range(number):
        load, within = divmod(place, ARMS * GROUPS)
        group, arm = divmod(within, ARMS)
        yield _run(load, group, arm)


def _run(load: int, group: int, arm: int) -> Run:
    noise = np.random.default_rng([load, group, arm])
    path: Path = "jit" if arm % 2 else "eager"
    spec = Spec(
        plugin=f"framework{arm // 2}.net{load % 40}",
        phase="train",
        path=path,
        size="small",
        task="line",
        batch_size=1 + load // 40,
        threads=1,
    )
    place: dict[str, Any] = {"session": "s", "group": group, "groups": GROUPS, "arm": arm, "arms": ARMS}
    known: dict[str, Any] = {"spec": spec, "started": "2026-01-02T03:04:05+00:00", "wall_seconds": 9.0}
    known |= place | {"policy": Policy()}
    if load % 5 == 0 and arm == ARMS - 1:
        return Run(status="unsupported", reason="needs another path", **known)
    seconds = 0.01 * (1 + arm / 10) * np.exp(noise.normal(0, 0.01, 2 * STEPS))
    return Run(status="ok", samples=tuple(_samples(map(float, seconds))), **known, **_facts(arm, path))


def _samples(seconds: Iterable[float]) -> Iterator[Sample]:
    for at, took in enumerate(seconds):
        turns: dict[str, Any] = {"round": at, "turn": at} if at < STEPS else {}
        stage: Stage = "steady" if at < STEPS else "latency"
        yield Sample(stage=stage, steps=1, seconds=took, cpu_seconds=took, resident_bytes=200 * MEBI, **turns)


def _facts(arm: int, path: Path) -> dict[str, Any]:
    sizes = {"start": 20, "import": 90, "build": 120, "first_step": 150, "train": 200}
    times = (("import", 2.0), ("build", 0.1), ("first_step", 1.0))
    info = ModelInfo(
        parameter_count=1000, device="cpu", precision="fp32", path=path, compiler="c" if path == "jit" else None,
        threads=1, device_name="x86_64", versions={"framework": "1"},
    )  # fmt: skip
    environment = Environment(
        cpu="Example CPU", cpu_vendor="Example", cores=2, memory_bytes=8 << 30, system="Linux 6.1 x86_64",
        python="CPython 3.11.7", packages={"dlbench": "1", "framework": "1"}, variables={"OMP_NUM_THREADS": "1"},
        memory_method="VmHWM, reset by phase", usable_cores=2,
    )  # fmt: skip
    return {
        "info": info,
        "environment": environment,
        "load": Load(load_average=0.5, cpu_pressure=0.01, memory_pressure=0.0, steal=0.0),
        "compilation": Compilation(graphs=int(path == "jit"), breaks=0, recompilations=0),
        "flops_per_step": 2.0e8,
        "times": tuple(PhaseTime(phase=name, seconds=seconds + arm / 10) for name, seconds in times),
        "memory": tuple(PhaseMemory(phase=at, peak_bytes=n * MEBI, resident_bytes=n * MEBI) for at, n in sizes.items()),
    }


def measured(number: int, name: str) -> tuple[float, float, int]:
    """CPU seconds, MiB above those of the Runs, and characters of a page of this many Runs."""
    import resource

    runs = list(made_up(number))
    few = runs[: ARMS * GROUPS]
    FORMATS[name].text(few, summarize(few))  # imports and tables of critical values are paid before
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with collecting.paused():  # as `dlbench report` does
        page = FORMATS[name].text(runs, summarize(runs))
    took = time.process_time() - began
    return took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, len(page)


def main() -> None:
    """Print a row for each number."""
    name, *number = sys.argv[1:] or ["markdown"]
    if number:
        took, memory, length = measured(int(number[0]), name)
        sys.stdout.write(f"| {int(number[0]):,} | {took:.2f} | {memory:.0f} | {length / 1e6:.1f} |\n")
        return
    sys.stdout.write(f"| Runs to {name} | CPU seconds | MiB more | MB of text |\n| ---: | ---: | ---: | ---: |\n")
    sys.stdout.flush()
    for each in NUMBERS:
        subprocess.run([sys.executable, "-m", "studies.report_speed", name, str(each)], check=True)


if __name__ == "__main__":
    main()
