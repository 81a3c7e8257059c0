"""What the commands do: measure, then summarise, render and show."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from rich.console import Console

from dlbench import plan, progress, schedule
from dlbench.errors import RecordError, SpecError, UnknownName
from dlbench.record import Run, read_runs
from dlbench.report import FORMATS, summarize, terminal
from dlbench.spec import Policy

DEFAULT_FORMATS = ("markdown", "json")
PROCESSES = {"quick": 1, "rigorous": 15}


@dataclass(frozen=True)
class RunOptions:
    """What `dlbench run` was asked, checked."""

    selection: plan.Selection
    policy: Policy
    folder: FilePath
    formats: Sequence[str]
    quiet: bool

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> RunOptions:
        """Check the options of the command line. Raises SpecError or UnknownName."""
        policy = Policy(
            processes=_processes(options), budget_seconds=options["budget"], timeout_seconds=options["timeout"]
        )
        return cls(
            selection=_selection(options),
            policy=policy,
            folder=options["out"] or _default_folder(options["plugin"]),
            formats=_known_formats(options["format"] or DEFAULT_FORMATS),
            quiet=options["quiet"],
        )


def run(options: RunOptions) -> bool:
    """Measure, write the report, show it. True when a Run failed for another reason than not being supported.

    After Ctrl-C what is finished is reported as partial, and KeyboardInterrupt goes on to the caller.
    """
    groups = plan.groups(plan.expand(options.selection, options.policy), options.policy)
    schedule.prepare_folder(options.folder)
    console = Console(stderr=True)
    try:
        with progress.listener(console, quiet=options.quiet) as listener:
            runs = schedule.record(groups, options.policy, options.folder, listener)
    except KeyboardInterrupt:
        if (options.folder / schedule.RUNS_FILE).exists():
            console.print("interrupted: what is finished is kept and reported as partial")
            _finish(read_runs(options.folder / schedule.RUNS_FILE), options)
        raise
    _finish(runs, options)
    return any(run.status not in ("ok", "unsupported") for run in runs)


def render(source: FilePath, out: FilePath | None, formats: Sequence[str], *, quiet: bool) -> None:
    """Render a saved report again, and show it. Raises RecordError or UnknownName."""
    path = source / schedule.RUNS_FILE if source.is_dir() else source
    formats = _known_formats(formats)
    report = summarize(read_runs(path))
    folder = out or path.parent
    _write(report, folder, formats)
    if not quiet:
        Console().print(terminal.render(report))
    for name in formats:
        print(folder / FORMATS[name].file_name)  # noqa: T201 (the answer to the command)


def _finish(runs: Sequence[Run], options: RunOptions) -> None:
    report = summarize(runs)
    _write(report, options.folder, options.formats)
    if not options.quiet:
        Console().print(terminal.render(report))
    first = FORMATS[options.formats[0]].file_name
    print(f"Report: {options.folder / first}" if not options.quiet else options.folder / first)  # noqa: T201


def _write(report: Any, folder: FilePath, formats: Sequence[str]) -> None:
    for name in formats:
        path = folder / FORMATS[name].file_name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(FORMATS[name].render(report), encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{path} cannot be written ({error.strerror}); give another --out") from error


def _selection(options: Mapping[str, Any]) -> plan.Selection:
    given: dict[str, Any] = {
        "paths": ("jit", *options["path"]) if options["jit"] else options["path"],
        "phases": options["phase"],
        "sizes": options["size"],
        "batch_sizes": options["batch_size"],
        "devices": options["device"],
        "seeds": options["seed"],
        "task": options["task"],
    }
    if options["threads"] is not None:
        if options["threads"] < 1:
            raise SpecError(f"threads is {options['threads']}: it must be 1 or more")
        given["threads"] = options["threads"]
    return plan.Selection(plugins=options["plugin"], **{name: value for name, value in given.items() if value})


def _processes(options: Mapping[str, Any]) -> int:
    asked = [name for name in ("quick", "rigorous") if options[name]]
    asked += ["processes"] if options["processes"] is not None else []
    if len(asked) > 1:
        raise SpecError(f"--{' and --'.join(asked)} contradict each other; give one")
    if not asked:
        return Policy().processes
    return PROCESSES[asked[0]] if asked[0] in PROCESSES else int(options["processes"])


def _known_formats(formats: Sequence[str]) -> Sequence[str]:
    for name in formats:
        if name not in FORMATS:
            raise UnknownName("format", name, FORMATS)
    return formats


def _default_folder(plugins: Sequence[str]) -> FilePath:
    """A new folder under `reports`, named by time and plugins."""
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    return FilePath("reports") / "-".join([now, *dict.fromkeys(plugins)])
