"""EXPORTS: from Runs to files of other tools. A new one is one pure function and one row here.

Other packages bring exports as entry points of the group `dlbench.exports`: an object, or a module, with the name of
its file in `file_name` and a function `render(runs, report) -> str`.
"""

from __future__ import annotations

from collections.abc import Collection

from dlbench.registry import offers
from dlbench.registry.entry_points import Entry
from dlbench.report.exports import bencher, github_action, junit, long_table, pyperf, pytest_benchmark, pytorch
from dlbench.report.exports.export import Export, of_entry

__all__ = ["EXPORTS", "Export", "entries", "find"]

EXPORTS: dict[str, Export] = {
    "csv": Export("samples.csv", long_table.render),
    "pytest-benchmark": Export("pytest-benchmark.json", pytest_benchmark.render),
    "pyperf": Export("pyperf.json", pyperf.render),
    "pytorch": Export("pytorch-benchmark-v3.json", pytorch.render),
    "bencher": Export("bencher.json", bencher.render),
    "github-bigger": Export("github-bigger-is-better.json", github_action.bigger),
    "github-smaller": Export("github-smaller-is-better.json", github_action.smaller),
    "junit": Export("junit.xml", junit.render),
}


def entries(own: Collection[str]) -> list[Entry]:
    """Exports of other packages, broken ones included; `own` are the formats of a report. Imports none of them."""
    return offers.entries(offers.EXPORTS, (*own, *EXPORTS))


def find(name: str, own: Collection[str]) -> Export | None:
    """The export of this name; None if there is none. Raises PluginLoadError and ContractViolation."""
    if name in EXPORTS:
        return EXPORTS[name]
    entry = offers.find(offers.EXPORTS, name, (*own, *EXPORTS))
    return None if entry is None else of_entry(entry)
