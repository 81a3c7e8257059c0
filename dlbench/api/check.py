"""Examination of plugins against the contract, each on each path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dlbench import conformance
from dlbench.api import subjects
from dlbench.conformance.examine import Finding
from dlbench.errors import SpecError
from dlbench.session.models import AskedModel
from dlbench.spec import PATHS, Path, Policy, Spec


@dataclass(frozen=True)
class Examined:
    """A plugin on a path; `note` is set if another task was taken. Clauses without a finding were not checked.

    `skips` are clauses that are known not to hold.
    """

    spec: Spec
    note: str
    findings: tuple[Finding, ...]
    skips: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings of clauses that are broken, without the skips."""
        return tuple(one for one in self.findings if one.verdict == "broken" and one.clause not in self.skips)

    @property
    def stale(self) -> list[str]:
        """A line for each of the skips whose clause holds."""
        return conformance.stale(self.findings, self.skips)

    @property
    def idle(self) -> list[str]:
        """A line for each of the skips whose clause was not looked at."""
        return conformance.idle(self.findings, self.skips)

    @property
    def complete(self) -> bool:
        """True if every clause was decided, or left out for a capability that the plugin lacks."""
        return all(one.clause != conformance.EVERYTHING_ELSE for one in self.findings)


@dataclass(frozen=True)
class Examination:
    """All that was examined, and one sentence for each Spec whose data is `missing`."""

    examined: tuple[Examined, ...]
    missing: tuple[str, ...]

    @property
    def conforms(self) -> bool:
        """True if no clause is broken, and no skip is stale."""
        return not any(one.broken or one.stale for one in self.examined)


class CheckListener(Protocol):
    """Receiver of the progress of an examination."""

    def describing(self, name: str) -> None:
        """A plugin or model with an architecture of its own is about to be loaded, to describe itself."""
        ...

    def started(self, spec: Spec, note: str) -> None:
        """The examination of this Spec begins."""
        ...

    def looking_at(self, clause: str) -> None:
        """A clause begins."""
        ...

    def decided(self, finding: Finding) -> None:
        """A clause is decided."""
        ...

    def ended(self, found: Examined) -> None:
        """The examination of a Spec ended."""
        ...


class Silent:
    """A CheckListener that does nothing."""

    def describing(self, name: str) -> None:
        """Nothing."""

    def started(self, spec: Spec, note: str) -> None:
        """Nothing."""

    def looking_at(self, clause: str) -> None:
        """Nothing."""

    def decided(self, finding: Finding) -> None:
        """Nothing."""

    def ended(self, found: Examined) -> None:
        """Nothing."""


def asked(plugins: Sequence[str], options: Mapping[str, Any]) -> tuple[str | AskedModel, ...]:
    """The plugins, and the models that these options name. Raises SpecError."""
    return (*plugins, *subjects.models(options))


def check(
    plugins: Sequence[str | AskedModel],
    paths: Sequence[Path],
    timeout: float,
    listener: CheckListener,
    skips: Sequence[str] = (),
    **options: str,
) -> Examination:
    """Examine each plugin or model on each of these paths, or on all that exist. A clause may take `timeout` seconds.

    `skips` are clauses that are known not to hold. Raises UnknownName, PluginLoadError or SpecError, the last also if
    nothing could be examined at all: no path is supported, or no data is installed.
    """
    conformance.check_skips(skips)
    if not plugins:
        raise SpecError("nothing was named; give a plugin (`dlbench list` shows the names) or --model REFERENCE")
    timeout = Policy(timeout_seconds=timeout).timeout_seconds
    found = []
    for plugin in plugins:
        listener.describing(_name(plugin))
        found += conformance.specs(plugin, paths or PATHS, timeout=timeout, **options)
    ready, missing = _with_data(found, named=bool(options.get("task")))
    examined = tuple(_examine(spec, note, timeout, listener, tuple(skips)) for spec, note in ready)
    if all(not one.complete and not one.broken for one in examined):
        names = ", ".join(map(_name, plugins))
        raise SpecError(f"{names}: nothing could be examined; name a --path, --task or --size that they have")
    return Examination(examined, tuple(missing))


def _name(plugin: str | AskedModel) -> str:
    return plugin if isinstance(plugin, str) else plugin.source.reference


def _with_data(found: Sequence[Spec], *, named: bool) -> tuple[list[tuple[Spec, str]], list[str]]:
    """Specs whose data is here, each with a note on its task; and a sentence for each other. Raises SpecError."""
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


def _examine(spec: Spec, note: str, timeout: float, listener: CheckListener, skips: tuple[str, ...]) -> Examined:
    listener.started(spec, note)
    findings = []
    for finding in conformance.check(spec, timeout, listener.looking_at):
        listener.decided(finding)
        findings.append(finding)
    found = Examined(spec, note, tuple(findings), skips)
    listener.ended(found)
    return found
