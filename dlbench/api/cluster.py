"""The nodes of a cluster: their machines, devices, versions, and differences, also from this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dlbench import registry
from dlbench.analysis import provenance
from dlbench.errors import DlbenchError, redaction
from dlbench.record.schema import Environment, Record
from dlbench.registry import installed, requirements
from dlbench.session.cluster import address as addresses
from dlbench.system import environment, threads

HERE = "here"
"""The name of this machine beside those of the nodes."""
SECONDS = 120.0
"""Seconds in which a node must answer: a process is started there first."""
OWN = (*threads.VARIABLES, "CUDA_VISIBLE_DEVICES", "PYTHONUNBUFFERED")
"""Variables that Ray sets in its processes, and dlbench anew in each child."""


class Facts(Record, frozen=True):
    """Facts that a machine tells about itself: the running system, its environment, and packages of its plugins."""

    machine: str
    environment: Environment
    packages: dict[str, str]


class NodeFound(Record, frozen=True):
    """A node as Ray describes it and as it describes itself; `fault` is the reason that it does not."""

    name: str
    address: str
    cpus: float
    gpus: float
    facts: Facts | None = None
    fault: str = ""


class Difference(Record, frozen=True):
    """A property in which nodes differ: its values, each with the names of the nodes that have it."""

    name: str
    values: dict[str, tuple[str, ...]]


class Checked(Record, frozen=True):
    """A cluster: its nodes, whether it asks for a token, this machine beside it, and all differences."""

    address: str
    ray: str
    token: bool
    here: Facts
    nodes: tuple[NodeFound, ...]
    differences: tuple[Difference, ...]


def check(address: str) -> Checked:
    """Ask every node. Raises DlbenchError if the cluster does not answer."""
    from dlbench.session.cluster import on_ray

    with on_ray.connected(addresses.check(address)) as cluster:
        nodes = [
            NodeFound(
                name=node.name,
                address=node.address,
                cpus=node.cpus,
                gpus=node.gpus,
                facts=None if isinstance(said, DlbenchError) else said,
                fault=str(said) if isinstance(said, DlbenchError) else "",
            )
            for node, said in cluster.on_each(facts, SECONDS)
        ]
        token, version = cluster.asks_for_a_token, installed.version("ray")
    here = facts()
    found = Checked(
        address=address,
        ray=version,
        token=token,
        here=here,
        nodes=tuple(nodes),
        differences=tuple(differences({HERE: here} | {node.name: node.facts for node in nodes if node.facts})),
    )
    return redaction.record(found)


def facts() -> Facts:
    """The facts of this machine, without loading a framework."""
    names = dict.fromkeys(entry.distribution for entry in registry.speakers(registry.entries()).values())
    wanted = dict.fromkeys(one for name in names for one in (name, *requirements.names(installed.requires(name))))
    at = environment.describe()
    variables = {name: value for name, value in at.variables.items() if name not in OWN}
    return Facts(
        machine=environment.fingerprint(),
        environment=msgspec.structs.replace(at, variables=variables, nice=os.getpriority(os.PRIO_PROCESS, 0)),
        packages={name: installed.version(name) for name in ("dlbench", *wanted)},
    )


def differences(found: Mapping[str, Facts]) -> Iterator[Difference]:
    """The properties that are not equal on all of these machines, in the order in which they are told."""
    told = {name: _told(one) for name, one in found.items()}
    for name in dict.fromkeys(name for one in told.values() for name in one):
        values: dict[str, tuple[str, ...]] = {}
        for node, one in told.items():
            value = one.get(name, "not there")
            values[value] = (*values.get(value, ()), node)
        if len(values) > 1:
            yield Difference(name=name, values=values)


def unfit(found: Checked) -> Sequence[NodeFound]:
    """The nodes that do not answer, or have another dlbench."""
    ours = found.here.packages["dlbench"]
    return [node for node in found.nodes if node.facts is None or node.facts.packages.get("dlbench") != ours]


def shared(found: Checked) -> Sequence[tuple[str, ...]]:
    """The names of nodes that are on one machine, for each machine with several."""
    names: dict[str, tuple[str, ...]] = {}
    for node in found.nodes:
        if node.facts is not None:
            names[node.facts.machine] = (*names.get(node.facts.machine, ()), node.name)
    return [of_one for of_one in names.values() if len(of_one) > 1]


def _told(found: Facts) -> dict[str, str]:
    at = found.environment
    named = {f"variable {name}": value for name, value in at.variables.items()}
    priority = {"priority": f"nice {at.nice}"}
    return {**provenance.machine(at), "kernel": at.system, "Python": at.python, **found.packages, **named, **priority}
