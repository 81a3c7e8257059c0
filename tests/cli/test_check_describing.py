"""`dlbench check` on plugins whose process ends before they have described themselves."""

from __future__ import annotations

import os

import pytest
from command import dlbench

from dlbench import conformance
from dlbench.conformance.hints import ENDED, SLOW

pytestmark = pytest.mark.untimed


@pytest.fixture
def describing(tmp_path, monkeypatch):
    """A plugin with an architecture of its own, whose `describe()` does this."""

    def installed(does):
        site = tmp_path / "site"
        info = site / "dlbench_acme-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dlbench-acme\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[dlbench.plugins]\nacme.wide = acme_wide:Wide\n")
        (site / "acme_wide.py").write_text(
            "import os, time\nfrom dlbench_fake.linear import LinearPlugin\n\nclass Wide(LinearPlugin):\n"
            f"    def describe(self, spec):\n        {does}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)

    return installed


@pytest.mark.parametrize(
    ("does", "said", "mend"),
    [
        ("os._exit(3)", "crashed in describe(): the child exited with code 3", ENDED),
        ("time.sleep(600)", "no word from the plugin for 8 s in describe(): it loops or waits", SLOW),
    ],
)
def test_a_plugin_that_ends_or_hangs_while_it_describes_itself_is_told_so(does, said, mend, describing, tmp_path):
    describing(does)
    found = dlbench("check", "acme.wide", "--path", "eager", "--timeout", "8", "--fix-hints", cwd=tmp_path)
    assert found.returncode == 1, found.stderr
    assert f"  {conformance.NOT_DESCRIBED}\n  holds          import_does_no_work\n" in found.stdout
    assert f"  broken         build_is_repeatable: {said}" in found.stdout
    assert mend.mend in found.stdout
    assert "--input" not in found.stdout
    assert "everything else: 25 clauses: the examination ended in build_is_repeatable" in found.stdout
