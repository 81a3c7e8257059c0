"""The outline of a session before it starts: workloads, arms and processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.session.pilot import PilotProcesses
from dlbench.session.plan import Group
from dlbench.spec import Policy, Spec, unusual
from dlbench.stats.interim import INTERIM_GROUPS


def lines(groups: Sequence[Group], families: Sequence[Sequence[Spec]], policy: Policy) -> Iterator[str]:
    """A line for each workload with its arms, in the order of measuring, then the number of processes.

    `families` are the arms that are to be proven the same model first, each in a process of its own.
    """
    for group in groups:
        if group.number == 0:
            yield f"{_subject(group, policy)}: {', '.join(one.label for one in group.members)}"
    processes = sum(len(group.members) for group in groups)
    proofs = sum(len(family) for family in families)
    specs = [spec for group in groups for spec in group.specs]
    discarded = len(PilotProcesses().lacking(specs, specs)) if policy.discard else 0
    first = [f"{proofs} to check that arms are the same model"] if proofs else []
    first += [f"{discarded} that are discarded"] if discarded else []
    after = f", after {' and '.join(first)}" if first else ""
    yield f"{processes} processes in {len(groups)} groups{after}; nothing was measured"


def _subject(group: Group, policy: Policy) -> str:
    spec = group.specs[0]
    least = f"{INTERIM_GROUPS[0]} to " if group.of == INTERIM_GROUPS[-1] and policy.adaptive else ""
    several = f"{least}{group.of} {'process' if group.of == 1 else 'processes'} an arm"
    seeds = f"{group.of} {'seed' if group.of == 1 else 'seeds'}"
    repeats = seeds if spec.replicated_by == "seed" else several
    where = f"task {spec.task}, batch {spec.batch_size}, device {spec.device}, threads {spec.threads}"
    seed = [f"seed {spec.seed}"] if spec.seed and spec.replicated_by == "process" else []
    more = [*unusual(spec, ("device",)), *seed]
    return ", ".join([f"{spec.phase} {spec.architecture} {spec.size}", where, *more, repeats])
