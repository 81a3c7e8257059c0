"""The options of `dlbench bisect`, read."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dlbench.analysis.metrics import METRICS
from dlbench.api import keywords
from dlbench.api.bisection import state
from dlbench.api.bisection.groups import is_timed
from dlbench.api.bisection.request import Request, metric_of
from dlbench.api.request import RunRequest
from dlbench.errors import SpecError
from dlbench.workers import interpreters
from dlbench.workers.environments import ranges, used
from dlbench.workers.environments.layers import Recipe
from dlbench.workers.environments.ranges import Found

OWN = (
    *("git", "subdirectory", "lock", "metric", "no_build_isolation", "whole", "budget", "out", "resume", "explain"),
    *("dry_run", "quiet", "as_json"),
)
"""Options that `dlbench run` has not, or that the command which shows an answer again shall not have."""
WITH_RESUME = ("resume", "as_json", "quiet", "budget", "dry_run")
"""Options that say nothing about what is searched."""


def refuse_others(context: click.Context) -> None:
    """Raise SpecError for words that a search which goes on has an answer for."""
    for one in _typed(context):
        if one.name not in WITH_RESUME:
            raise SpecError(f"--resume goes on with a search as it was asked; leave {one.opts[-1]} out")


def read(context: click.Context, options: Mapping[str, Any], words: Sequence[str]) -> Request:
    """The checked request; `words` are those of the command whose context this is.

    Raises SpecError, UnknownName and RecordError.
    """
    if options["timeout"] is not None and options["timeout"] <= 0:
        raise SpecError(f"timeout is {options['timeout']}: it must be above 0")
    if options["budget"] is not None and not 0 < options["budget"] < float("inf"):
        raise SpecError(f"budget is {options['budget']}: it must be a number of seconds above 0")
    metric = metric_of(options["metric"])
    if options["explain"] and not is_timed(metric):
        raise SpecError(f"--explain says where the time goes, and the metric is {options['metric']}; leave one out")
    if options["whole"] and options["explain"]:
        raise SpecError("--explain is of one step, and --all may name several; give dlbench explain two --env instead")
    interpreters.require_apart()
    defaults = keywords.complete({})
    given = {**defaults, **{name: value for name, value in options.items() if name in (*defaults, "plugin")}}
    of_run = {
        "env": (),
        "out": None,
        "resume": None,
        "budget": None,
        "quiet": True,
        "dry_run": False,
        "parity": False,
        "explain": False,
    }
    run = RunRequest.read({**given, **of_run})
    if not run.subjects.selection.get("plugin") and not run.subjects.models:
        raise SpecError("nothing is measured; give --plugin NAME (`dlbench list` shows the names), or --model")
    begun = state.read(options["resume"]) if options["resume"] is not None else None
    found = _range(options, begun)
    if len(found.candidates) < 2:
        raise SpecError(f"{found.subject} has {len(found.candidates)} member in this range; give two ends that differ")
    _check_phase(metric, run)
    used.check(found.packages, run.subjects.selection.get("plugin", ()))
    now = datetime.datetime.now().astimezone()
    return Request(
        found=found,
        run=run,
        given={**given, **of_run},
        metric=metric,
        folder=options["resume"] or options["out"] or Path("reports") / f"{now:%Y-%m-%d-%H%M%S}-bisect",
        seconds=options["budget"],
        whole=options["whole"],
        words=tuple(words),
        options=tuple(_of_run(context)),
        resume=options["resume"] is not None,
    )


def _check_phase(metric: str, run: RunRequest) -> None:
    """Raise SpecError for a phase that has no such figure."""
    phases = METRICS[metric].phases if metric in METRICS else ()
    asked = run.subjects.selection.get("phase", ())
    if phases and not set(asked or phases).intersection(phases):
        said = ", ".join(asked)
        raise SpecError(f"{metric} is no figure of the phase {said}; give --phase {phases[0]}, or another --metric")


def _range(options: Mapping[str, Any], begun: state.State | None) -> Found:
    """The range; of a search that goes on, the one that it was begun with: commits by their hashes."""
    words = options["range"]
    if begun is not None and options["git"]:
        words = (f"{begun.members[0]}..{begun.members[-1]}",)
    found = _given(options, words)
    return found if begun is None else begun.begun(found)


def _given(options: Mapping[str, Any], words: Sequence[str]) -> Found:
    links = tuple(str(Path(one).expanduser()) for one in options["find_links"])
    if missing := [one for one in links if not Path(one).is_dir()]:
        raise SpecError(f"--find-links {missing[0]} is no folder; give the folder of wheels")
    recipe = Recipe(("",), links, not options["no_build_isolation"])
    if options["git"] and options["lock"]:
        raise SpecError("--git and --lock are two ways to give a range; leave one out")
    if options["lock"]:
        if len(words) != 2:
            given = f"these are given: {shlex.join(words)}" if words else "none is given"
            raise SpecError(f"--lock compares two requirement files, and {given}; give OLD.txt NEW.txt")
        return ranges.locks(words[0], words[1], recipe)
    if len(words) != 1:
        example = "package==1.0..1.5, --git REPO v1..main, or --lock OLD.txt NEW.txt"
        given = f"{len(words)} are given ({shlex.join(words)})" if words else "none is given"
        raise SpecError(f"a bisection has one range, and {given}; give {example}")
    if options["git"]:
        return ranges.commits(options["git"], words[0], options["subdirectory"], recipe)
    return ranges.versions(words[0], recipe)


def _typed(context: click.Context) -> list[click.Parameter]:
    """The options and arguments that stand in the command."""
    typed = click.core.ParameterSource.COMMANDLINE
    return [one for one in context.command.params if context.get_parameter_source(one.name or "") is typed]


def _of_run(context: click.Context) -> Iterator[str]:
    """The words of the options that `dlbench run` has too: what is measured."""
    for one in _typed(context):
        if not isinstance(one, click.Option) or one.name in OWN:
            continue
        value, flag = context.params[one.name or ""], one.opts[-1]
        if one.is_flag:
            yield flag
        else:
            for each in value if isinstance(value, tuple) else (value,):
                yield from (flag, str(each))
