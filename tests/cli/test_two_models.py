"""Arms that are not the same model: the exit codes, and the mark of a ratio in every format."""

from __future__ import annotations

import json

import pytest
from command import dlbench, short

pytestmark = pytest.mark.untimed

OTHER = """

class Doubled(Two):
    def __call__(self, *inputs):
        return 2 * super().__call__(*inputs)

def same(state):
    return state
"""
ARMS = ("--model", "own.py:Two", "--model", "own.py:Doubled", "--convert", "own.py:same")


@pytest.fixture
def two(folder):
    (folder / "own.py").write_text((folder / "own.py").read_text() + OTHER)
    return folder


def test_the_ratio_of_two_models_says_so_in_every_format(two):
    said = ("--phase", "predict", "--quick", "--quiet", "--format", "markdown,json", "--out", "report")
    done = short("run", *ARMS, *said, cwd=two)
    assert done.returncode == 0, done.stderr
    page = (two / "report" / "report.md").read_text()
    (finding,) = [line for line in page.splitlines() if "over fake.Two eager (own.py:Two)" in line]
    assert "| NOT THE SAME MODEL |" in finding
    (ratios,) = [line for line in page.splitlines() if line.startswith("| Step time, ratio |") and "(baseline)" in line]
    assert ratios.endswith(", NOT THE SAME MODEL |")
    assert page.count("(not the same model) |") == 1
    (section,) = json.loads((two / "report" / "report.json").read_text())["sections"]
    assert [one["unlike"] for one in section["comparisons"]] == ["model"]


def test_a_gate_on_two_models_is_refused_before_anything_is_measured_unless_it_is_meant(two):
    said = ("--phase", "predict", "--processes", "2", "--quiet", "--fail-on", "slower:20%")
    done = short("run", *ARMS, *said, "--out", "gated", cwd=two)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "fake.Two eager (own.py:Two): NOT THE SAME MODEL (`dlbench parity` shows every figure)" in done.stderr
    assert not (two / "gated" / "runs.jsonl").exists()


def test_a_check_of_two_models_fails(two):
    done = dlbench("parity", *ARMS, "--seeds", "1", cwd=two)
    assert done.returncode == 1, done.stderr
    assert "same model: NO" in " ".join(done.stdout.split())
