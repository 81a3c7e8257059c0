"""`python -m studies.cluster [FOLDER]`: CPU time and memory of a command that deals groups to 100 nodes.

The nodes are simulated, in virtual time: a group takes ten seconds of it. All else is the product: plan, session, farm,
and the journal with its Runs of 50 samples on the disk. Each size is measured in a process of its own. `--turns` adds
real sessions: step times on a Ray of one node and without.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from dlbench.record import journal
from dlbench.record.schema import Plan, Run, Sample
from dlbench.session import schedule
from dlbench.session.cluster import farm
from dlbench.session.cluster.demand import Node
from dlbench.session.listener import Quiet
from dlbench.session.plan import Group, groups, places
from dlbench.spec import Policy, Spec
from studies import end_what_was_started
from studies.cluster import steps
from studies.cluster.simulated import SimulatedCluster

SIZES = (1250, 2500, 5000, 10_000)
NODES, PROCESSES, SAMPLES, GROUP_SECONDS = 100, 2, 50, 10.0
POLICY = Policy(processes=PROCESSES, samples=SAMPLES)


class Cost(NamedTuple):
    """Cost of a session of this many Specs: CPU seconds after planning, and peak memory in bytes."""

    specs: int
    groups: int
    seconds: float
    virtual_seconds: float
    peak_bytes: int


def specs(number: int) -> tuple[Spec, ...]:
    """Pairs of arms, each pair a workload of its own."""
    asked: dict[str, Any] = {"phase": "train", "path": "eager", "size": "small", "task": "line", "threads": 1}
    names = ("a.linear", "b.linear")
    return tuple(Spec(plugin=name, batch_size=1 + at, **asked) for at in range(number // 2) for name in names)


def runs(plan: Plan, group: Group, node: Node) -> list[Run]:
    """Runs of a group with samples of its own."""
    return [
        Run(
            spec=member.spec,
            policy=plan.policy,
            **asdict(place),
            status="ok",
            started="2026-01-01T00:00:00+00:00",
            wall_seconds=GROUP_SECONDS,
            samples=tuple(_sample(at, group.number) for at in range(SAMPLES)),
            machine=node.id,
        )
        for member, place in places(group, plan.session, plan.policy.isolation)
    ]


def _sample(at: int, number: int) -> Sample:
    seconds = 0.02 + 1e-6 * (at + number)
    return Sample(stage="steady", steps=100, seconds=seconds, cpu_seconds=seconds, round=at, turn=2 * at)


def measured(number: int, folder: Path) -> Cost:
    """A whole session of so many Specs, written to this folder."""
    plan = Plan(session="s", specs=specs(number), policy=POLICY)
    planned = groups(plan.specs, POLICY)
    nodes = [Node(f"{at:08d}", "10.0.0.1", 8) for at in range(NODES)]
    cluster = SimulatedCluster(nodes, lambda *_: GROUP_SECONDS, runs)
    begin = time.process_time()
    with journal.begin(folder, plan) as book:
        found = schedule.record(planned, book, Quiet(), farm.on(cluster))
    seconds = time.process_time() - begin
    assert len(found) == number * PROCESSES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(number, len(planned), seconds, cluster.now, peak)


def in_a_process(number: int) -> Cost:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="dlbench-study-") as folder:
        command = [sys.executable, "-m", "studies.cluster", "--one", str(number), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(*json.loads(done.stdout))


def page(costs: list[Cost]) -> str:
    """The figures of all sizes."""
    first, last = costs[0], costs[-1]
    growth = (last.seconds / last.groups) / (first.seconds / first.groups)
    marginal = (last.peak_bytes - first.peak_bytes) / (last.specs - first.specs)
    lines = [
        "# The scheduler of `--cluster`, alone",
        "",
        f"`python -m studies.cluster`: sessions of pairs of arms, {PROCESSES} processes each, on {NODES} nodes that",
        f"are simulated in virtual time, {GROUP_SECONDS:g} s a group. CPU time is that of the command, which deals the",
        f"groups, keeps their Runs ({SAMPLES} samples each) and has them on its disk, group by group.",
        "",
        "| Specs | groups | CPU, s | a group, ms | peak memory, MiB | virtual hours |",
        "|---|---|---|---|---|---|",
        *(
            f"| {one.specs:,} | {one.groups:,} | {one.seconds:.1f} | {1e3 * one.seconds / one.groups:.2f} | "
            f"{one.peak_bytes / 2**20:.0f} | {one.virtual_seconds / 3600:.2f} |"
            for one in costs
        ),
        "",
        f"A group costs {growth:.2f} times as much in the largest session as in the smallest. A further Spec takes "
        f"{marginal / 1024:.0f} KiB.",
        f"The largest session deals {last.groups / last.virtual_seconds:.1f} groups a second; the command works for "
        f"{last.seconds / last.virtual_seconds:.1%} of the time.",
    ]
    return "\n".join(lines) + "\n"


def keep(folder: Path, scheduler: str = "") -> None:
    """Write the page: the part of the scheduler, or the one that is there, and that of step times if there are any."""
    path, turns = folder / "report.md", steps.lines(folder)
    before = path.read_text() if path.exists() else ""
    first = scheduler or before.partition(steps.HEADING)[0]
    text = f"{first.rstrip()}\n\n{steps.page(turns)}" if len(turns) > 1 else first
    path.write_text(text.lstrip())
    print(text)


def main() -> None:
    """Measure every size and write the page."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("reports/cluster"))
    parser.add_argument("--one", type=int, default=0)
    parser.add_argument("--turns", type=int, default=0, help="Turns of step times to add, with Ray and without.")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one, options.folder)))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.turns:
        steps.measure(options.folder, options.turns)
        keep(options.folder)
        return
    keep(options.folder, page([in_a_process(number) for number in SIZES]))


if __name__ == "__main__":
    main()
