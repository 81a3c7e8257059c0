"""Every command and every Python example of README and docs is tried by a test, or stands here with a reason.

A command of `run` is planned (`--dry-run`): its measurement would say nothing that the tests of measuring do not.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from command import answered
from typed import typed

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])

pytestmark = pytest.mark.untimed


class Rule(NamedTuple):
    """A kind of example: a pattern, and how it is tried (`whole`, `planned`), or the reason why it is not."""

    pattern: str
    how: str


COMMANDS = [
    Rule(r"net\.py:Net .*--input 16x32", "tests/test_tutorials_typed.py"),
    Rule(
        r"^dlbench (new waves|run --plugin torch\.mlp --task NAME)|^dlbench list --tasks",
        "tests/test_tutorials_typed.py",
    ),
    Rule(
        r"--(input|model) .*net\.py:|port\.py:|train\.py:|model\.onnx",
        "needs files of the reader: tests/cli/test_models.py",
    ),
    Rule(
        r"--model (torchvision|timm|kerashub|\.\.\.)",
        "needs a package of models: test_torch_adaptors.py, test_tf_kerashub.py",
    ),
    Rule(r"examples/article/", "measured by test_the_model_of_a_program_can_be_planned"),
    Rule(r"acme\.tiny", "tests/test_readme_plugin.py"),
    Rule(r"acme\.slope", "tests/test_tutorial_plugin.py"),
    Rule(r"torch\.resmlp|^dlbench new resmlp", "tests/test_tutorials_typed.py"),
    Rule(r"\bPYTHON\b|--suite gate", "needs two Python environments: tests/session/test_lockstep.py"),
    Rule(r"^dlbench (gate|comment)\b", "needs a repository with two commits: tests/cli/test_gate.py"),
    Rule(r"^dlbench (bisect|env)\b|--env \w+=\S*==", "installs packages: tests/cli/test_bisect.py"),
    Rule(r"^dlbench tune\b", "measures for minutes: tests/api/tune, tests/cli/test_tune.py"),
    Rule(r"^dlbench explain\b", "profiles two frameworks: tests/cli/test_explain.py"),
    Rule(r"^dlbench parity\b", "compares two frameworks: tests/parity"),
    Rule(r"^dlbench fetch\b", "downloads: tests/api/test_tasks.py"),
    Rule(r"^dlbench cluster\b|--cluster\b", "needs a cluster: tests/session/cluster"),
    Rule(r"^dlbench doctor\b", "measures this machine for a minute: tests/api/test_doctor.py"),
    Rule(
        r"--(resume|against)\b|^dlbench (verify|compare)\b", "needs reports of the reader: tests/report, tests/record"
    ),
    Rule(r"\bNAME\b|--digest|runs\|report| \.\.\.", "the shape of a command"),
    Rule(r"--device gpu|--compiler openxla", "needs an accelerator, or torch_xla: make test-gpu, make openxla"),
    Rule(r"^dlbench run( --adaptive| --dry-run)?$", "names an option"),
    Rule(r"^dlbench (list|schema|new|report|history)\b", "whole"),
    Rule(r"^dlbench run\b", "planned"),
]
PYTHON = [
    Rule(r"dlbench\.run\(", "tests/api/test_examples.py"),
    Rule(r"import dlbench\n\nresults = dlbench\.read", "tests/api/test_library.py"),
    Rule(r"class Tiny", "tests/test_readme_plugin.py"),
    Rule(r"class Slope|assert_conforms\(", "tests/test_tutorial_plugin.py"),
    Rule(r"^from torch import nn\n\n\nclass Net|GOAL = Target", "tests/test_tutorials_typed.py"),
    Rule(r"resmlp = plugin|autoencoder = plugin", "tests/test_tutorial_package.py"),
    Rule(r"dlbench_benchmark\(", "tests/test_pytest_plugin.py"),
    Rule(r"render\(|EXPORT", "tests/registry/test_export_offers.py"),
    Rule(r"acme\.models|/data/acme|def weights", "needs files of the reader"),
    Rule(r"", "whole"),
]


def rule_of(text: str, rules: list[Rule]) -> Rule:
    return next(rule for rule in rules if re.search(rule.pattern, text))


def commands() -> list[str]:
    lines = {line.partition("  #")[0].strip() for page in PAGES for line in typed(page.read_text())}
    return sorted(line for line in lines if len(line.split()) > 2 or line in ("dlbench list", "dlbench doctor"))


def examples() -> list[str]:
    blocks = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [code for page in PAGES for code in blocks.findall(page.read_text())]


def tried(how: str) -> list[str]:
    return [line for line in commands() if rule_of(line, COMMANDS).how == how]


def test_every_example_has_its_place_and_no_reason_is_left_over():
    used = {rule_of(line, COMMANDS) for line in commands()} | {rule_of(code, PYTHON) for code in examples()}
    assert set(COMMANDS) | set(PYTHON) == used
    for rule in (*COMMANDS, *PYTHON):
        for name in re.findall(r"tests/[\w./]+", rule.how):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("place", [at for at, code in enumerate(examples()) if rule_of(code, PYTHON).how == "whole"])
def test_an_example_in_python_runs(place):
    exec(compile(examples()[place], "example", "exec"), {"__name__": "example"})


@pytest.mark.slow
@pytest.mark.parametrize("line", tried("whole"))
def test_a_command_works_as_it_is_typed(line, tmp_path):
    (tmp_path / "reports").symlink_to(ROOT / "reports")
    words = shlex.split(line.replace("/tmp/", f"{tmp_path}/"))[1:]
    more = ["--out", str(tmp_path / "out")] if words[0] == "report" and "--out" not in words else []
    done = answered(*words, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", tried("planned"))
def test_a_run_can_be_planned(line, tmp_path):
    """One that asks for bf16 is refused, in one line with the reason, by a processor that has none."""
    done = answered(*shlex.split(line)[1:], "--dry-run", cwd=tmp_path)
    if "bf16" in line and "precision bf16: this CPU has none of" in done.stderr:
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        return
    assert done.returncode == 0, done.stderr
    assert "process" in done.stdout


@pytest.mark.slow
def test_the_model_of_a_program_can_be_planned():
    (line,) = {line for line in commands() if "examples/article/" in line}
    done = answered(*shlex.split(line)[1:], "--dry-run", cwd=ROOT)
    assert done.returncode == 0, done.stderr
