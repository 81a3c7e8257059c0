"""Price of speed: options that trade accuracy for time, each with its ratio, errors and bit-equality in one table.

    python -m studies.price_of_speed [--only PLUGIN[:PATH] ...] [--out reports/price-of-speed]
        [--processes 5] [--threads 1]

A part is a session of one plugin on one path at one size: the plain arm, and beside it in lockstep every variant that
the plugin's table of settings offers here. With `--out` a part that was measured already is not measured again, unless
it is named, and the session of a part that was stopped is continued. A variant that this machine or version does not
have is a row with the reason. Times of compiling are not in the table, so all processes share what Inductor compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import UNSET

import dlbench
from dlbench.record.schema import PLAN_FILE, RUNS_FILE, Run
from dlbench.report.section import FidelityRow
from studies import end_what_was_started
from studies.price_of_speed.page import BASE, Row, line, page, processes

DLBENCH = str(Path(sys.executable).with_name("dlbench"))
ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
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
EVERY = {
    f"{framework}.{name}:{path}": tuple(settings)
    for framework, paths in VARIANTS.items()
    for name in ARCHITECTURES
    for path, settings in paths.items()
}
"""The options of each part, a plugin on a path."""
STOPPED = (130, 143)
"""Exit codes of a session that was told to end."""


def part(plugin: str, path: str, setting: Sequence[str], folder: Path) -> dict[str, Row]:
    """The rows of one session by variant, kept in `folder` until it is done; a variant that is refused says why.

    `setting` holds the options that all parts have: size, processes, threads.
    """
    words = ["--plugin", plugin, "--path", path, "--phase", "train", *setting]
    taken, refused = _offered(words, VARIANTS[plugin.partition(".")[0]][path])
    if not taken:
        return refused
    why = _run([*words, *_options({BASE: "", **taken})], folder)
    return {BASE: _without(why), **refused} if why else {**dict(_rows(folder)), **refused}


def _offered(words: Sequence[str], wanted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Row]]:
    """The variants that this machine and version have, and a row for each that they do not have."""
    taken: dict[str, str] = {}
    refused: dict[str, Row] = {}
    for name, settings in wanted.items():
        why = _dlbench("run", *words, *_options({name: settings}), "--dry-run", "--no-parity")
        if why:
            refused[name] = _without(why)
        else:
            taken[name] = settings
    return taken, refused


def _options(variants: Mapping[str, str]) -> list[str]:
    return [text for name, settings in variants.items() for text in ("--variant", f"{name}={settings}")]


def _run(words: Sequence[str], folder: Path) -> str:
    """Measure a session or go on with it; the reason if it was refused. One with a Run that failed has a report."""
    begun = (folder / PLAN_FILE).exists()
    why = _dlbench("run", *(["--resume", str(folder)] if begun else [*words, "--out", str(folder)]), "--quiet")
    return "" if (folder / RUNS_FILE).exists() else why


def _dlbench(*words: str) -> str:
    """Run a command; the last line of its error, empty if it went well. One that was told to end ends the study too."""
    done = subprocess.run([DLBENCH, *words], capture_output=True, text=True, check=False)
    if done.returncode < 0 or done.returncode in STOPPED:
        sys.exit(f"dlbench {' '.join(words)}: ended with exit code {done.returncode}; the part is not kept")
    lines = done.stderr.strip().splitlines() or [f"ended with exit code {done.returncode}"]
    return lines[-1] if done.returncode else ""


def _without(why: str) -> Row:
    return {"ratio": None, "errors": {}, "bits": "", "same": None, "why": why}


def _rows(folder: Path) -> Iterator[tuple[str, Row]]:
    results = dlbench.read(folder)
    arms = [run for run in results.runs if not run.control]
    shown = {row.found.spec: row for row in results.report.fidelity or ()}
    for spec in dict.fromkeys([*shown, *(run.spec for run in arms)]):
        runs = [run for run in arms if run.spec == spec]
        row = _row(shown[spec]) if spec in shown else _without("")
        yield (BASE if spec.variant is UNSET else spec.variant.name), row | _ended(runs) | _where(runs)


def _where(runs: Sequence[Run]) -> Row:
    """Machine and threads of an arm."""
    at = next((run.environment for run in runs if run.environment is not None), None)
    said = f"{at.processor}, {at.cores} cores, {at.system}, {at.python}" if at is not None else "unknown machine"
    return {"machine": said, "threads": runs[0].spec.threads if runs else None}


def _ended(runs: Sequence[Run]) -> Row:
    """Processes of an arm that ended well, and the reason of the first that did not."""
    reasons = [run.reason for run in runs if not run.ok]
    return {"processes": [len(runs) - len(reasons), len(runs)], "failed": next(iter(reasons), "")}


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


def main() -> int:
    """Measure the parts that were asked for, and keep the table."""
    parser = argparse.ArgumentParser(description="price of speed")
    parser.add_argument("--only", nargs="*", default=[], metavar="PLUGIN[:PATH]")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--size", default="base")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    end_what_was_started()
    common = ("size", "processes", "threads")
    setting = [word for name in common for word in (f"--{name}", str(getattr(options, name)))]
    asked = [name for name in EVERY if not options.only or name in options.only or name.split(":")[0] in options.only]
    kept = options.out / f"rows-{options.size}.json" if options.out else None
    parts: dict[str, dict[str, Row]] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", f"{folder}/inductor")
        sessions = options.out / "unfinished" if options.out else Path(folder)
        for name in asked:
            if processes(parts.get(name, {})) and not options.only:
                continue
            session = sessions / f"{name.replace(':', '-')}-{options.size}"
            plugin, path = name.split(":")
            parts[name] = part(plugin, path, setting, session)
            print("\n".join(line(name, *row) for row in parts[name].items()), flush=True)
            if kept:
                _keep(kept, {one: parts[one] for one in EVERY if one in parts}, options.size)
            shutil.rmtree(session, ignore_errors=True)
    return 0


def _keep(kept: Path, parts: Mapping[str, Mapping[str, Row]], size: str) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(parts, indent=1) + "\n")
    (kept.parent / "report.md").write_text(page(parts, size, EVERY))
