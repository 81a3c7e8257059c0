"""The request of `dlbench run`: the options of the command line, checked."""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from dlbench.analysis.gate_request import GateRequest
from dlbench.api import effort, judge, question, render
from dlbench.errors import SpecError
from dlbench.record.schema import Plan
from dlbench.session import plan
from dlbench.spec import AXES, Policy
from dlbench.workers import interpreters

DEFAULT_FORMATS = ("markdown", "json")
GATING = ("fail_on", "confirm", "strict", "allow", "history", "against")
"""Options that say what becomes of the Runs: the plan keeps them, for whoever goes on with it."""


@dataclass(frozen=True)
class RunRequest:
    """What `dlbench run` was asked, checked; `asked` are the words of the gate and the comparison, for the plan.

    With `anew` the folder's name is not the user's, and one with a number at its end is as good.
    """

    selection: plan.Selection
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

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> RunRequest:
        """Check the options of the command line. Raises SpecError or UnknownName."""
        pythons = interpreters.read(options["env"])
        if pythons and options["isolation"] == "none":
            raise SpecError("--isolation none runs in the Python of dlbench itself; leave it out, or leave --env out")
        return cls(
            selection={**selection(options), "environment": tuple(pythons)},
            pythons=pythons,
            policy=effort.policy(options),
            folder=options["resume"] or options["out"] or _default_folder(options["plugin"]),
            resume=options["resume"] is not None,
            formats=render.known_formats(options["format"] or DEFAULT_FORMATS),
            quiet=options["quiet"],
            parity=options["parity"],
            dry_run=options["dry_run"],
            question=question.read(options),
            against=judge.BaselineReport.named(options),
            asked=tuple(_words(options)),
            anew=options["resume"] is None and options["out"] is None,
        )

    def check_resumed(self, planned: Plan) -> None:
        """Raise SpecError for a gate that would be dropped in silence, or that this plan has no null pairs for."""
        if planned.asked and not self.asked:
            raise SpecError(
                f"{self.folder} was planned with a gate or a comparison; "
                f"give {resume_command(self.folder, planned.asked)}"
            )
        timed = [spec for spec in planned.specs if spec.timed]
        if self.question.metrics and timed and not any(spec.twin for spec in timed):
            why = "was planned without a gate on figures and has no null pair"
            raise SpecError(f"{self.folder} {why}; leave --fail-on out, or measure anew with another --out")


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


def selection(options: Mapping[str, Any]) -> plan.Selection:
    """What the options of a command select, by axis."""
    found = {axis.field: _values(options.get(axis.option)) for axis in AXES.values() if axis.option}
    found["path"] = ("jit", *found["path"]) if options["jit"] else found["path"]
    return {field: values for field, values in found.items() if values}


def _values(given: Any) -> tuple[Any, ...]:
    """The values of an option that takes several, or one, or is a flag."""
    if isinstance(given, tuple):
        return given
    return () if given is None or given is False else (given,)


def _default_folder(plugins: Sequence[str]) -> FilePath:
    """A new folder under `reports`, named by time and plugins."""
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    names = (re.sub(r"[^\w.-]+", "any", plugin) for plugin in dict.fromkeys(plugins))
    return FilePath("reports") / "-".join([now, *names])
