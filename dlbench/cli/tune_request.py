"""The options of `dlbench tune`, read."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dlbench.api import keywords
from dlbench.api.request import RunRequest
from dlbench.api.tune import arms
from dlbench.api.tune.limits import Limits
from dlbench.api.tune.request import Request, given
from dlbench.errors import SpecError

WITH_RESUME = ("resume", "as_json", "quiet", "budget", "dry_run")
"""Options that say nothing about what is raced."""


def refuse_others(context: click.Context) -> None:
    """Raise SpecError for words that a race which goes on has an answer for."""
    for one in context.command.params:
        typed = context.get_parameter_source(one.name or "") is click.core.ParameterSource.COMMANDLINE
        if typed and one.name not in WITH_RESUME:
            raise SpecError(f"--resume goes on with a race as it was asked; leave {one.opts[-1]} out")


def read(options: Mapping[str, Any], words: Sequence[str]) -> Request:
    """The checked request. Raises SpecError, UnknownName and RecordError."""
    for name in ("timeout", "budget"):
        if options[name] is not None and not 0 < options[name] < math.inf:
            raise SpecError(f"{name} is {options[name]}: it must be a number of seconds above 0")
    for name in ("max_latency", "max_error", "budget") if options["largest_batch"] else ():
        if options[name] not in (None, ""):
            raise SpecError(
                f"--largest-batch looks at memory alone and ends by itself; leave --{name.replace('_', '-')} out"
            )
    limits = Limits.read(options["max_memory"], options["max_error"], options["max_latency"])
    run = RunRequest.read(given(options, keywords.complete({})))
    largest = options["largest_batch"]
    now = datetime.datetime.now().astimezone()
    return Request(
        run=run,
        limits=limits,
        specs=arms.single(run.subjects, run.policy) if largest else arms.settings(run.subjects, run.policy),
        folder=options["resume"] or options["out"] or Path("reports") / f"{now:%Y-%m-%d-%H%M%S}-tune",
        seconds=options["budget"],
        words=tuple(words),
        resume=options["resume"] is not None,
    )
