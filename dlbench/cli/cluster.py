"""`dlbench cluster check`: the nodes of a cluster and their differences as tables, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from dlbench.analysis import gate
from dlbench.api import cluster
from dlbench.api.cluster import Checked, NodeFound
from dlbench.record import encoding
from dlbench.report import terminal
from dlbench.report.document import Block, Bullets, Heading, Paragraph, Table
from dlbench.report.units import format_value


def show(address: str, *, as_json: bool) -> int:
    """Ask the cluster, print the answer, and return 2 if a node cannot measure."""
    found = cluster.check(address)
    if as_json:
        print(encoding.page(found), end="")  # noqa: T201 (the answer)
    else:
        terminal.console().print(terminal.blocks(list(blocks(found))))
    return gate.FAILED if cluster.unfit(found) else gate.FINE


def blocks(found: Checked) -> Iterator[Block]:
    """The cluster in words, remedies first."""
    yield Heading(1, "dlbench cluster check")
    if advice := list(_advice(found)):
        yield Heading(2, "To do")
        yield Bullets(advice)
    yield Table(["Node", "Address", "CPUs", "GPUs", "Machine", "Memory", "Python"], list(map(_row, found.nodes)))
    if not found.differences:
        yield Paragraph("All nodes, and this machine, are alike.")
        return
    rows = [
        [one.name, "; ".join(f"{value} ({', '.join(nodes)})" for value, nodes in one.values.items())]
        for one in found.differences
    ]
    yield Table(["Differs", "Values, and the nodes that have them"], rows)


def _row(node: NodeFound) -> list[str]:
    start = [node.name, node.address, f"{node.cpus:g}", f"{node.gpus:g}"]
    if node.facts is None:
        return [*start, f"cannot measure: {node.fault}", "", ""]
    at = node.facts.environment
    return [*start, f"{at.processor} ({node.facts.machine})", format_value(at.memory_bytes, "bytes"), at.python]


def _advice(found: Checked) -> Iterator[str]:
    for node in cluster.unfit(found):
        why = node.fault or f"it has dlbench {node.facts.packages.get('dlbench') if node.facts else 'of no version'}"
        yield f"node {node.name} cannot measure: {why}; install dlbench {found.here.packages['dlbench']} there"
    for names in cluster.shared(found):
        yield (
            f"nodes {', '.join(names)} are on one machine, and their groups would be measured at the same time, which "
            "changes the figures: start Ray once on each machine"
        )
    if not found.token:
        yield "anybody who reaches this cluster can run programs on it: start Ray with RAY_AUTH_MODE=token"
    ours = found.here.environment.nice or 0
    low = [node.name for node in found.nodes if node.facts and (node.facts.environment.nice or 0) > ours]
    if low:
        yield (
            f"Ray starts its processes at a low priority ({', '.join(low)}); dlbench gives its children their own "
            "if it may: start Ray with RAY_worker_niceness=0"
        )
