"""Packages that a third party got wrong: each fault is one line in `list`, `check` and `run`, with the next step."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from command import DLBENCH

pytestmark = pytest.mark.untimed

GOOD = "from dlbench_fake.linear import LinearPlugin as Plugin\n"
NO_STEP = "class Plugin:\n    def build(self, request): ...\n    def predict(self, inputs): ...\n"
NO_REQUEST = f"{GOOD}\n\nclass Plugin(Plugin):\n    def build(self):\n        return None\n"
ENDLESS = "import time\n\nwhile True:\n    time.sleep(1)\n"
SLOW = f"import time\n\ntime.sleep(10)\n{GOOD}"
NEEDS = "class Plugin:\n    def __init__(self, size): ...\n"
MEND = "mend its entry point 'acme_module{}', and install it again"
POINT = {"acme.wide": "acme_module:Plugin"}
FAULTS = {
    "no module": (
        {"acme.wide": "nowhere_acme:Plugin"}, GOOD,
        "module nowhere_acme is not there; install it again, or mend its entry point 'nowhere_acme:Plugin' first",
    ),
    "no module within": (
        {"acme.wide": "acme_module.deep:Plugin"}, GOOD,
        f"No module named 'acme_module.deep'; 'acme_module' is not a package; {MEND.format('.deep:Plugin')}",
    ),
    "no object": (
        {"acme.wide": "acme_module:Plugim"}, GOOD,
        f"acme_module has no 'Plugim'; did you mean Plugin? {MEND.format(':Plugim')}",
    ),
    "no value": (
        {"acme.wide": "acme_module"}, GOOD,
        f"its value 'acme_module' is not module:callable, such as dlbench_acme.model:Wide; {MEND.format('')}",
    ),
    "no dot": ({"acme": "acme_module:Plugin"}, GOOD, "its name 'acme' must be"),
    "no method": (POINT, NO_STEP, "acme_module:Plugin returned an object of Plugin, which lacks train_step"),
    "no import": (
        POINT, "import nothing_of_acme\n",
        "No module named 'nothing_of_acme' (acme/acme_module.py:1, in <module>); install what brings it",
    ),
    "no syntax": (POINT, "def build(:\n", "SyntaxError: invalid syntax (acme_module.py, line 1)"),
    "no arguments": (
        POINT, NEEDS, "missing 1 required positional argument: 'size'; acme_module:Plugin is called without arguments"
    ),
}  # fmt: skip
"""Entry points, the text of the module, and the fault with the next step."""


def dlbench(site, folder, *words, **more):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [DLBENCH, *words], check=False, cwd=folder, env=environment, capture_output=True, text=True, **more
    )


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_package_is_one_line_and_exit_code_1_or_2(fault, install, tmp_path):
    points, code, said = FAULTS[fault]
    site = install("acme", plugins=points, acme_module=code)
    (name,) = points
    checked = dlbench(site, tmp_path, "check", name, "--path", "eager", "--task", "line")
    assert checked.returncode in (1, 2)
    assert (checked.stdout + checked.stderr).count(said) == 1 or "pip install" in checked.stderr
    ran = dlbench(site, tmp_path, "run", "--plugin", name, "--path", "eager", "--task", "line", "--quick", "--out", "o")
    assert ran.returncode == 2
    assert said in " ".join((ran.stdout + ran.stderr).split())
    listed = dlbench(site, tmp_path, "list")
    assert listed.returncode == 0
    assert name in listed.stdout


def test_a_wrong_signature_is_told_with_the_right_calls(install, tmp_path):
    site = install("acme", plugins={"acme.wide": "acme_module:Plugin"}, acme_module=NO_REQUEST)
    found = dlbench(site, tmp_path, "check", "acme.wide", "--path", "eager", "--task", "line", "--fix-hints")
    assert found.returncode == 1
    assert "broken         build_is_repeatable: TypeError: " in found.stdout
    assert "info = plugin.build(request)" in found.stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def train_step(self, batch): return None",
            "train_step must return a loss that float() accepts, got NoneType",
        ),
        ("def train_step(self, batch): return 'x'", "train_step must return a loss that float() accepts, got str 'x'"),
        ("def describe(self, spec): raise ValueError('a\\nb')", "plugin acme.wide: describe() raised ValueError: a b"),
    ],
)
def test_a_method_that_gives_something_else_is_named_once(body, said, install, tmp_path):
    code = f"{GOOD}\n\nclass Plugin(Plugin):\n    {body}\n"
    site = install("acme", plugins={"acme.wide": "acme_module:Plugin"}, acme_module=code)
    task = [] if "describe" in body else ["--task", "line"]
    found = dlbench(site, tmp_path, "check", "acme.wide", "--path", "eager", *task)
    assert found.returncode in (1, 2)
    assert (found.stdout + found.stderr).count(said) == 1


@pytest.mark.parametrize("task", [[], ["--task", "line"]], ids=["own inputs", "line"])
def test_an_import_without_an_end_takes_no_longer_than_a_clause_may(task, install, tmp_path):
    site = install("acme", plugins={"acme.wide": "acme_module:Plugin"}, acme_module=ENDLESS)
    words = ("check", "acme.wide", "--path", "eager", "--timeout", "2", *task)
    found = dlbench(site, tmp_path, *words, timeout=400)  # the limit of a process of `run` is 600
    assert (found.returncode, found.stderr) == (1, "")
    assert "broken         import_does_no_work: no word from the plugin for 2 s" in found.stdout


@pytest.mark.slow
def test_an_import_of_ten_seconds_is_waited_for_and_delays_no_list(install, tmp_path):
    site = install("acme", plugins={"acme.wide": "acme_module:Plugin"}, acme_module=SLOW)
    assert "acme.wide" in dlbench(site, tmp_path, "list").stdout
    found = dlbench(site, tmp_path, "check", "acme.wide", "--path", "eager", "--task", "line")
    assert re.search(r"holds          import_does_no_work: loading took \d\d+ s, in every process", found.stdout)
    cut = dlbench(site, tmp_path, "check", "acme.wide", "--path", "eager", "--task", "line", "--timeout", "2")
    assert cut.returncode == 1
    assert "import_does_no_work: no word from the plugin for 2 s" in cut.stdout
