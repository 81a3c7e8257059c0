"""Nodes of a cluster, and what a session demands of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import UNSET

from dlbench.errors import DlbenchError, SpecError
from dlbench.spec import Spec


class Node(NamedTuple):
    """A node as the cluster describes it; `id` is the cluster's name for it."""

    id: str
    address: str
    cpus: float
    gpus: float = 0.0

    @property
    def name(self) -> str:
        """The beginning of its id, which tells the nodes of a cluster apart and says nothing about anybody."""
        return self.id[:8]


class Demand(NamedTuple):
    """Demand of a group: CPUs for the threads of an arm, and GPUs if arms run there. It gets all CPUs of its node."""

    cpus: int
    gpus: int = 0

    @classmethod
    def of(cls, specs: Iterable[Spec], nodes: Iterable[Node]) -> Demand:
        """The demand of these Specs; those for `auto` go to a GPU if there is one. Raises SpecError."""
        specs = list(specs)
        devices = {spec.device for spec in specs}
        if numbered := sorted(device for device in devices if device.startswith("gpu:")):
            raise SpecError(
                f"--device {numbered[0]} with --cluster: a node has the GPU that it leases; give --device gpu"
            )
        on_gpu = "gpu" in devices or ("auto" in devices and any(node.gpus >= 1 for node in nodes))
        workers = max(1 if spec.workers is UNSET else spec.workers for spec in specs)
        return cls(max(spec.threads for spec in specs) * workers, workers if on_gpu else 0)

    def fits(self, node: Node) -> bool:
        """True if this node has it when nobody else uses it."""
        return node.cpus >= self.cpus and node.gpus >= self.gpus

    def require(self, nodes: Sequence[Node]) -> None:
        """Raise DlbenchError if no node has it: nothing would ever be measured."""
        if not any(map(self.fits, nodes)):
            wanted = _resources(self.cpus, self.gpus)
            fewer = ["--device cpu"] * bool(self.gpus) + ["fewer --threads or --workers"] * (self.cpus > 1)
            raise DlbenchError(
                f"no node of the cluster has {wanted} for a group: {described(nodes)}; give "
                f"{', '.join([*fewer, ''])}{'or ' * bool(fewer)}a cluster with such a node"
            )


def described(nodes: Iterable[Node]) -> str:
    """The nodes by kind: `2 nodes with 4 CPUs, 1 node with 8 CPUs and 1 GPU`."""
    kinds = Counter((node.cpus, node.gpus) for node in nodes)
    said = (f"{_many(number, 'node')} with {_resources(*kind)}" for kind, number in kinds.items())
    return ", ".join(said) or "it has none"


def _resources(cpus: float, gpus: float) -> str:
    return " and ".join([_many(cpus, "CPU"), *([_many(gpus, "GPU")] if gpus else [])])


def _many(number: float, of: str) -> str:
    return f"{number:g} {of}{'' if number == 1 else 's'}"
