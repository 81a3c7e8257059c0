"""The contract as a suite: what a plugin must do, checked on the plugin itself.

    dlbench check acme.mlp

or, in the tests of a plugin package:

    @pytest.mark.parametrize("path", ["eager", "jit"])
    def test_conforms(path):
        conformance.assert_conforms("acme.mlp", path)

Each plugin and path is examined in a process of its own. A clause that could not be looked at counts as broken.
"""

from __future__ import annotations

from dlbench.isolate import ChildError, fresh_child
from dlbench.orders import Check, Checked, Finding
from dlbench.plan import Selection, expand
from dlbench.spec import Path, Policy, Spec

__all__ = ["assert_conforms", "check", "specs"]


def specs(plugin: str, path: Path, size: str = "small", task: str = "", device: str = "cpu") -> list[Spec]:
    """What is examined of a plugin on a path. Raises UnknownName, PluginLoadError or SpecError."""
    # One thread: several that share a core with another program wait for each other, and nothing is timed here.
    selection = Selection((plugin,), (path,), ("train",), (size,), devices=(device,), task=task, threads=1)
    return expand(selection, Policy(processes=1))


def check(spec: Spec, timeout: float = 600.0) -> list[Finding]:
    """Examine one plugin on one path; a Finding for every clause, or one that says why there is none."""
    child = fresh_child(spec.threads, timeout)
    try:
        return child.obey(Check(spec=spec), Checked).findings
    except ChildError as error:
        return [Finding(clause="examination", problem=f"{error.status}: {error}")]
    finally:
        child.close()


def assert_conforms(plugin: str, path: Path, **more: str) -> None:
    """Raise AssertionError that lists every clause which the plugin breaks on this path."""
    broken = [one for spec in specs(plugin, path, **more) for one in check(spec) if one.problem]
    lines = "\n".join(f"  {one.clause}: {one.problem}" for one in broken)
    if broken:
        raise AssertionError(f"{plugin} on the path {path} breaks the contract:\n{lines}")
