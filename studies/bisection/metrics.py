"""Real searches by other figures than time: four wheels of a package, the third of which changes one figure."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from studies.bisection.packages import PACKAGE, PLUGIN, answer, wheel

FILE = "metrics.jsonl"
VERSIONS = ("1.0", "1.1", "1.2", "1.3")
PROGRAM = '''"""The linear model of dlbench-fake, with figures of its own."""

import time

import numpy as np

from dlbench_fake.linear import LinearPlugin

MEBIBYTES, COMPILING, RATE, FACTOR = {mebibytes}, {compiling}, {rate}, {factor}


class Step(LinearPlugin):
    """A linear model that holds memory, works before its first step, and may learn or differentiate badly."""

    def build(self, request):
        """Take the memory."""
        self._compiled, self._memory = False, np.ones(MEBIBYTES << 18, np.float32)
        return super().build(request)

    def predict(self, inputs):
        """The outputs, after what stands for compiling."""
        end = time.process_time() + (0.0 if self._compiled else COMPILING)
        self._compiled = True
        while time.process_time() < end:
            pass
        return super().predict(inputs)

    def _train(self, batch):
        if np.random.default_rng(self._step).random() > RATE:
            self._step += 1
            return self._differentiate(batch)[0]
        return super()._train(batch)

    def gradients(self, batch):
        """Gradients, off by a factor."""
        return {{name: value * FACTOR for name, value in super().gradients(batch).items()}}
'''
AS_BEFORE: dict[str, float] = {"mebibytes": 40, "compiling": 0.1, "rate": 1, "factor": 1}


class Kind(NamedTuple):
    """A metric, what the third version changes, and the options of the search."""

    metric: str
    changed: dict[str, float]
    words: tuple[str, ...]


KINDS = (
    Kind("memory", {"mebibytes": 44}, ("--phase", "predict")),
    Kind("compile", {"compiling": 0.2}, ("--phase", "predict", "--jit")),
    Kind("quality", {"rate": 0.25}, ("--phase", "converge")),
    Kind("error", {"factor": 1.001}, ("--phase", "train")),
)


def measure(folder: Path, workplace: Path) -> None:
    """Add a search by each metric that the file lacks."""
    path = folder / FILE
    done = {one["metric"] for one in _lines(folder)}
    for kind in KINDS:
        if kind.metric not in done:
            line = json.dumps(_searched(kind, workplace / kind.metric))
            with path.open("a", encoding="utf-8") as out:
                out.write(f"{line}\n")


def _searched(kind: Kind, place: Path) -> dict[str, object]:
    for number, version in enumerate(VERSIONS):
        path = place / "wheels" / f"acme_step-{version}-py3-none-any.whl"
        if not path.exists():
            wheel(place / "wheels", version, PROGRAM.format(**AS_BEFORE | (kind.changed if number > 1 else {})))
    asked = ["--resume", str(place / "search")]
    if not (place / "search" / "search.json").exists():
        measured = ["--plugin", PLUGIN, "--task", "line", *kind.words, "--metric", kind.metric]
        of_range = [f"{PACKAGE}=={VERSIONS[0]}..{VERSIONS[-1]}", "--find-links", str(place / "wheels")]
        asked = [*of_range, *measured, "--out", str(place / "search")]
    code, found, said = answer(asked, {"DLBENCH_CACHE": str(place / "cache"), "DLBENCH_FAKE_JIT": "1,0,0"})
    return {
        "metric": kind.metric,
        "changed": kind.changed,
        "before": {name: AS_BEFORE[name] for name in kind.changed},
        "code": code,
        "named": [one["after"] for one in found.get("changes", ()) if one["verdict"] == "confirmed"],
        "ratios": [one["ratio"] for one in found.get("changes", ())],
        "groups": sum((one["ratio"] or {}).get("groups", 0) for one in found.get("lines", ())),
        "seconds": round(sum(one["seconds"] for one in found.get("lines", ()))),
        "load": os.getloadavg()[1],
        "said": found.get("reason", said),
    }


def table(folder: Path) -> str:
    """The searches as a table."""
    head = ["| `--metric` | planted in 1.2 | named | ratio | exit code | groups | seconds | load |"]
    return "\n".join([*head, "|---|---|---|---|---:|---:|---:|---:|", *map(_row, _lines(folder))])


def _row(one: dict[str, Any]) -> str:
    planted = ", ".join(f"{name} {one['before'][name]:g} → {value:g}" for name, value in one["changed"].items())
    return f"| {one['metric']} | {planted} | {_named(one)} | {_ratios(one['ratios'])} | {_cost(one)} |"


def _named(one: dict[str, Any]) -> str:
    return ", ".join(one["named"]) or one["said"] or "none"


def _ratios(found: Sequence[dict[str, float] | None]) -> str:
    return ", ".join(f"{known['ratio']:.3g} ({known['low']:.3g}-{known['high']:.3g})" for known in found if known)


def _cost(one: dict[str, Any]) -> str:
    return f"{one['code']} | {one['groups']} | {one['seconds']} | {one['load']:.1f}"


def _lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
