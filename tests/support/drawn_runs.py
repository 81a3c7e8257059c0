"""Any Run there can be, for properties of writing and reading."""

from __future__ import annotations

import datetime
import string
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from dlbench.analysis.gate import Gate, Outcome, Result
from dlbench.analysis.metrics import METRICS
from dlbench.plugin import PARTS, CacheState, Compilation, ModelInfo
from dlbench.record.fidelity import Deviation, Fidelity
from dlbench.record.flags import STATUSES
from dlbench.record.parity import Difference, Parity
from dlbench.record.processors import Actual, Pool, Rank
from dlbench.record.schema import (
    Code,
    Environment,
    Evaluation,
    GpuLoad,
    Limits,
    Load,
    PhaseMemory,
    PhaseTime,
    Plan,
    Run,
    Sample,
    TaskInfo,
)
from dlbench.spec import DATA_PLACES, ISOLATIONS, PATHS, InputSpec, ModelSource, Policy, Spec, Variant
from dlbench.stats.estimates import Estimate

_floats, _ends = st.floats(), st.none() | st.floats()
_amounts = st.floats(-1e30, 1e30)
_seconds = st.floats(0, 1e6)
_elapsed = st.floats(1e-9, 1e6)
_counts = st.integers(0, 2**63 - 1)
_some = st.integers(1, 2**63 - 1)
_texts = st.text(max_size=20)
_moments = st.datetimes(datetime.datetime(1990, 1, 1), timezones=st.just(datetime.UTC)).map(datetime.datetime.isoformat)
_maps = st.dictionaries(_texts, _texts, max_size=3)
_shares = st.none() | st.floats(0, 1)
_maybe_counts = st.none() | _counts

DRAWN: dict[type, set[str]] = {}
"""Fields of each record that the strategies below draw."""


def _builds(kind: type, **fields: Any) -> st.SearchStrategy[Any]:
    DRAWN[kind] = set(fields)
    return st.builds(kind, **fields)


_specs = _builds(
    Spec,
    plugin=st.just("fake.linear") | st.text(string.ascii_letters, min_size=1).map(lambda name: f"fake.{name}"),
    phase=st.sampled_from(("train", "converge")),
    path=st.sampled_from(PATHS),
    size=_texts,
    task=_texts,
    batch_size=st.integers(1, 2**31 - 1),
    threads=st.integers(1, 8192),
    device=_texts,
    precision=_texts,
    seed=st.integers(0, 2**31 - 1),
    steps_per_call=st.integers(1, 8192),
    data=st.sampled_from(DATA_PLACES),
    python=_texts,
    compiler=st.just(""),  # with another only on the path jit
    allow_breaks=st.just(False),  # likewise
    variant=st.sampled_from([msgspec.UNSET, Variant("fast", (("mode", "max"),), (("FLAGS", "--max"),), "bf16")]),
    model=st.sampled_from([None, ModelSource(reference="net.py:Net", inputs=(InputSpec((2, 3), name="x"),))]),
    options=st.lists(st.tuples(_texts, st.integers(-9, 9) | st.booleans() | _texts), max_size=3).map(tuple),
    origin=st.integers(0, 9),
    workers=st.just(msgspec.UNSET),  # several only in the phase train, on few devices
    scaling=st.just(msgspec.UNSET),  # likewise
)
_policies = _builds(
    Policy, processes=st.integers(1, 100), samples=st.integers(1, 1000), budget_seconds=st.none() | st.floats(1, 1e6)
)
_samples = _builds(
    Sample,
    stage=st.sampled_from(["warm-up", "steady", "latency", "converge"]),
    steps=_some,
    seconds=_elapsed,
    cpu_seconds=_seconds,
    round=_maybe_counts,
    turn=_maybe_counts,
    resident_bytes=_maybe_counts,
    waited_seconds=st.none() | _seconds,
    unsure_seconds=st.none() | _seconds,
)
_evaluations = _builds(Evaluation, steps=_counts, seconds=_seconds, quality=_floats, loss=_floats)
_times = _builds(PhaseTime, phase=_texts, seconds=_seconds)
_memory = _builds(
    PhaseMemory,
    phase=_texts,
    peak_bytes=_counts,
    resident_bytes=_counts,
    device_peak_bytes=_maybe_counts,
    driver_bytes=_maybe_counts,
)
_tasks = _builds(
    TaskInfo,
    name=_texts,
    data=_texts,
    sha256=_texts,
    metric=_texts,
    unit=_texts,
    higher_is_better=st.booleans(),
    target=_amounts,
    budget_steps=_counts,
)
_gpus = _builds(
    GpuLoad,
    clock_mhz=_counts,
    clock_limit_mhz=_counts,
    temperature=_counts,
    power_watts=_seconds,
    power_limit_watts=_seconds,
    limited_by=st.lists(_texts, max_size=2).map(tuple),
)
_loads = _builds(
    Load,
    load_average=st.none() | _seconds,
    cpu_pressure=_shares,
    memory_pressure=_shares,
    steal=_shares,
    voluntary_switches=_maybe_counts,
    involuntary_switches=_maybe_counts,
    major_faults=_maybe_counts,
    throttled=_shares,
    helper_cpu=_shares,
    gpu=st.none() | _gpus,
)
_limits = _builds(Limits, cores=_some, cpu_quota=st.none() | _elapsed, memory_bytes=_maybe_counts)
_codes = _builds(Code, of=_texts, distribution=_texts, version=_texts, digest=_texts)
_environments = _builds(
    Environment,
    cpu=_texts,
    cpu_vendor=_texts,
    cores=_counts,
    memory_bytes=_counts,
    system=_texts,
    python=_texts,
    packages=_maps,
    variables=_maps,
    memory_method=_texts,
    usable_cores=_maybe_counts,
    name=_texts,
    limits=st.none() | _limits,
    gpu_driver=_texts,
    instructions=_maps,
    nice=st.none() | st.integers(-20, 19),
    scheduling=_texts,
    cpu_model=_texts,
)
_infos = _builds(
    ModelInfo,
    steps_per_call=_some,
    data=st.sampled_from(DATA_PLACES),
    parameter_count=_counts,
    device=_texts,
    precision=_texts,
    path=st.sampled_from(PATHS),
    compiler=st.none() | _texts,
    threads=st.none() | _some,
    device_name=_texts,
    versions=_maps,
    details=_maps,
    settings=_maps,
)
_compilations = _builds(
    Compilation,
    graphs=_counts,
    breaks=_counts,
    recompilations=_counts,
    late=_counts,
    parts=st.lists(st.sampled_from(PARTS), unique=True).map(tuple),
    reasons=st.lists(_texts, max_size=3).map(tuple),
    calls=st.none() | _counts,
    calls_per_step=st.none() | _seconds,
    cache=st.sampled_from(get_args(CacheState)),
)
_pools = _builds(Pool, library=_texts, threads=_counts, limit=_maybe_counts, dynamic=st.booleans())


def _tuples(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


_actual = _builds(
    Actual,
    held_to=_tuples(_counts),
    cpus=_tuples(_counts),
    pools=_tuples(_pools),
    taken_in=_tuples(_texts),
)

_ranks = _builds(Rank, threads=st.none() | _counts, device=_texts, cpus=_tuples(_counts), weights=_texts)

any_run = _builds(
    Run,
    spec=_specs,
    policy=_policies,
    session=_texts,
    group=_counts,
    part=_counts,
    control=st.booleans(),
    arm=_counts,
    groups=_some,
    arms=_some,
    status=st.sampled_from(list(STATUSES)),
    started=_moments,
    wall_seconds=_seconds,
    isolation=st.sampled_from(ISOLATIONS),
    reason=_texts,
    output_tail=_texts,
    flags=_tuples(_texts),
    info=st.none() | _infos,
    task=st.none() | _tasks,
    compilation=st.none() | _compilations,
    peak_flop_rate=st.none() | _seconds,
    flops_per_step=st.none() | _seconds,
    times=_tuples(_times),
    samples=_tuples(_samples),
    evaluations=_tuples(_evaluations),
    memory=_tuples(_memory),
    environment=st.none() | _environments,
    code=_tuples(_codes),
    load=st.none() | _loads,
    actual=st.none() | _actual,
    caller=_maps,
    digest=_texts,
    machine=_texts,
    attempt=_some,
    ranks=st.just(msgspec.UNSET) | _tuples(_ranks),
)
_whats = st.sampled_from(("outputs", "gradients", "losses"))
_deviations = _builds(Deviation, what=_whats, error=_floats, explained=_ends)
any_fidelity = _builds(
    Fidelity,
    spec=_specs,
    reference=_texts,
    deviations=_tuples(_deviations),
    reason=_texts,
)
any_parity = _builds(
    Parity,
    baseline=_specs,
    candidate=_specs,
    seeds=_tuples(_counts),
    steps=_counts,
    differences=_tuples(
        _builds(
            Difference,
            what=_texts,
            difference=_floats,
            tolerance=_floats,
            worst=_floats,
            rounding=_ends,
        )
    ),
    reason=_texts,
)
any_plan = _builds(
    Plan,
    session=_texts,
    specs=_tuples(_specs),
    controls=_tuples(_specs),
    policy=_policies,
    pythons=_maps,
    asked=_tuples(_texts),
)
any_gate = _builds(
    Gate,
    command=_texts,
    outcomes=_tuples(
        _builds(
            Outcome,
            condition=_texts,
            pair=_texts,
            result=st.sampled_from(get_args(Result)),
            metric=st.sampled_from(["", *METRICS]),
            ratio=st.none() | _builds(Estimate, value=_floats, low=_ends, high=_ends, n=_counts),
            could_show=_ends,
            reason=_texts,
            specs=_tuples(_specs),
        )
    ),
    refused=_texts,
)
