"""Distributions that are installed for the length of a test."""

from __future__ import annotations

import sys

import pytest

from dlbench.measure import sources

GROUPS = ("plugins", "tasks", "architectures", "exports", "contract")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution with entry points by group, and perhaps modules, for the length of a test."""

    def installed(distribution, **modules):
        site = tmp_path / distribution
        points = {group: modules.pop(group, {}) for group in GROUPS}
        info = site / f"{distribution}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        parts = (
            f"[dlbench.{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())
            for group, named in points.items()
        )
        (info / "entry_points.txt").write_text("\n".join(parts))
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(site)
        for looked_at in (sources.of_task, sources.of_architecture):
            looked_at.cache_clear()
        return site

    yield installed
    for looked_at in (sources.of_task, sources.of_architecture):
        looked_at.cache_clear()
