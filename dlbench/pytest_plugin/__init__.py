"""The bridge to pytest-benchmark: the fixture `dlbench_benchmark` times any plugin's step, the barrier inside.

    def test_step(dlbench_benchmark):
        dlbench_benchmark("torch.transformer", phase="train", path="eager")

The plugin runs in the process of the test, so a framework that was imported earlier in the same process, and the tests
before this one, are part of the measurement; `dlbench run` measures in processes of their own. On Linux the process is
held to as many processors as threads were asked for, one unless the call says more; `extra_info` names them in
`processors`, and gives the number that worked in `cpu_per_wall`. With `--dlbench-env` each call is also gated in
processes of its own (`dlbench.pytest_plugin.gate`).
"""

from __future__ import annotations

import gc
import itertools
import sys
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from dlbench.pytest_plugin import gate

if TYPE_CHECKING:
    from dlbench.measure.model import MeasuredModel
    from dlbench.plugin import ModelInfo
    from dlbench.spec import Policy, Spec

_AXES = ("phase", "path", "size", "batch_size", "device", "seed", "task", "threads")
"""Axes that a call may name."""
GATE = pytest.StashKey[gate.Gate | None]()
SPARE = 0.5
"""Processors beyond the requested threads that may work: pytest's own."""


class Bridge:
    """The fixture if pytest-benchmark is active."""

    @pytest.fixture
    def dlbench_benchmark(self, benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., Any]:
        """Benchmark a plugin: `dlbench_benchmark(name, phase="train", path="eager", size="small", ...)`.

        The other values are as for a Spec (`batch_size`, `task`, `threads`, `device`, `seed`) and a `policy`, whose
        `samples` are pytest-benchmark's rounds. Returns pytest-benchmark's fixture, whose `extra_info` describes the
        measurement; `settled` is false there when the policy's cap ended the warm-up. Unsupported from the plugin skips
        the test with its reason; any other DlbenchError fails it, and so does a regression against `--dlbench-env`.
        """

        def run(plugin: str, *, policy: Policy | None = None, **asked: Any) -> Any:
            from dlbench.errors import Unsupported
            from dlbench.spec import Policy

            policy = policy or Policy(samples=20, settle_cap_seconds=10.0)
            spec = _spec(plugin, asked, policy)
            gated = gate.of_test(request.config.stash[GATE], request.node)
            try:
                found = _benchmark(benchmark, spec, policy)
            except Unsupported as reason:
                pytest.skip(f"{spec.label}: {reason}")
            if gated is not None and not getattr(benchmark, "disabled", False):
                benchmark.extra_info["gate"] = gate.judge(gated, spec, asked)
            return found

        return run


class Missing:
    """The fixture without pytest-benchmark."""

    @pytest.fixture
    def dlbench_benchmark(self) -> None:
        """Fail, and name the missing package."""
        pytest.fail(
            "the fixture dlbench_benchmark needs pytest-benchmark, which is not installed or switched off; "
            "pip install 'dlbench[pytest]', and drop -p no:benchmark",
            pytrace=False,
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the gate."""
    gate.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Offer the fixture, with a clear failure instead of an unknown name when pytest-benchmark is absent."""
    config.addinivalue_line("markers", gate.MARKER)
    config.stash[GATE] = gate.configured(config)
    present = any(hasattr(plugin, "benchmark") for plugin in config.pluginmanager.get_plugins())
    config.pluginmanager.register(Bridge() if present else Missing(), "dlbench-bridge")


def _spec(plugin: str, asked: dict[str, Any], policy: Policy) -> Spec:
    """One Spec with the defaults of `dlbench run`, but one thread: tests share their machine."""
    from dlbench.session.plan import expand
    from dlbench.spec import PHASES

    if wrong := sorted(asked.keys() - set(_AXES)):
        raise TypeError(f"dlbench_benchmark takes no {', '.join(wrong)}; it takes policy, {', '.join(sorted(_AXES))}")
    phase = PHASES.get(asked.get("phase", "train"))
    if phase is not None and not phase.timed:
        raise TypeError("dlbench_benchmark times steps: phase is train or predict; `dlbench run` measures converge")
    values = {"plugin": plugin, "threads": 1, "phase": "train", **asked}
    (spec,) = expand({name: (value,) for name, value in values.items()}, policy)
    return spec


def _benchmark(benchmark: Any, spec: Spec, policy: Policy) -> Any:
    """Let pytest-benchmark take samples of k steps; a single step if benchmarks are disabled.

    A round is a sample and an iteration a step, so that figures are seconds a step for every k. The process is held to
    as many processors as the Spec has threads meanwhile.
    """
    from dlbench.system import confine

    if _is_original(benchmark):
        benchmark.group = benchmark.group or f"{spec.architecture} {spec.phase} {spec.size}, batch of {spec.batch_size}"
    with confine.to_processors(spec.threads) as processors:
        info, subject = _built(spec)
        benchmark.extra_info.update(_facts(spec, info), processors=_words(processors))
        gc.collect()
        gc.freeze()  # objects of pytest and the framework are not walked again before every sample
        try:
            _take(benchmark, subject, policy)
        finally:
            gc.unfreeze()
    _check_threads(benchmark.extra_info, spec)
    if _is_original(benchmark) and not benchmark.disabled:
        benchmark.extra_info["samples_per_second"] = spec.batch_size / benchmark.stats.stats.median
    return benchmark


def _is_original(benchmark: Any) -> bool:
    """True if the fixture is pytest-benchmark's own.

    Another plugin may put one of its own in that place, with `pedantic` and `extra_info` alone, which calls the step as
    often as it likes: each step then ends with the barrier.
    """
    return hasattr(benchmark, "stats") and hasattr(benchmark, "disabled")


def _take(benchmark: Any, subject: MeasuredModel, policy: Policy) -> None:
    """Settle, then the rounds: each is k steps and ends with the barrier in the last of them."""
    steps, settled = (1, False) if getattr(benchmark, "disabled", False) else _settle(subject, policy)
    steps = steps if _is_original(benchmark) else 1
    ends = itertools.cycle([*itertools.repeat(False, steps - 1), True])

    def step() -> None:
        result = subject.step()
        if next(ends):
            subject.barrier(result)

    subject.ready(steps)
    benchmark.extra_info["settled"] = settled
    cpu, start = time.process_time(), time.perf_counter()
    benchmark.pedantic(step, rounds=policy.samples, iterations=steps)
    benchmark.extra_info["cpu_per_wall"] = (time.process_time() - cpu) / (time.perf_counter() - start)
    subject.check()
    subject.compilation()


def _words(processors: Collection[int]) -> str:
    """The processors in force, as the kernel writes them."""
    from dlbench.stats.ranges import spans

    return spans(processors) or f"not held to any: {sys.platform} cannot"


def _check_threads(facts: Mapping[str, Any], spec: Spec) -> None:
    """Warn if more processors worked than the Spec has threads, which happens only if nothing is confined."""
    if (used := facts["cpu_per_wall"]) > spec.threads + SPARE:
        warnings.warn(
            f"{spec.label}: asked for {spec.threads} threads, {used:.1f} processors worked; {sys.platform} holds no "
            "process to processors: set OMP_NUM_THREADS before pytest starts",
            stacklevel=2,
        )


def _built(spec: Spec) -> tuple[ModelInfo, MeasuredModel]:
    from dlbench.measure.build import build_checked, prepare
    from dlbench.measure.model import MeasuredModel
    from dlbench.registry import adaptors

    prepared = prepare(spec, adaptors.load_plugin(spec))
    info = build_checked(prepared.plugin, prepared.request)
    return info, MeasuredModel(spec, prepared)


def _settle(subject: MeasuredModel, policy: Policy) -> tuple[int, bool]:
    """Compile, warm up, and find the number of steps in a sample."""
    from dlbench.measure.model import settle

    sampler = subject.sampler()
    sampler.take(1)
    settled = settle(sampler, policy)
    subject.warmed_up()
    return settled.steps, settled.settled


def _facts(spec: Spec, info: ModelInfo) -> dict[str, Any]:
    """Requested and actual values; the actual one if both have the same name."""
    import msgspec

    from dlbench.errors import redaction

    facts: dict[str, Any] = msgspec.to_builtins(spec) | msgspec.to_builtins(redaction.record(info))
    return facts | {"threads": spec.threads if info.threads is None else info.threads}
