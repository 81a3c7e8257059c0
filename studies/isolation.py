"""Fresh against forked processes: first losses, step times in lockstep, and the wall time of a whole process.

    python -m studies.isolation torch.mlp jit 4

Each group holds the same Spec twice, in a fresh process and in one forked from a warm parent, taking turns. Then one
of each is measured alone, from its start to its last answer.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from functools import partial

import msgspec

from dlbench.analysis import evidence
from dlbench.record.schema import Run
from dlbench.session.arm import Arm
from dlbench.session.lockstep import measure_group
from dlbench.session.plan import Place, expand
from dlbench.spec import Isolation, Policy, Spec
from dlbench.stats import estimates
from dlbench.workers.backends import Starter
from dlbench.workers.child import ChildHandle
from dlbench.workers.protocol import Build, Built, First, Stepped

KINDS: tuple[Isolation, ...] = ("fresh", "fork")


def child(start: Starter, spec: Spec, policy: Policy, kind: Isolation) -> ChildHandle:
    """A child of this kind."""
    return start(spec, msgspec.structs.replace(policy, isolation=kind))


def first_loss(start: Starter, spec: Spec, policy: Policy, kind: Isolation) -> float | None:
    """The loss of the first step."""
    one = child(start, spec, policy, kind)
    try:
        one.request(Build(spec=spec), Built)
        return one.request(First(), Stepped).loss
    finally:
        one.close()


def together(start: Starter, spec: Spec, policy: Policy, number: int, kinds: tuple[Isolation, ...]) -> list[Run]:
    """One group in lockstep."""
    places = [Place("study", number, number + 1, at, len(kinds), kind) for at, kind in enumerate(kinds)]
    arms = [Arm(spec, policy, place, partial(child, start, spec, policy, place.isolation)) for place in places]
    try:
        measure_group(arms, number, lambda *_: None)
        return [arm.run() for arm in arms]
    finally:
        for arm in arms:
            arm.kill()


def main() -> None:
    """Measure and print."""
    plugin, path, groups = sys.argv[1], sys.argv[2], int(sys.argv[3])
    policy = Policy(processes=groups)
    (spec,) = expand({"plugin": [plugin], "path": [path], "phase": ["train"], "threads": [1]}, policy)
    with Starter() as start:
        losses = {kind: first_loss(start, spec, policy, kind) for kind in KINDS}
        print(spec.label, "first losses", losses, "identical" if len(set(losses.values())) == 1 else "DIFFERENT")
        alone: dict[Isolation, list[float]] = {kind: [] for kind in KINDS}
        for number in range(2):
            for kind in KINDS:
                begin = time.monotonic()
                (run,) = together(start, spec, policy, number, (kind,))
                alone[kind].append(time.monotonic() - begin)
                print(f"alone, {kind}: {alone[kind][-1]:.1f} s, {run.status} {run.flags}", flush=True)
        shares = statistics.median(alone["fork"]) / statistics.median(alone["fresh"])
        print(f"a forked process takes {shares:.2f} of the wall time of a fresh one")
        runs = [run for at in range(groups) for run in together(start, spec, policy, at, KINDS[:: 1 - 2 * (at % 2)])]
        sides = [[run for run in runs if run.isolation == kind and run.status == "ok"] for kind in KINDS]
        found = estimates.estimate([math.exp(value) for value in evidence.group_log_ratios(*sides)])
        print(f"a step of a forked process takes {found.value:.4f} times a fresh one's ({found.low}-{found.high})")


if __name__ == "__main__":
    main()
