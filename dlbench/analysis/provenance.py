"""Provenance: the place and the means of a Run, in rows that are pooled and compared by one rule.

Every row of `ROWS` reads named values from a Run. Runs of one Spec are one figure only if all of these are equal;
two reports are compared with a line for each that differs (`dlbench.analysis.pooling`). A new row needs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from dlbench.analysis.memo import by_run
from dlbench.record.schema import Code, Environment, Limits, Run
from dlbench.spec import REMEMBERED, Policy

GIB = 1 << 30
SLACK = GIB // 64
"""Excess of a machine's memory over a whole number of GiB that still rounds down to it."""
FILES = " (files "
EXACT = 3
"""The first schema with exact names of variables, and with details that are equal in all processes."""
ALWAYS = ("processor", "cores")
"""Facts of a machine that are named even if they do not differ."""
SHAPING = (
    *("samples", "sample_seconds", "turn_seconds", "settle_steps", "settle_seconds", "settle_cap_seconds"),
    *("settle_cap_samples", "settle_tolerance", "latency_steps", "latency_seconds", "isolation"),
    *("memory_limit_bytes", "discard"),
)
"""Fields of the policy that shape the figures of one process; the others set the number and order of processes."""

Values = Mapping[str, str]
Provenance = tuple[Values | None, ...]
"""The values of each row of `ROWS`; None for a row that the Run holds nothing of."""


class Row(NamedTuple):
    """A kind of fact in the record of a Run: names with values, None if it was not recorded.

    `unset` is the value of a name that other Runs have and this one lacks; empty if the lack is no difference. `text`
    begins the line of a difference. Rows of the `machine` differ between machines.
    """

    text: str
    of: Callable[[Run], Values | None]
    unset: str = ""
    machine: bool = False


def of_run(run: Run) -> Provenance:
    """All rows of a Run."""
    return tuple(row.of(run) for row in ROWS)


def against(before: Values, after: Values) -> str:
    """Two machines by processor, cores and all their differences; empty if there are none."""
    differs = {name for name in before if name in after and before[name] != after[name]}
    shown = [name for name in before if name in differs or name in ALWAYS]
    sides = (", ".join(side[name] for name in shown) for side in (before, after))
    return " against ".join(sides) if differs else ""


def code_of_plugin(run: Run) -> str:
    """Distribution, version and digest of the plugin of a Run; empty if it does not say."""
    return next((_said(code) for code in run.code if code.of == f"plugin {run.spec.plugin}"), "")


@by_run
def machine_of(run: Run) -> Values | None:
    """The machine of a Run; None if it does not say."""
    at, info = run.environment, run.info
    device = info.device_name if info is not None and info.device != "cpu" else ""
    return None if at is None else machine(at, device)


def machine(at: Environment, device: str = "") -> Values:
    """Properties that tell machines apart, in words; `device` names another device than the processor."""
    found = {
        "processor": at.cpu or "unknown processor",
        "model": at.cpu_model,
        "cores": f"{at.cores} cores",
        "memory": f"{_gibibytes(at.memory_bytes)} GiB",
        **limits(at.limits),
        "system": _minor(at.system),
        "device": device,
    }
    return {name: value for name, value in found.items() if value}


def limits(found: Limits | None) -> Values:
    """Limits of a session on its machine, in words; empty if they were not recorded."""
    if found is None:
        return {}
    quota, limit = found.cpu_quota, found.memory_bytes
    return {
        "usable cores": f"{found.cores} usable",
        "quota": "no quota of CPU" if quota is None else f"a quota of {quota:g} cores",
        "limit": "no limit of memory" if limit is None else f"a limit of {limit / GIB:.4g} GiB",
    }


@lru_cache(REMEMBERED)
def _gibibytes(total: int) -> str:
    """The installed memory, from the kernel's total.

    That is less by the share of kernel and firmware, 1 to 4 %, which differs by some KiB from boot to boot. So the next
    whole GiB above it is taken, and of little memory the next eighth.
    """
    unit = GIB if total > 4 * GIB else GIB // 8
    return f"{-(-max(total - SLACK, 1) // unit) * unit / GIB:g}"


@lru_cache(REMEMBERED)
def _minor(system: str) -> str:
    """Kernel and its minor version: a patch release is another line of the report and no other machine."""
    return re.sub(r"^(\S+) (\d+\.\d+)\S*", r"\1 \2", system)


def together(found: Sequence[Values]) -> Values | None:
    """All values of several Runs by name, each once; None of no Run."""
    names = dict.fromkeys(name for values in found for name in values)
    said = {name: dict.fromkeys(values[name] for values in found if name in values) for name in names}
    return {name: " / ".join(values) for name, values in said.items()} if found else None


def _kernel(run: Run) -> Values | None:
    at = run.environment
    return None if at is None else {"kernel": at.system} | ({"GPU driver": at.gpu_driver} if at.gpu_driver else {})


def _packages(run: Run) -> Values | None:
    return None if run.environment is None else run.environment.packages


def _python(run: Run) -> Values | None:
    return None if run.environment is None else {"Python": run.environment.python}


def _code(run: Run) -> Values | None:
    return {f"{one.of}:": _said(one) for one in run.code} or None


def _said(code: Code) -> str:
    return f"{code.distribution} {code.version}".rstrip() + f"{FILES}{code.digest})"


def _variables(run: Run) -> Values | None:
    """Variables that are set; earlier schemas recorded only those with certain prefixes."""
    return None if run.environment is None or run.schema < EXACT else run.environment.variables


def _instructions(run: Run) -> Values | None:
    return None if run.environment is None else run.environment.instructions or None


def _priority(run: Run) -> Values | None:
    at = run.environment
    if at is None or at.nice is None:
        return None
    return {"nice": str(at.nice), "scheduling": at.scheduling}


def _details(run: Run) -> Values | None:
    """Details that the plugin read back beyond the Spec; earlier schemas had folders among them."""
    return None if run.info is None or run.schema < EXACT else run.info.details or None


def _task(run: Run) -> Values | None:
    if run.task is None:
        return None
    at = run.task
    goal = f"{at.metric} {'at least' if at.higher_is_better else 'at most'} {at.target:g}, {at.budget_steps} steps"
    return {f"data of {at.name}": at.sha256[:12], f"goal of {at.name}": goal}


def _policy(run: Run) -> Values:
    return _shaping(run.policy)


@lru_cache(REMEMBERED)
def _shaping(policy: Policy) -> Values:
    return {name.replace("_", " "): _in_words(getattr(policy, name)) for name in SHAPING}


def _in_words(value: object) -> str:
    words = "yes" if value else "no"
    return words if isinstance(value, bool) else "none" if value is None else str(value)


ROWS: tuple[Row, ...] = (
    Row("another machine", machine_of, machine=True),
    Row("systems differ", _kernel),
    Row("code differs", _code),
    Row("versions differ", _packages, unset="not there"),
    Row("versions differ", _python),
    Row("variables differ", _variables, unset="not set"),
    Row("instruction sets differ", _instructions),
    Row("priorities differ", _priority),
    Row("built otherwise", _details),
    Row("tasks differ", _task),
    Row("measured otherwise", _policy),
)
"""Rows that are pooled and compared, in the order of a report."""
