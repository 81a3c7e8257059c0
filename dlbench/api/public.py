"""The public functions of `dlbench`: each does the work of a command and returns its result as a value.

They print nothing but progress, on standard error, which `progress=False` turns off; `progress` may also be a
Listener (`dlbench.session.schedule`). Every error of a caller is a DlbenchError with one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

from dlbench.api import check as checking
from dlbench.api import compare as comparing
from dlbench.api import explain as explaining
from dlbench.api import keywords, request
from dlbench.api import parity as proving
from dlbench.api import render as rendering
from dlbench.api import run as session
from dlbench.api.comparison_results import ComparisonResults
from dlbench.api.keywords import (
    OF_CLAUSE,
    OF_PROCESS,
    ExplainKeywords,
    GateKeywords,
    Names,
    ParityKeywords,
    RunKeywords,
    Source,
    SourceKeywords,
)
from dlbench.api.progress import Progress, listener_of
from dlbench.api.request import RunRequest
from dlbench.api.results import Results
from dlbench.record.parity import Parity


def run(plugins: Names = (), *, progress: Progress = True, **options: Unpack[RunKeywords]) -> Results:
    """Measure plugins side by side, as `dlbench run` does with these options; an option takes one value or several.

    `model` names models of your own as `--model` does, or is a class or a function that makes one.

    With `explain` the reasons of differences are in `explanation.md` beside the report.

    The report is written to `out`, or to a new folder under `reports/`. Ctrl-C keeps the finished groups there, says
    so, and goes on as KeyboardInterrupt; `read` returns them and `run(resume=folder)` continues. Raises DlbenchError.
    """
    given = keywords.complete(_located(options))
    read_options = RunRequest.read({**given, "plugin": keywords.names(plugins), "quiet": True, "dry_run": False})
    listener = listener_of(progress)
    result = session.run(read_options, listener)
    if result.ended_by is not None:
        listener.note(f"ended early; dlbench.read({str(result.folder)!r}) returns the finished Runs")
        raise result.ended_by
    if read_options.explain:
        explaining.of_session(result, read_options, listener)
    compared = ComparisonResults(result.answer) if result.answer is not None else None
    return Results(result.folder, result.runs, result.report, result.refused, compared)


def read(source: Source | Results) -> Results:
    """The results of a saved report: a runs.jsonl or its folder. Raises RecordError."""
    path = Path(_path(source))
    runs, report = rendering.read(path)
    refused = report.gate.refused if report.gate is not None else ""
    return Results(path if path.is_dir() else path.parent, runs, report, refused)


def compare(
    before: Source | Results,
    after: Source | Results,
    *,
    progress: Progress = True,
    **options: Unpack[GateKeywords],
) -> ComparisonResults:
    """Compare two saved reports, as `dlbench compare` does with these options. Raises DlbenchError."""
    given = keywords.complete(_located(options), GateKeywords.__annotations__)
    asked = request.gate_request(given)
    sides = (Path(_path(before)), Path(_path(after)))
    return ComparisonResults(comparing.compare(*sides, asked, listener_of(progress), given["out"]))


def explain(
    plugins: Names = (), *, progress: Progress = True, **options: Unpack[ExplainKeywords]
) -> explaining.Explanations:
    """Measure plugins side by side, then profile each: `.found` are the reasons of their differences, a pair each.

    The options are those of `dlbench explain`. Raises DlbenchError, also if no arm has a profile.
    """
    given = keywords.complete(_located(options), ExplainKeywords.__annotations__)
    return explaining.explain({**given, "plugin": keywords.names(plugins)}, listener_of(progress))


def check_parity(
    *plugins: str, seeds: int = 5, timeout: float = OF_PROCESS, **options: Unpack[ParityKeywords]
) -> list[Parity]:
    """Check that plugins, or several paths of one, are the same model: `.same` and every figure, a pair each.

    `seeds` counts initial values and batches; a process may work `timeout` seconds. Raises DlbenchError.
    """
    given = keywords.complete(options, ParityKeywords.__annotations__)
    return proving.parity({**given, "plugin": keywords.names(plugins)}, seeds, timeout)


def check(
    plugins: Names = (),
    *,
    path: Names = (),
    size: str = "small",
    task: str = "",
    device: str = "cpu",
    timeout: float = OF_CLAUSE,
    **options: Unpack[SourceKeywords],
) -> checking.Examination:
    """Examine plugins and models against the contract, on these paths or all; a clause may take `timeout` seconds.

    `model` and the statements about it are as for `run`. Raises DlbenchError.
    """
    given = keywords.complete({"path": path, **options}, ("path", *SourceKeywords.__annotations__))
    asked = checking.asked(keywords.names(plugins), given)
    more = {"size": size, "task": task, "device": device}
    return checking.check(asked, given["path"], timeout, checking.Silent(), **more)


def render(results: Results, format: str = "markdown") -> str:  # noqa: A002 (the option's name)
    """The report in a format (`markdown`, `json`, `html`) or an export such as `csv` or `junit`. Raises UnknownName."""
    return rendering.text(results.runs, results.report, format)


def _located(options: Any) -> dict[str, Any]:
    """The options with the folder in the place of results."""
    return {
        name: _path(value) if not _is_several(value) else [_path(one) for one in value]
        for name, value in options.items()
    }


def _is_several(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | Mapping)


def _path(value: Any) -> Any:
    return value.folder if isinstance(value, Results) else value
