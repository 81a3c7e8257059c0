"""Price of speed: options that trade accuracy for time, each with its ratio, errors and bit-equality in one table.

    python -m studies.price_of_speed [--only PLUGIN[:PATH] ...] [--out reports/price-of-speed] [--processes 5]

A part is a session of one plugin on one path at one size: the plain arm, and beside it in lockstep every variant that
the plugin's table of settings offers here. With `--out` a part that is there already is not measured again, unless
it is named. A variant that this machine or version does not have is a row with the reason.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import UNSET

import dlbench
from dlbench.analysis.metrics import step_seconds
from dlbench.record.schema import RUNS_FILE, Run
from dlbench.report.fidelity import WHATS
from dlbench.report.section import FidelityRow
from dlbench.stats.decisions import Unpaired

DLBENCH = str(Path(sys.executable).with_name("dlbench"))
ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
BASE = "base"
VARIANTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "torch": {
        "eager": {
            "bf16": "amp:bf16",
            "matmul-high": "matmul:high",
            "matmul-medium": "matmul:medium",
        },
        "jit": {
            "bf16": "amp:bf16",
            "matmul-medium": "matmul:medium",
            "reduce-overhead": "mode:reduce-overhead",
            "max-autotune": "mode:max-autotune",
            "autotune-no-graphs": "mode:max-autotune-no-cudagraphs",
            "lite": "mode:lite",
            "unsafe-math": "unsafe-math:on",
        },
    },
    "tf": {"eager": {"bf16": "amp:bf16"}, "jit": {"bf16": "amp:bf16"}},
}
"""Settings by framework, path and name."""
PRECISIONS: Mapping[str, Sequence[str]] = {"torch": (), "tf": ()}
"""Precisions that are no setting of a variant: workloads of their own, measured after the plain one."""
Row = dict[str, Any]


def part(plugin: str, path: str, *, size: str, processes: int) -> dict[str, Row]:
    """The rows of one session by variant; a variant that is refused is left out, and its row says why."""
    left = dict(VARIANTS[plugin.partition(".")[0]][path])
    if not left:
        return {}
    refused: dict[str, Row] = {}
    while left or not refused:
        with tempfile.TemporaryDirectory() as folder:
            variants = [text for name, settings in left.items() for text in ("--variant", f"{name}={settings}")]
            words = ["--plugin", plugin, "--path", path, "--size", size, "--phase", "train"]
            words += ["--variant", f"{BASE}=", *variants, "--processes", str(processes), "--out", f"{folder}/out"]
            why = _run(words)
            if not why:
                return {**dict(_rows(Path(folder) / "out")), **refused}
        name = next((one for one in left if f"{one}=" in why or f"variant {one} " in why), "")
        if not name:
            return {**refused, BASE: _without(why)}
        refused[name] = _without(why)
        del left[name]
    return refused


def apart(plugin: str, path: str, *, size: str, processes: int) -> dict[str, Row]:
    """The rows of precisions that take no turns with the plain arm: ratios over processes, by Welch's t."""
    precisions = PRECISIONS[plugin.partition(".")[0]]
    if not precisions:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        words = ["--plugin", plugin, "--path", path, "--size", size, "--phase", "train"]
        words += [
            "--precision",
            ",".join(("fp32", *precisions)),
            "--processes",
            str(processes),
            "--out",
            f"{folder}/out",
        ]
        if why := _run(words):
            return {name: _without(why) for name in precisions}
        results = dlbench.read(Path(folder) / "out")
    plain, *others = (_log_steps(results.runs, precision) for precision in ("fp32", *precisions))
    found = {row.found.spec.precision: _row(row) for row in results.report.fidelity or ()}
    for precision, logs in zip(precisions, others, strict=True):
        if plain and logs and precision in found:
            ratio = Unpaired(plain, logs).ratio()
            found[precision]["ratio"] = [ratio.value, ratio.low, ratio.high]
        else:
            reasons = [run.reason for run in results.runs if run.spec.precision == precision and not run.ok]
            found[precision] = _without(next(iter(reasons), "not measured"))
    return {f"{name}, not in lockstep": found[name] for name in precisions}


def _log_steps(runs: Sequence[Run], precision: str) -> list[float]:
    steps = (step_seconds(run) for run in runs if run.ok and run.spec.precision == precision)
    return [math.log(seconds) for seconds in steps if seconds]


def _run(words: Sequence[str]) -> str:
    """Measure a session; the last line of its error if it was refused. One with a Run that failed has a report."""
    done = subprocess.run([DLBENCH, "run", *words, "--quiet"], capture_output=True, text=True, check=False)
    refused = done.returncode and not (Path(words[words.index("--out") + 1]) / RUNS_FILE).exists()
    return (done.stderr.strip().splitlines() or ["ended without a word"])[-1] if refused else ""


def _without(why: str) -> Row:
    return {"ratio": None, "errors": {}, "bits": "", "same": None, "why": why}


def _rows(folder: Path) -> Iterator[tuple[str, Row]]:
    report = dlbench.read(folder).report
    for row in report.fidelity or ():
        variant = row.found.spec.variant
        yield (BASE if variant is UNSET else variant.name), _row(row)


def _row(row: FidelityRow) -> Row:
    ratio = row.ratio
    return {
        "ratio": None if ratio is None else [ratio.value, ratio.low, ratio.high],
        "errors": {one.what: one.error for one in row.found.deviations},
        "bits": row.bits,
        "same": row.found.same,
        "why": row.found.reason,
        "reference": row.found.reference,
    }


def table(parts: Mapping[str, Mapping[str, Row]], size: str) -> str:
    """All parts as a page."""
    head = ("arm", "variant", "step time, ratio", *WHATS, "bits agree", "within its precision")
    return "\n".join(
        [
            "# The price of speed",
            "",
            f"Options at size {size}, each beside the plain arm in lockstep: the ratio of step times with its 95 %",
            "interval, and relative errors in the 2-norm of outputs, first gradients and the losses of 20 steps.",
            "Made by `python -m studies.price_of_speed`.",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *(_line(arm, name, row) for arm, rows in parts.items() for name, row in rows.items()),
            "",
        ]
    )


def _line(arm: str, name: str, row: Row) -> str:
    if row["why"]:
        return f"| {arm} | {name} | {row['why']} |{' |' * (len(WHATS) + 2)}"
    ratio = "1" if row["ratio"] is None else "{:.3f} ({:.3f} to {:.3f})".format(*_interval(row["ratio"]))
    errors = [f"{row['errors'][what]:.1e}" if what in row["errors"] else "" for what in WHATS]
    same = {True: "yes", False: "NO", None: "not checked"}[row["same"]]
    return f"| {' | '.join((arm, name, ratio, *errors, row['bits'], same))} |"


def _interval(ratio: Sequence[float | None]) -> list[float]:
    return [float("nan") if one is None else one for one in ratio]


def main() -> int:
    """Measure the parts that were asked for, and keep the table."""
    parser = argparse.ArgumentParser(description="price of speed")
    parser.add_argument("--only", nargs="*", default=[], metavar="PLUGIN[:PATH]")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--size", default="base")
    parser.add_argument("--processes", type=int, default=5)
    options = parser.parse_args()
    every = [
        f"{framework}.{architecture}:{path}"
        for framework, paths in VARIANTS.items()
        for architecture in ARCHITECTURES
        for path in paths
    ]
    asked = [name for name in every if not options.only or name in options.only or name.split(":")[0] in options.only]
    kept = options.out / f"rows-{options.size}.json" if options.out else None
    parts: dict[str, dict[str, Row]] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    for name in asked:
        if name in parts and not options.only:
            continue
        asked_for: dict[str, Any] = {"size": options.size, "processes": options.processes}
        parts[name] = part(*name.split(":"), **asked_for) | apart(*name.split(":"), **asked_for)
        print(table({name: parts[name]}, options.size), flush=True)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({one: parts[one] for one in every if one in parts}, indent=1) + "\n")
            (kept.parent / "report.md").write_text(table(parts, options.size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
