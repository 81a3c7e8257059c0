"""`dlbench check`: each plugin on each path, clause by clause, a line each as soon as it is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from dlbench import architectures, conformance
from dlbench.cli.heartbeat import Heartbeat
from dlbench.conformance.examine import NAMES
from dlbench.errors import SpecError
from dlbench.report.markdown import plain
from dlbench.spec import PATHS, Path, Policy, Spec
from dlbench.workers.protocol import Finding, Verdict

HOLDS, BROKEN, NOTHING_EXAMINED = 0, 1, 2
"""Exit codes: no clause is broken, one is, or a path that was named could not be examined."""
WORDS: dict[Verdict, str] = {"holds": "hold", "broken": "broken", "not looked at": "not looked at"}


def show(plugins: Sequence[str], paths: Sequence[Path], timeout: float, **options: str) -> int:
    """Print every finding and return the exit code. Raises UnknownName, PluginLoadError or SpecError.

    SpecError also where nothing could be examined at all: no path is supported, or no data is installed.
    """
    timeout = Policy(timeout_seconds=timeout).timeout_seconds
    found = [
        spec for plugin in plugins for path in paths or PATHS for spec in conformance.specs(plugin, path, **options)
    ]
    ready, missing = _with_data(found, named=bool(options.get("task")))
    codes = [_examine(spec, note, timeout) for spec, note in ready]
    if all(code == NOTHING_EXAMINED for code in codes):
        names = ", ".join(plugins)
        raise SpecError(f"{names}: nothing could be examined; name a --path, --task or --size that they have")
    for why in missing:
        click.echo(f"not looked at: {why}", err=True)
    missed = [code for code in codes if code != NOTHING_EXAMINED or paths]
    return BROKEN if BROKEN in codes else max([*missed, NOTHING_EXAMINED if missing else HOLDS])


def _with_data(found: Sequence[Spec], *, named: bool) -> tuple[list[tuple[Spec, str]], list[str]]:
    """Specs that can be examined, each with what is to be said of its task; and why others cannot. Raises SpecError."""
    ready: list[tuple[Spec, str]] = []
    missing: dict[str, None] = {}
    for spec in found:
        try:
            ready.append(conformance.with_data(spec, named=named))
        except SpecError as error:
            missing[str(error)] = None
    if not ready:
        raise SpecError("; ".join(missing))
    return ready, list(missing)


def _examine(spec: Spec, note: str, timeout: float) -> int:
    click.echo(f"{spec.label}, {spec.size}, task {spec.task}; {architectures.meaning(spec.architecture)}")
    if note:
        click.echo(f"  {note}")
    verdicts: Counter[Verdict] = Counter()
    examined = True
    with Heartbeat() as heart:
        for finding in conformance.check(spec, timeout, heart.announce):
            heart.clear()
            click.echo(_line(finding))
            verdicts[finding.verdict] += 1
            examined = finding.clause != conformance.EVERYTHING_ELSE
    verdicts["not looked at"] = len(NAMES) - verdicts["holds"] - verdicts["broken"]
    click.echo(f"  {', '.join(f'{verdicts[verdict]} {word}' for verdict, word in WORDS.items())}")
    if verdicts["broken"]:
        return BROKEN
    return HOLDS if examined else NOTHING_EXAMINED


def _line(finding: Finding) -> str:
    why = " ".join(plain(finding.why).split())
    return f"  {finding.verdict:13}  {finding.clause}{f': {why}' if why else ''}"
