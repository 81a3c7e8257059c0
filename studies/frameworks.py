"""Every framework on every path in one report, and the tables that `docs/frameworks.md` shows of it.

    python -m studies.frameworks measure [--size small,base] [--only mlp,cnn] [--phase train,predict] [--out FOLDER]
    python -m studies.frameworks tables [FOLDER]

`measure` is a `dlbench.run` for each size and architecture, those that tell most first, in a folder of its own. The
same command goes on where an earlier one ended, whether by `--budget`, the seconds after which no further session
starts, or in the midst of one. All finished Runs are one report, which is written after each session. `tables`
prints, of a saved report, the step of every arm, the cost of Keras over the bare framework as a ratio with its
interval, and the price of compiling with the steps after which it pays.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any

import click
import msgspec

import dlbench
from dlbench.api import render
from dlbench.api.request import DEFAULT_FORMATS
from dlbench.record import reading
from dlbench.record.schema import PARITY_FILE, PLAN_FILE, RUNS_FILE, Run
from dlbench.report import payoff
from dlbench.report.model import Report
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval, format_value
from dlbench.spec import Workload

FOLDER, LOCAL = Path("reports/frameworks"), Path("reports/local")
SEVEN = ("transformer", "cnn", "lstm", "mlp", "gru", "gan", "rnn")
"""In the order of measuring: one of each kind first."""
TRAIN = ("tf", "torch", "jax", "keras-tf", "keras-torch", "keras-jax")
PREDICT_ONLY = ("ort", "openvino")
PATHS = ("eager", "graph", "jit")


@click.group()
def study() -> None:
    """Every framework on every path."""


@study.command()
@click.option("--size", default="small", show_default=True, help="One or several, with commas.")
@click.option("--only", default=",".join(SEVEN), show_default=True, help="Architectures.")
@click.option("--frameworks", default=",".join((*TRAIN, *PREDICT_ONLY)), show_default=True)
@click.option("--phase", default="train,predict", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--processes", default=2, show_default=True)
@click.option("--budget", default=None, type=float, help="Seconds after which no further session starts.")
@click.option("--parts", type=click.Path(path_type=Path), help=f"Folder of the sessions; the report's name in {LOCAL}.")
@click.option("--out", default=FOLDER, show_default=True, type=click.Path(path_type=Path))
def measure(size: str, only: str, budget: float | None, parts: Path | None, out: Path, **given: Any) -> None:
    """Measure what is not measured yet, and write the report of all that is."""
    parts = parts or LOCAL / out.name  # a report of another name is of other sessions
    begin, names, failed = monotonic(), given.pop("frameworks").split(","), list[str]()
    for one, architecture in product(size.split(","), only.split(",")):
        folder = parts / f"{one}-{architecture}"
        if other := differing(folder, names, **given):
            failed.append(f"{folder} was measured with another {other}; give another --parts, or remove it")
            continue
        if finished(folder, given["phase"].split(",")):
            continue
        if budget is not None and monotonic() - begin > budget:
            failed.append(f"the budget of {budget:g} s is used: {folder.name} and all after it are left; run it again")
            break
        try:
            session(folder, architecture, names, size=one, **given)
        except dlbench.DlbenchError as error:  # the others are measured nevertheless
            failed.append(f"{folder.name}: {error}")
        finally:  # what Ctrl-C has left of it too
            join(parts, out)
    if failed:
        raise click.ClickException("\n".join(failed))


def session(folder: Path, architecture: str, frameworks: Sequence[str], *, phase: str, **given: Any) -> None:
    """Measure all arms of one architecture, or those that an earlier call has left."""
    if (folder / PLAN_FILE).exists():
        dlbench.run(resume=folder)
        return
    phases = phase.split(",")
    plugins = [f"{one}.{architecture}" for one in able(frameworks, phases)]
    dlbench.run(plugins, path=PATHS, phase=phases, out=folder, **given)


def able(frameworks: Sequence[str], phases: Sequence[str]) -> list[str]:
    """The frameworks that have one of these phases."""
    return [one for one in frameworks if one not in PREDICT_ONLY or "predict" in phases]


def differing(folder: Path, frameworks: Sequence[str], *, phase: str, threads: int, processes: int) -> str:
    """The option in which the session of a folder is another one than is asked for; empty if it is the same."""
    if not (folder / PLAN_FILE).exists():
        return ""
    plan, phases = reading.read_plan(folder / PLAN_FILE), phase.split(",")
    options: dict[str, tuple[object, object]] = {
        "--phase": ({one.phase for one in plan.specs}, set(phases)),
        "--frameworks": ({one.plugin.partition(".")[0] for one in plan.specs}, set(able(frameworks, phases))),
        "--threads": ({one.threads for one in plan.specs}, {threads}),
        "--processes": (plan.policy.processes, processes),
    }
    return next((name for name, (planned, asked) in options.items() if planned != asked), "")


def whole(file: Path) -> list[bytes]:
    """The whole lines of a file; a process that was killed leaves a part of one, and its Run is measured again."""
    return reading.split(file.read_bytes())[0] if file.exists() else []


def measured(folder: Path) -> list[Run]:
    """The Runs in the folder of a session."""
    return [reading.decode(line, str(folder)) for line in whole(folder / RUNS_FILE)]


def finished(folder: Path, phases: Sequence[str]) -> bool:
    """True if the folder holds every repetition of each phase."""
    runs = measured(folder)
    done = {(run.spec.phase, run.group) for run in runs}
    return bool(runs) and done >= set(product(phases, range(runs[0].groups)))


def join(parts: Path, out: Path) -> None:
    """Write the report of all Runs and parity checks in the folders of sessions, and of those that it had.

    A clean checkout has the kept report alone. A session replaces a column of another one when it is whole, and a
    check that of the same pair.
    """
    runs, checks = _columns(whole(out / RUNS_FILE)), _checks(whole(out / PARITY_FILE))
    for folder in sorted(parts.glob("*")):
        for column, lines in _columns(whole(folder / RUNS_FILE)).items():
            if _replaces(lines, runs.get(column, ())):
                runs[column] = lines
        checks |= _checks(whole(folder / PARITY_FILE))
    if runs:
        out.mkdir(parents=True, exist_ok=True)
        found = {RUNS_FILE: [line for lines in runs.values() for line in lines], PARITY_FILE: [*checks.values()]}
        for name, lines in found.items():
            (out / name).write_bytes(b"".join(line + b"\n" for line in lines))
        render.write(*render.read(out), out, DEFAULT_FORMATS)


def _columns(lines: Sequence[bytes]) -> dict[tuple[str, str, str], list[bytes]]:
    """Lines of Runs by architecture, size and phase."""
    found: dict[tuple[str, str, str], list[bytes]] = {}
    for line in lines:
        spec = msgspec.json.decode(line)["spec"]
        found.setdefault((spec["plugin"].partition(".")[2], spec["size"], spec["phase"]), []).append(line)
    return found


def _replaces(lines: Sequence[bytes], before: Sequence[bytes]) -> bool:
    """True if a column holds every repetition, or goes on where the one before ended."""
    of, had = (list(map(msgspec.json.decode, found)) for found in (lines, before))
    complete = {run["group"] for run in of} >= set(range(of[0]["groups"]))
    return complete or not had or had[0]["session"] == of[0]["session"]


def _checks(lines: Sequence[bytes]) -> dict[bytes, bytes]:
    """Lines of parity checks by their pair."""
    said = ((msgspec.json.decode(line), line) for line in lines)
    return {msgspec.json.encode([one["baseline"], one["candidate"]]): line for one, line in said}


@study.command()
@click.argument("folder", default=FOLDER, type=click.Path(path_type=Path))
def tables(folder: Path) -> None:
    """Print the tables of a saved report."""
    found = dlbench.read(folder)
    for line in (*steps(found.report), *keras(found), *compiling(found.report)):
        click.echo(line)


def steps(report: Report) -> Iterator[str]:
    """A row for each framework and path, a column for each workload; the fastest of a column is bold."""
    for phase in dict.fromkeys(section.workload.phase for section in report.sections):
        sections = [one for one in report.sections if one.workload.phase == phase]
        columns = [{_arm(arm): step for arm in one.arms if (step := _step(arm))} for one in sections]
        yield f"\n### A step, {phase}\n"
        yield from _rows(["arm", *map(_title, sections)])
        for name in dict.fromkeys(name for column in columns for name in column):
            yield f"| {name} | {' | '.join(_cell(column, name) for column in columns)} |"


def _cell(column: Mapping[str, float], name: str) -> str:
    """A figure of a column, bold if it is the smallest."""
    said = format_value(column.get(name), "s")
    return f"**{said}**" if column.get(name) == min(column.values()) else said


def keras(found: dlbench.Results) -> Iterator[str]:
    """A step of Keras over one of the framework below it, where both ran on the same path."""
    yield "\n### The cost of Keras\n"
    yield from _rows(["workload", "path", *(f"on {name}" for name in ("tf", "torch", "jax"))])
    names = {id(arm): name for name, arm in found.arms.items()}
    for section in found.report.sections:
        arms = {_arm(arm): names[id(arm)] for arm in section.arms}
        for path in PATHS:
            sides = [(arms.get(f"keras-{one} {path}"), arms.get(f"{one} {path}")) for one in ("tf", "torch", "jax")]
            cells = [_ratio(found, *pair) for pair in sides]
            if any(cells):
                yield f"| {_title(section)}, {section.workload.phase} | {path} | {' | '.join(cells)} |"


def compiling(report: Report) -> Iterator[str]:
    """The first step of an arm that compiles, and the steps after which it has paid, where its verdict says so."""
    yield "\n### The price of compiling\n"
    yield from _rows(["workload", "arm", "first step", "over eager", "has paid after"])
    told = {(_place(one.load), one.found.label): one.told for one in payoff.of_report(report) if one.eager}
    for section in report.sections:
        first = {arm.label: arm.metrics.get("first_step_time") for arm in section.arms}
        for one in section.paybacks:
            once = first.get(one.label)
            where = _place(section.workload)
            verdict = told[where, one.label]
            price = format_value(None if once is None else once.value, "s")
            yield f"| {where} | {one.label} | {price} | {verdict} | {payoff.after(verdict, one)} |"


def _ratio(found: dlbench.Results, one: str | None, other: str | None) -> str:
    """The ratio with its interval; empty unless both arms are there and have one."""
    ratio = None if one is None or other is None else found.ratio(one, other).ratio
    return "" if ratio is None else format_interval(ratio, "")


def _rows(heads: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"


def _place(load: Workload) -> str:
    return f"{load.architecture} {load.size}, {load.phase}"


def _title(section: Section) -> str:
    return f"{section.workload.architecture} {section.workload.size}"


def _arm(arm: Arm) -> str:
    """`torch jit` of `torch.mlp jit`."""
    plugin, _, path = arm.label.partition(" ")
    return f"{plugin.partition('.')[0]} {path}"


def _step(arm: Arm) -> float | None:
    found = arm.metrics.get("step_time")
    return None if found is None else found.value


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is finished is joined
    study()
