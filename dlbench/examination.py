"""`dlbench check`: each plugin on each path, clause by clause, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dlbench import conformance
from dlbench.errors import SpecError
from dlbench.orders import Finding
from dlbench.spec import PATHS, Path, Spec

UNSUPPORTED = "unsupported: "


def show(plugins: Sequence[str], paths: Sequence[Path], **options: str) -> bool:
    """Print every finding; whether all clauses hold. A path that was named must be supported, and one at least.

    Raises UnknownName, PluginLoadError or SpecError.
    """
    everything = [
        (spec, bool(paths))
        for plugin in plugins
        for path in paths or PATHS
        for spec in conformance.specs(plugin, path, **options)
    ]
    results = [_examine(spec, named=named) for spec, named in everything]
    if all(holds is None for holds in results):
        raise SpecError(
            f"{', '.join(plugins)}: nothing could be examined; name a --path, --task or --size that they have"
        )
    return all(holds for holds in results if holds is not None)


def _examine(spec: Spec, *, named: bool) -> bool | None:
    """Whether the contract holds; None for a path that nobody asked for and the plugin does not have."""
    click.echo(f"{spec.label}, {spec.size}")
    findings = conformance.check(spec)
    if findings[0].problem.startswith(UNSUPPORTED) and not named:
        click.echo(f"  {' '.join(findings[0].problem.split())}")
        return None
    for finding in findings:
        click.echo(f"  {'broken' if finding.problem else 'holds '}  {finding.clause}{_because(finding)}")
    return not any(finding.problem for finding in findings)


def _because(finding: Finding) -> str:
    return f": {' '.join(finding.problem.split())}" if finding.problem else ""
