"""Requests: checked options by name, from the command line or as keywords of the library."""

from __future__ import annotations

import datetime
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from dlbench.analysis import gate, pairs, steady_state
from dlbench.analysis.gate import GateRequest
from dlbench.api import formats, judge, subjects
from dlbench.api import pythons as pythons_of_options
from dlbench.errors import RecordError, SpecError
from dlbench.record.reading import read_below
from dlbench.record.schema import RUNS_FILE, Plan, Run
from dlbench.session.models import Subjects
from dlbench.spec import Policy

PROCESSES = {"quick": 1, "rigorous": 15}
DEFAULT_FORMATS = ("markdown", "json")
GATING = ("fail_on", "confirm", "strict", "allow", "history", "against")
"""Options on the use of the Runs: the plan keeps them for `--resume`."""
NOT_IN_PLAN = (*GATING, "resume", "budget", "cluster", "parity", "explain", "format", "dry_run", "quiet")
"""Options that a resumed session may have; its plan answers all others, and the budget if none is given."""


@dataclass(frozen=True)
class RunRequest:
    """Checked request of `dlbench run`; `asked` are the words of the gate and the comparison, for the plan.

    With `anew` the user did not choose the folder's name, and a number may be added at its end. `again` is the command
    that measures the same again where this one cannot, and nobody can resume it: its environments are of one call.
    With `explain` the arms are profiled after the session. `cluster` is the address of one, if it is measured there.
    `held` keeps the environments that were made for it.
    """

    subjects: Subjects
    pythons: Mapping[str, str]
    policy: Policy
    folder: FilePath
    resume: bool
    formats: Sequence[str]
    quiet: bool
    parity: bool
    dry_run: bool
    question: GateRequest
    against: judge.BaselineReport | None
    asked: tuple[str, ...] = ()
    anew: bool = False
    again: str = ""
    explain: bool = False
    cluster: str = ""
    held: object = None

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> RunRequest:
        """Check the options of the command line. Raises SpecError or UnknownName."""
        cluster = pythons_of_options.cluster(options)
        found = pythons_of_options.read(options)
        pythons = found.by_name
        if pythons and options["isolation"] == "none":
            raise SpecError("--isolation none runs in the Python of dlbench itself; leave it out, or leave --env out")
        asked = subjects.read(options)
        return cls(
            subjects=asked._replace(selection={**asked.selection, "python": tuple(pythons)}),
            pythons=pythons,
            policy=policy(options),
            folder=options["resume"]
            or options["out"]
            or _default_folder((*options["plugin"], *(one.architecture for one in asked.models))),
            resume=options["resume"] is not None,
            formats=formats.known(options["format"] or DEFAULT_FORMATS),
            quiet=options["quiet"],
            parity=options["parity"],
            dry_run=options["dry_run"],
            question=_gate_of_run(options),
            against=judge.BaselineReport.named(options),
            asked=tuple(_words(options)),
            anew=options["resume"] is None and options["out"] is None,
            explain=options["explain"],
            cluster=cluster,
            held=found,
        )

    @property
    def first_file(self) -> str:
        """The name of the first file of the report."""
        return formats.find(self.formats[0]).file_name

    def check_resumed(self, planned: Plan) -> None:
        """Raise SpecError for a gate that would be dropped in silence, or whose A/A controls this plan lacks.

        Also for a cluster, if the plan is to be measured in this process.
        """
        if self.cluster and planned.policy.isolation == "none":
            why = "was planned with --isolation none, which runs in the process of dlbench itself"
            raise SpecError(f"{self.folder} {why}; leave --cluster out, or measure again with another --out")
        if planned.asked and not self.asked:
            raise SpecError(
                f"{self.folder} was planned with a gate or a comparison; "
                f"give {resume_command(self.folder, planned.asked)}"
            )
        timed = [spec for spec in planned.specs if spec.timed]
        if self.question.metrics and timed and not planned.controls:
            why = "was planned without a gate on figures and has no A/A control"
            raise SpecError(f"{self.folder} {why}; leave --fail-on out, or measure again with another --out")


def resume_command(folder: FilePath, asked: Sequence[str]) -> str:
    """The command that goes on with a session under this gate."""
    return shlex.join(["dlbench", "run", "--resume", str(folder), *asked])


def _words(options: Mapping[str, Any]) -> Iterator[str]:
    """The options of the gate as they can be given again."""
    for name in GATING:
        value, flag = options[name], f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            yield from (flag,) if value else ()
        else:
            for one in value if isinstance(value, tuple) else (value,):
                yield from () if one is None else (flag, str(one))


def _default_folder(plugins: Sequence[str]) -> FilePath:
    """A new folder under `reports`, named by time and plugins."""
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    names = (re.sub(r"[^\w.-]+", "any", plugin) for plugin in dict.fromkeys(plugins))
    return FilePath("reports") / "-".join([now, *names])


def gate_request(options: Mapping[str, Any]) -> GateRequest:
    """The gate or comparison that was asked for, history files read. Raises DlbenchError."""
    pairs.check_keys(options["allow"])
    history = [run for source in options["history"] for run in _read_all(source)]
    conditions = gate.parse(options["fail_on"])
    if options["strict"] and not conditions:
        raise SpecError("--strict tightens a gate, and there is no gate; give --fail-on slower:2%")
    if options["confirm"] and not conditions:
        raise SpecError("--confirm repeats the failures of a gate, and there is no gate; give --fail-on slower:2%")
    return GateRequest(conditions, options["allow"], history, options["strict"], options["confirm"])


def _gate_of_run(options: Mapping[str, Any]) -> GateRequest:
    """The gate of a session. Raises SpecError for one on errors that nothing would look for."""
    question = gate_request(options)
    for condition in question.conditions:
        if condition.name == gate.ERROR and not options["parity"]:
            raise SpecError(f"--fail-on {condition} needs the check that --no-parity leaves out; leave one of them out")
    return question


def _read_all(source: FilePath) -> list[Run]:
    """Every Run below a folder, or of one file."""
    found = read_below(source)
    if not found:
        raise RecordError(f"{source}: holds no {RUNS_FILE}; give the folder of the reports of unchanged code")
    return [run for of_one in found for run in steady_state.flag_unsteady(of_one)]


def policy(options: Mapping[str, Any]) -> Policy:
    """Policy by the options. Raises SpecError, also for options that a resumed session has in its plan already."""
    if options["resume"] and (given := [name for name, value in options.items() if value and name not in NOT_IN_PLAN]):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise SpecError(f"--resume continues the saved plan; leave {names} out")
    processes = _processes(options)
    return Policy(
        **(LEAN if options["adaptive"] else {}),
        turn_seconds=TURN_SECONDS,
        processes=processes,
        adaptive=options["adaptive"],
        budget_seconds=options["budget"],
        timeout_seconds=Policy().timeout_seconds if options["timeout"] is None else options["timeout"],
        isolation=options["isolation"] or Policy().isolation,
        memory_limit_bytes=memory_limit(options["memory_limit"]) if options["memory_limit"] else None,
        discard=processes > 1 and not options["cold"] and options["isolation"] != "none",
    )


TURN_SECONDS = 0.01
"""Least sample of a turn.

Where a processor's speed changes within tens of milliseconds, programs that take turns of 10 ms know their ratio better
than with turns of 20 ms in the same time (`python -m studies.decision_quality.turns`). A sample costs up to some 0.1
ms more than its steps, its barrier among that: a hundredth of this, and more of a shorter one.
"""

LEAN: Mapping[str, Any] = {"samples": 20, "settle_seconds": 0.3, "latency_seconds": 1.0}
"""Effort of a process in a session that has as many groups as its ratios take.

On a quiet machine the spread of a group's ratio is that between processes from eight rounds of 20 ms on (`python -m
studies.decision_quality rounds`); 20 are as many as judging steadiness takes. Later groups may have more of them
(`dlbench.analysis.effort`).
"""

LEAST_MEMORY = 96 << 20
"""Bytes that a process needs before it has a model: a child was measured to start under `ulimit -d` of 64 to 96 MiB."""


def memory_limit(text: str) -> int:
    """`512M` or `4G`, in powers of 1024. Raises SpecError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        raise SpecError(f"memory limit is {text!r}: it must be a size such as 512M or 4G")
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
    if not math.isfinite(size):
        raise SpecError(f"memory limit is {text[:40]!r}: no number is that large; give a size such as 512M or 4G")
    if size < LEAST_MEMORY:
        least = f"{LEAST_MEMORY >> 20}M"
        raise SpecError(f"memory limit is {text!r}: a process without a model needs {least}; give more, such as 4G")
    return int(size)


def _processes(options: Mapping[str, Any]) -> int:
    asked = [name for name in ("quick", "rigorous", "adaptive") if options[name]]
    asked += ["processes"] if options["processes"] is not None else []
    if len(asked) > 1:
        raise SpecError(f"--{' and --'.join(asked)} contradict each other; give one")
    if not asked or asked == ["adaptive"]:
        return Policy().processes
    return PROCESSES[asked[0]] if asked[0] in PROCESSES else int(options["processes"])
