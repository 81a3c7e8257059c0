"""Invented Runs, for tests of their readers: fixed figures, every field in use, and every way to fail."""

from __future__ import annotations

import numpy as np

from dlbench.plugin import Compilation, ModelInfo
from dlbench.record.processors import Actual, Pool
from dlbench.record.schema import (
    Environment,
    Evaluation,
    Load,
    PhaseMemory,
    PhaseTime,
    Run,
    Sample,
    TaskInfo,
)
from dlbench.spec import Policy, Spec

MEBI = 1 << 20
TASK = TaskInfo(
    name="text",
    data="English help topics of CPython",
    sha256="ab" * 32,
    metric="bits per character",
    unit="bit",
    higher_is_better=False,
    target=2.8,
    budget_steps=200,
)
ARMS = {"tf.transformer": ("xla", 0.010), "torch.transformer": ("inductor", 0.014)}
"""Plugin to compiler and seconds a step."""
CORES_BUSY = 1.9
ACTUAL = Actual(held_to=(0, 1), cpus=(0, 1), pools=(Pool(library="OpenMP (libgomp)", threads=2),))


def spec(plugin="tf.transformer", phase="train", **changes) -> Spec:
    values = {"path": "jit", "size": "small", "task": "text", "batch_size": 32, "threads": 2}
    return Spec(plugin=plugin, phase=phase, **values | changes)


def bare_run(**changes) -> Run:
    """Nothing that may be left out is there."""
    values = {
        "spec": spec(),
        "policy": Policy(),
        "session": "s",
        "group": 0,
        "groups": 1,
        "arm": 0,
        "arms": 1,
        "status": "ok",
        "started": "2026-01-02T03:04:05+00:00",
        "wall_seconds": 1.0,
    }
    return Run(**values | changes)


def good_run(plugin="tf.transformer", phase="train", group=0, groups=5, **changes) -> Run:
    """One process of a session of two arms in lockstep; noise comes from the group's number alone."""
    compiler, seconds = ARMS[plugin]
    noise = np.random.default_rng([group, len(phase)])
    drift = float(np.exp(noise.normal(0, 0.05)))
    own = float(np.exp(np.random.default_rng([group, len(plugin)]).normal(0, 0.005)))
    steady = [
        Sample(stage="steady", steps=2, seconds=took, cpu_seconds=CORES_BUSY * took, round=at, turn=2 * at)
        for at, took in enumerate([2 * seconds * drift * own] * 10)
    ]
    latency = [
        Sample(stage="latency", steps=1, seconds=seconds * drift * (1 + at / 100), cpu_seconds=0.02)
        for at in range(100)
    ]
    warm_up = [Sample(stage="warm-up", steps=1, seconds=seconds * 3, cpu_seconds=0.02)]
    run = bare_run(
        spec=spec(plugin, phase, seed=group if phase == "converge" else 0),
        group=group,
        groups=groups,
        arm=list(ARMS).index(plugin),
        arms=2,
        info=ModelInfo(
            parameter_count=18_814,
            device="cpu",
            precision="fp32",
            path="jit",
            compiler=compiler,
            threads=2,
            device_name="x86_64",
            versions={plugin.partition(".")[0]: "2.0"},
            details={"denormals": "kept" if "torch" in plugin else "flushed to zero"},
        ),
        task=TASK,
        compilation=Compilation(graphs=1, breaks=0, recompilations=0),
        flops_per_step=2.0e8,
        times=tuple(
            PhaseTime(phase=name, seconds=value)
            for name, value in (("import", 3.5), ("build", 0.04), ("first_step", 2.5))
        ),
        samples=() if phase == "converge" else (*warm_up, *steady, *latency),
        evaluations=_evaluations(group) if phase == "converge" else (),
        memory=_memory(phase),
        environment=Environment(
            cpu="Example CPU",
            cpu_vendor="GenuineExample",
            cores=2,
            memory_bytes=8 << 30,
            system="Linux 6.1 x86_64",
            python="CPython 3.11.7",
            packages={"dlbench": "0.1.0", plugin.partition(".")[0]: "2.0"},
            variables={"OMP_NUM_THREADS": "2"},
            memory_method="VmHWM, reset by phase",
            usable_cores=2,
        ),
        actual=ACTUAL,
        load=Load(load_average=0.5, cpu_pressure=0.01, memory_pressure=0.0, steal=0.0),
    )
    return Run(**{name: getattr(run, name) for name in Run.__struct_fields__} | changes)


def full_session(groups=5) -> list[Run]:
    """Both plugins in all phases; the last seed of `converge` never reaches the target."""
    return [
        good_run(plugin, phase, group, groups)
        for group in range(groups)
        for phase in ("train", "predict", "converge")
        for plugin in ARMS
    ]


def failed_runs() -> list[Run]:
    """One of every other status, with text that wants to be markup."""
    reasons = {
        "unsupported": "path jit: needs `g++` | install it",
        "out-of-memory": "MemoryError: <script>alert(1)</script>",
        "timeout": "no answer within 600 s; give a longer --timeout",
        "crashed": "the child was ended by SIGSEGV\n# not a heading",
        "diverged": "the training loss became \x1b[31mnan\x1b[0m",
        "error": "ValueError: [link](http://example.org) *bold*",
    }
    return [
        bare_run(
            spec=spec(plugin=f"acme{number}.transformer"),
            status=status,
            reason=reason,
            output_tail="```\n| tail |\x07\n",
        )
        for number, (status, reason) in enumerate(reasons.items())
    ]


def _evaluations(seed: int) -> tuple[Evaluation, ...]:
    floor = 2.9 if seed == 4 else 2.59
    return tuple(
        Evaluation(steps=steps, seconds=steps / 100, quality=floor + 40 / (steps + 20 * seed), loss=2.0)
        for steps in range(50, 201, 50)
    )


def _memory(phase: str) -> tuple[PhaseMemory, ...]:
    peaks = {"start": 30, "import": 610, "task": 620, "build": 640, "first_step": 800, phase: 820}
    return tuple(
        PhaseMemory(phase=name, peak_bytes=peak * MEBI, resident_bytes=(peak - 10) * MEBI)
        for name, peak in peaks.items()
    )


def many_workloads():
    """Two architectures that differ in task and batch, on a path that one framework refuses."""
    shapes = ({"task": "text", "batch_size": 32}, {"task": "synthetic", "batch_size": 256, "size": "base"})
    refused = {"status": "unsupported", "reason": "path graph: none", "output_tail": "Traceback", "info": None}
    for name, shape in zip(("transformer", "mlp"), shapes, strict=True):
        yield good_run(spec=spec(f"tf.{name}", path="graph", **shape))
        yield good_run("torch.transformer", spec=spec(f"torch.{name}", path="eager", **shape))
        yield bare_run(spec=spec(f"torch.{name}", path="graph", **shape), **refused)
