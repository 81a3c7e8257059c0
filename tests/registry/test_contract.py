"""The version of the contract that a package was written for: it works, or one line says why it does not."""

from __future__ import annotations

import subprocess

import pytest
from command import DLBENCH

from dlbench import registry
from dlbench.errors import PluginLoadError
from dlbench.plugin import CONTRACT_VERSION, contract
from dlbench.registry import offers

pytestmark = pytest.mark.untimed

MEND = "mend its entry point of dlbench.contract, and install it again"

FUTURE = f"it is written for contract 9.0, and this dlbench has {CONTRACT_VERSION}; pip install --upgrade dlbench"


def test_every_major_version_says_what_it_changed():
    major = int(CONTRACT_VERSION.partition(".")[0])
    assert list(contract.CHANGES) == list(range(1, major + 1))
    assert contract.why_not(contract.FIRST) == "" or major > 1


@pytest.mark.parametrize(
    ("written_for", "said"),
    [
        ("2.3", ""),
        ("2.0", ""),
        ("2.4", "it is written for contract 2.4, and this dlbench has 2.3; pip install --upgrade dlbench"),
        ("3.0", "it is written for contract 3.0, and this dlbench has 2.3; pip install --upgrade dlbench"),
        (
            "1.7",
            "it is written for contract 1.7, and this dlbench has 2.3 (2.0: build returns ModelInfo); "
            "install a later release of it",
        ),
        ("two", f"its contract version 'two' is no version such as 2.3; {MEND}"),
        ("1", f"its contract version '1' is no version such as 2.3; {MEND}"),
        ("1.0.0.0", f"its contract version '1.0.0.0' is no version such as 2.3; {MEND}"),
    ],
)
def test_an_older_minor_version_works_and_any_other_is_told_in_one_line(monkeypatch, written_for, said):
    monkeypatch.setattr(contract, "CONTRACT_VERSION", "2.3")
    monkeypatch.setattr(contract, "CHANGES", {1: "the first", 2: "build returns ModelInfo"})
    assert contract.why_not(written_for) == said


def test_a_package_that_says_nothing_is_of_the_first_version(install, monkeypatch):
    install("acme", plugins={"acme.wide": "dlbench_fake.linear:LinearPlugin"})
    assert registry.find("acme.wide").broken == ""
    monkeypatch.setattr(contract, "CONTRACT_VERSION", "2.0")
    monkeypatch.setattr(contract, "CHANGES", {1: "the first", 2: "build returns ModelInfo"})
    with pytest.raises(PluginLoadError, match=r"written for contract 1\.0.*2\.0: build returns ModelInfo"):
        registry.find("acme.wide")


def test_all_that_a_package_of_the_future_brings_is_refused(install):
    points = {"acme.wide": "dlbench_fake.linear:LinearPlugin"}
    install("acme", plugins=points, tasks={"waves": "dlbench_fake.spirals:SPIRALS"}, contract={"9.0": "dlbench_fake"})
    with pytest.raises(PluginLoadError, match="contract 9"):
        registry.find("acme.wide")
    with pytest.raises(PluginLoadError, match="task waves of acme cannot be loaded: it is written for contract 9"):
        offers.find(offers.TASKS, "waves", ())
    assert registry.find("fake.linear").broken == ""


def test_a_contract_of_the_future_is_one_line_in_list_check_and_run(install, monkeypatch, tmp_path):
    site = install("acme", plugins={"acme.wide": "dlbench_fake.linear:LinearPlugin"}, contract={"9.0": "dlbench_fake"})
    monkeypatch.setenv("PYTHONPATH", str(site))
    for command in (["check", "acme.wide"], ["run", "--plugin", "acme.wide", "--task", "line"]):
        found = subprocess.run([DLBENCH, *command], check=False, cwd=tmp_path, capture_output=True, text=True)
        assert (found.returncode, found.stdout) == (2, "")
        assert found.stderr == f"dlbench: plugin acme.wide of acme cannot be loaded: {FUTURE}\n"
    listed = subprocess.run([DLBENCH, "list"], check=False, cwd=tmp_path, capture_output=True, text=True)
    (line,) = [line for line in listed.stdout.splitlines() if "acme.wide" in line]
    assert line.endswith(f"broken: {FUTURE}")
