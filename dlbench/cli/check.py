"""`dlbench check`: each plugin on each path, one line a clause as soon as it is decided, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import click

from dlbench import architectures
from dlbench.api.check import Examination, Examined, check
from dlbench.cli import streams
from dlbench.cli.heartbeat import Heartbeat
from dlbench.conformance.examine import NAMES, Finding
from dlbench.conformance.hints import hint
from dlbench.errors import exit_codes, redaction
from dlbench.record import encoding
from dlbench.report.markdown import plain
from dlbench.session.models import AskedModel
from dlbench.spec import Path, Spec

SKIPPED = "skipped"
"""The word for a broken clause that is known not to hold."""
WORDS = {"holds": "hold", "broken": "broken", SKIPPED: SKIPPED, "not looked at": "not looked at"}
"""Words of a count by those of a clause."""


@dataclass(frozen=True)
class Shown:
    """The form of an examination: for machines, or with advice on broken clauses; `skips` may be broken."""

    as_json: bool = False
    hints: bool = False
    skips: tuple[str, ...] = ()


def show(
    plugins: Sequence[str | AskedModel], paths: Sequence[Path], timeout: float, shown: Shown, **options: str
) -> int:
    """Print every finding and return the exit code. Raises UnknownName, PluginLoadError or SpecError."""
    as_json = shown.as_json
    with Heartbeat() as heart:
        found = check(plugins, paths, timeout, _Printed(heart, shown), shown.skips, **options)
    if as_json:
        click.echo(encoding.page(redaction.record(_facts(found))), nl=False)
    for why in () if as_json else found.missing:
        click.echo(f"not looked at: {why}", err=True)
    return _exit_code(found, named=bool(paths))


def _facts(found: Examination) -> dict[str, object]:
    """The examination for machines."""
    examined = [
        {"arm": one.spec.label, "spec": one.spec, "note": one.note, "findings": one.findings}
        | ({"skips": one.skips, "stale": one.stale, "idle": one.idle} if one.skips else {})
        for one in found.examined
    ]
    return {"conforms": found.conforms, "examined": examined, "missing": found.missing}


def _exit_code(found: Examination, *, named: bool) -> int:
    """The code of an examination; a path that is not supported counts if it was `named`."""
    if not found.conforms:
        return exit_codes.CHANGED
    lacking = named and not all(one.complete for one in found.examined)
    return exit_codes.FAILED if lacking or found.missing else exit_codes.FINE


class _Printed:
    """Prints an examination as it goes on."""

    def __init__(self, heart: Heartbeat, shown: Shown) -> None:
        self._heart, self._quiet, self._shown = heart, shown.as_json, shown
        self._why, self._alike = "", 0

    def describing(self, name: str) -> None:
        """The plugin, as a sign of life."""
        self._heart.announce(f"starting {name}")

    def started(self, spec: Spec, note: str) -> None:
        """The plugin, and the task if it is not the default."""
        self._heart.announce(f"starting {spec.label}")
        self._say(f"{spec.label}, {spec.size}, task {spec.task}; {architectures.meaning(spec.architecture)}")
        if note:
            self._say(f"  {note}")

    def looking_at(self, clause: str) -> None:
        """The clause, as a sign of life."""
        self._heart.announce(clause)

    def decided(self, finding: Finding) -> None:
        """A line for the clause; neighbours that were not looked at for one reason are counted after the first."""
        why = " ".join(plain(finding.why).split())
        if finding.verdict == "not looked at" and why and why == self._why:
            self._alike += 1
            return
        self._count_alike()
        self._why = why if finding.verdict == "not looked at" else ""
        verdict = self._word(finding)
        self._say(f"  {verdict:13}  {finding.clause}{f': {why}' if why else ''}")
        if verdict == "broken" and self._shown.hints:
            for line in hint(finding):
                self._say(f"{'':17}{line}")

    def ended(self, found: Examined) -> None:
        """The skips that are stale or met nothing, and the number of clauses by verdict."""
        self._count_alike()
        self._why = ""
        for line in [*found.stale, *found.idle]:
            self._say(f"  {line}")
        verdicts = Counter(map(self._word, found.findings))
        verdicts["not looked at"] = len(NAMES) - sum(verdicts[word] for word in ("holds", "broken", SKIPPED))
        words = {verdict: word for verdict, word in WORDS.items() if verdict != SKIPPED or self._shown.skips}
        self._say(f"  {', '.join(f'{verdicts[verdict]} {word}' for verdict, word in words.items())}")

    def _word(self, finding: Finding) -> str:
        """The verdict on a clause, or that it is broken as its skip says."""
        return SKIPPED if finding.verdict == "broken" and finding.clause in self._shown.skips else finding.verdict

    def _count_alike(self) -> None:
        if self._alike:
            self._say(
                f"  {'not looked at':13}  {self._alike} more clause{'s' * (self._alike > 1)}, for the same reason"
            )
        self._alike = 0

    def _say(self, line: str) -> None:
        with self._heart.aside():
            if not self._quiet:
                click.echo(streams.fitted(line))
