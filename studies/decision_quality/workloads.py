"""Workloads, the slowdowns that are planted in them, and the effort of measuring them."""

from __future__ import annotations

from collections import defaultdict
from types import NoneType

from dlbench.api import request
from dlbench.spec import Policy, Spec

SLOWDOWNS = {"base": 0.0, "again": 0.0, "1%": 0.01, "2%": 0.02, "3%": 0.03, "5%": 0.05, "10%": 0.10}
"""Arms by name, with the share of steps that a sample of each executes more than one of the baseline."""
WHOLE = 100
"""Steps of which every sample is a multiple, so that every share is a whole number of steps."""

POLICY: Policy = request.policy(defaultdict(NoneType, adaptive=True))
"""The very policy of `dlbench run --adaptive`: groups are collected as a session measures them."""
FORMER_POLICY = Policy(samples=16, settle_seconds=0.3, settle_cap_seconds=5.0, timeout_seconds=120.0)
"""Policy of the batches that state none: fewer rounds, a shorter warm-up, nothing in full and no pilot processes."""
CYCLE = 12
"""Groups of a workload after which a pool begins a session anew: a pilot process, and three groups in full."""
SEQUENTIAL_SAMPLES = 20
"""Samples of a process that has the machine to itself: as many as fit into the time of 16 with hand-overs."""


def _spec(plugin: str, threads: int = 1, path: str = "eager", **fields: object) -> Spec:
    defaults = {"phase": "predict", "size": "small", "task": "line", "batch_size": 32}
    return Spec(plugin=plugin, path=path, threads=threads, **{**defaults, **fields})  # type: ignore[arg-type]


WORKLOADS: dict[str, Spec] = {
    "torch mlp": _spec("torch.mlp", task="digits"),
    "torch mlp, 2 threads": _spec("torch.mlp", 2, task="digits"),
    "tf lstm jit": _spec("tf.lstm", path="jit", task="demand", batch_size=8),
    "gemm": _spec("study.gemm"),
    "gemm, 2 threads": _spec("study.gemm", 2),
    "two modes": _spec("study.modes"),
}
"""Inference, because 100 of its steps fit into a sample of some 20 ms: a turn of a pool is no shorter."""
