"""Planted silent-wrong variants, through `dlbench run` and `dlbench check`: named as not the same.

    python -m studies.silent_wrong [FRAMEWORK.ARCHITECTURE ...] [--out reports/silent-wrong] [--no-check]

A part is a session of one architecture of one framework: the plugin eager and compiled, and beside it every fault that
is planted in it. With `--out` a part that is there already is not measured again, and the table is `report.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlbench.record.parity import Parity
from dlbench.record.reading import read_fidelities, read_parities
from dlbench.report.parity import sentence
from studies import end_what_was_started

ROOT = Path(__file__).parents[2]
PLUGINS = Path(__file__).parent / "plugins"
DLBENCH = str(Path(sys.executable).with_name("dlbench"))
FRAMEWORKS = ("torch", "tf")
ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
FAULTS: Mapping[str, tuple[str, str]] = {
    "dropped-activation": ("mlp", "a dropped operation: no ReLU after the last hidden layer"),
    "dropped-bias": ("mlp", "a dropped bias: the output's is not added"),
    "wrong-dtype": ("mlp", "a wrong type: products take bf16 under the name of fp32"),
    "stopped-gradient": ("mlp", "a stopped branch: no gradient below the second hidden layer"),
    "stale-weight": ("mlp", "a stale weight: one kernel is not updated"),
    "summed-loss": ("mlp", "a wrong reduction: the loss is a sum, not a mean"),
    "half-batch": ("mlp", "a loss over the first half of the batch"),
    "no-bias-correction": ("mlp", "Adam without the correction of its moments"),
    "layer-norm-epsilon": ("transformer", "another epsilon in layer normalisation"),
    "unscaled-attention": ("transformer", "attention without its scale"),
    "mask-off-by-one": ("transformer", "a causal mask that is off by one"),
    "gate-order": ("lstm", "gates in another order"),
}
"""Architecture and sentence of each fault; the plugins are entry points in `plugins`, one a framework."""
OURS = {"PYTHONPATH": f"{ROOT}{os.pathsep}{PLUGINS}"}


def part(framework: str, architecture: str, *, check: bool, compiled: bool = True) -> dict[str, Any]:
    """The rows of one session: by arm, what its parity check, its errors and the contract's clauses say of it."""
    honest = f"{framework}.{architecture}"
    faults = [f"{framework}-{name}.{architecture}" for name, (of, _) in FAULTS.items() if of == architecture]
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        sessions = [([honest, *faults], "eager")] + ([([honest], "eager,jit")] if compiled else [])
        for number, (plugins, paths) in enumerate(sessions):
            out = Path(folder) / str(number)
            _dlbench("run", "--plugin", ",".join(plugins), "--path", paths, *_LEAST, "--out", str(out))
            rows |= dict(_rows(out))
    for name in faults if check else ():
        rows[f"{name} eager"]["clauses"] = _broken(name)
    return rows


_LEAST = ("--phase", "predict", "--quick", "--threads", "1", "--quiet")


def _rows(out: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    checked = {one.candidate.label: one for one in read_parities(out / "parity.jsonl")}
    for one in read_fidelities(out / "fidelity.jsonl"):
        parity = checked.get(one.spec.label)
        errors = {found.what: found.error for found in one.deviations}
        beyond = [found.what for found in one.deviations if not found.holds]
        yield (
            one.spec.label,
            {"parity": _failed(parity), "errors": errors, "beyond": beyond, "why": one.reason, "clauses": []},
        )


def _failed(parity: Parity | None) -> str:
    """Differences that parity found; empty if there are none, or there was nothing to compare with."""
    return sentence(parity).partition("; ")[2] if parity is not None and parity.same is False else ""


def _broken(plugin: str) -> list[str]:
    """The clauses of the contract that `dlbench check` says are broken."""
    said = _dlbench("check", plugin, "--path", "eager", allowed=(0, 1))
    return [line.split()[1].rstrip(":") for line in said.splitlines() if line.strip().startswith("broken")]


def _dlbench(*words: str, allowed: Sequence[int] = (0,)) -> str:
    done = subprocess.run(
        [DLBENCH, *words], capture_output=True, text=True, check=False, env={**os.environ, **OURS}, cwd=ROOT
    )
    if done.returncode not in allowed:
        raise SystemExit(f"dlbench {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def named(row: Mapping[str, Any]) -> bool:
    """True if a session says that the arm is not the same."""
    return bool(row["parity"] or row["beyond"])


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The rows as a page."""
    planted = {name: row for name, row in rows.items() if "-" in name.partition(".")[0]}
    honest = {name: row for name, row in rows.items() if name not in planted}
    found, wrong = (sum(named(row) for row in part.values()) for part in (planted, honest))
    head = (
        "planted",
        "errors: outputs, gradients, losses",
        "beyond its precision",
        "parity",
        "broken clauses",
        "named",
    )
    return "\n".join(
        [
            "# Planted silent-wrong variants",
            "",
            f"{found} of {len(planted)} planted variants are named as not the same by `dlbench run`, and {wrong} of",
            f"{len(honest)} arms of honest plugins. Made by `python -m studies.silent_wrong`.",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *(_line(name, row) for name, row in [*planted.items(), *honest.items()]),
            "",
        ]
    )


def _line(name: str, row: Mapping[str, Any]) -> str:
    fault = name.partition(".")[0].partition("-")[2]
    shown = f"`{name}`" + (f": {FAULTS[fault][1]}" if fault else "")
    errors = ", ".join(f"{error:.1e}" for error in row["errors"].values()) or row["why"]
    answer = "**yes**" if named(row) else "no"
    cells = (shown, errors, ", ".join(row["beyond"]), row["parity"], ", ".join(row["clauses"]), answer)
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Measure the parts that were asked for, print the table, and keep it; 1 where the bar is missed."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description="planted silent-wrong variants")
    parser.add_argument("parts", nargs="*", metavar="FRAMEWORK.ARCHITECTURE")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-check", action="store_true", help="leave `dlbench check` out")
    options = parser.parse_args()
    every = [f"{framework}.{architecture}" for framework in FRAMEWORKS for architecture in ARCHITECTURES]
    kept = options.out / "rows.json" if options.out else None
    parts: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    for name in options.parts or every:
        if name in parts and not options.parts:
            continue
        parts[name] = part(*name.split(".", 1), check=not options.no_check)
        print(f"{name}: {sum(map(named, parts[name].values()))} of {len(parts[name])} arms named", flush=True)
        if kept:
            _keep(kept, {one: parts[one] for one in every if one in parts})
    rows = {arm: row for name in every for arm, row in parts.get(name, {}).items()}
    print(table(rows))
    return int(any(named(row) != ("-" in arm.partition(".")[0]) for arm, row in rows.items()))


def _keep(kept: Path, parts: Mapping[str, Any]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(parts, indent=1) + "\n")
    (kept.parent / "report.md").write_text(table({arm: row for rows in parts.values() for arm, row in rows.items()}))


if __name__ == "__main__":
    sys.exit(main())
