"""The gate of pytest: what `dlbench_benchmark` measures, measured again in lockstep with another environment.

    pytest --benchmark-only --dlbench-env main=../main/.venv/bin/python --dlbench-fail-on slower:3%

Every call of the fixture becomes a session of `dlbench run` in processes of its own, with `main` as the baseline and
this Python as the candidate. The test fails for a regression, and for arms that did not run; an undecided gate is a
warning. The marker `dlbench(fail_on=...)` states a test's own conditions, an empty text none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dlbench.spec import Spec

MARKER = "dlbench(fail_on): conditions of the gate against --dlbench-env for this test, such as slower:3%; '' for none"
HERE = "this"
"""The environment that pytest runs in, as reports name it."""
REGRESSION, UNDECIDED = 1, 3


class Undecided(UserWarning):
    """A gate with too few or too noisy measurements for its threshold."""


@dataclass(frozen=True)
class Gate:
    """The environment of the baseline as `NAME=PYTHON`, the conditions, and further options of `dlbench run`."""

    environment: str
    fail_on: str
    options: Sequence[str] = ()


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and the keys of the configuration file."""
    group = parser.getgroup("dlbench", "gate of tests that use dlbench_benchmark")
    group.addoption("--dlbench-env", metavar="NAME=PYTHON", help="Environment of the baseline.")
    group.addoption("--dlbench-fail-on", metavar="CONDITIONS", help="As dlbench run --fail-on, such as slower:3%%.")
    parser.addini("dlbench_env", "As --dlbench-env.", default="")
    parser.addini("dlbench_fail_on", "As --dlbench-fail-on.", default="")
    parser.addini("dlbench_options", "Further options of dlbench run for the gate, such as --adaptive.", type="args")


def configured(config: pytest.Config) -> Gate | None:
    """The gate of this run of pytest; None without an environment. Raises pytest.UsageError."""
    environment = config.getoption("--dlbench-env") or config.getini("dlbench_env")
    fail_on = config.getoption("--dlbench-fail-on") or config.getini("dlbench_fail_on")
    if not environment:
        if config.getoption("--dlbench-fail-on"):
            raise pytest.UsageError(
                f"--dlbench-fail-on {fail_on} compares with another environment; give --dlbench-env NAME=PYTHON"
            )
        return None
    _check(environment)
    return Gate(environment, fail_on, config.getini("dlbench_options"))


def of_test(gate: Gate | None, item: pytest.Item) -> Gate | None:
    """The gate with the conditions of this test's marker; None if nothing is to be gated."""
    marker = item.get_closest_marker("dlbench")
    if marker is None:
        return gate if gate is not None and gate.fail_on else None
    if marker.args or set(marker.kwargs) != {"fail_on"} or not isinstance(marker.kwargs["fail_on"], str):
        pytest.fail(f"{item.name}: the marker dlbench takes fail_on, a text such as 'slower:3%'", pytrace=False)
    fail_on = marker.kwargs["fail_on"]
    return Gate(gate.environment, fail_on, gate.options) if gate is not None and fail_on else None


def judge(gate: Gate, spec: Spec, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the Spec in both environments and return the answer for `extra_info`; fail the test for a regression."""
    with tempfile.TemporaryDirectory(prefix="dlbench-pytest-") as folder:
        out = Path(folder) / "report"
        done = subprocess.run(_command(gate, spec, asked, out), check=False, capture_output=True, text=True)
        outcomes = _outcomes(out)
    said = "; ".join(_line(one) for one in outcomes if one["result"] != "passed")
    if done.returncode == REGRESSION:
        pytest.fail(f"{spec.label}: {said}", pytrace=False)
    if done.returncode == UNDECIDED:
        warnings.warn(f"{spec.label}: undecided: {said}", Undecided, stacklevel=2)
    elif done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"dlbench run ended with exit code {done.returncode}"
        pytest.fail(f"{spec.label}: not gated: {last.removeprefix('dlbench: ')}", pytrace=False)
    return {"fail_on": gate.fail_on, "baseline": gate.environment.partition("=")[0], "outcomes": outcomes}


def _command(gate: Gate, spec: Spec, asked: Mapping[str, Any], out: Path) -> list[str]:
    values = {"plugin": spec.plugin, "phase": spec.phase, "path": spec.path, "threads": spec.threads, **asked}
    words = [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    pythons = ["--env", gate.environment, "--env", f"{HERE}={sys.executable}"]
    how = ["--fail-on", gate.fail_on, "--quiet", "--format", "json", "--out", str(out)]
    return [sys.executable, "-P", "-m", "dlbench", "run", *words, *pythons, *how, *gate.options]


def _outcomes(out: Path) -> list[dict[str, Any]]:
    """The outcomes that the session kept; none if it was refused."""
    kept = out / "gate.json"
    return list(json.loads(kept.read_text("utf-8")).get("outcomes", ())) if kept.exists() else []


def _line(outcome: Mapping[str, Any]) -> str:
    ratio = outcome.get("ratio")
    shown = f", ratio {ratio['value']:.3f}" if ratio else ""
    shown += f" ({ratio['low']:.3f}–{ratio['high']:.3f})" if ratio and ratio.get("low") is not None else ""
    reason = f" ({outcome['reason']})" if outcome.get("reason") else ""
    return f"{outcome['result']} of {outcome['condition']}: {outcome['pair']}{shown}{reason}"


def _check(environment: str) -> None:
    from dlbench.errors import SpecError
    from dlbench.workers import interpreters

    try:
        found = interpreters.read([environment])
    except SpecError as error:
        raise pytest.UsageError(str(error).replace("--env", "--dlbench-env")) from error
    if HERE in found:
        raise pytest.UsageError(f"--dlbench-env {environment}: {HERE} is pytest's own environment; give another name")
    if shared := [name for name in interpreters.SHARED if os.environ.get(name)]:
        raise pytest.UsageError(
            f"--dlbench-env {environment}: {shared[0]} is set: both environments would import the same code; unset it"
        )
