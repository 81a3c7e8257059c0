"""The gate of pytest: a test fails if another environment was better; bad input is one line."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from dlbench.pytest_plugin import gate
from dlbench.pytest_plugin.gate import Gate
from dlbench.session.plan import expand
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

pytest_plugins = ["pytester"]

TESTS = """
    import pytest
    from dlbench import Policy

    FAST = Policy(samples=3, sample_seconds=0.002, settle_seconds=0.01, settle_cap_seconds=0.1)

    def test_gated(dlbench_benchmark):
        dlbench_benchmark("fake.naughty", phase="predict", task="line", policy=FAST)

    @pytest.mark.dlbench(fail_on="")
    def test_open(dlbench_benchmark):
        dlbench_benchmark("fake.naughty", phase="predict", task="line", policy=FAST)
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTEST_XDIST_WORKER", "DLBENCH_FAKE", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment with these packages, in which a model has other parameters."""
    folder = tmp_path_factory.mktemp("environments") / "other"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    here = [path for path in sys.path if Path(path).is_dir() and Path(path) != Path(__file__).parent]
    orders = "import os; os.environ['DLBENCH_FAKE'] = 'build:lie=parameter_count'"
    (site / "found.pth").write_text("\n".join([*here, orders, ""]))
    return str(folder / "bin" / "python")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_author=TESTS)
    pytester.makeini("[pytest]\ndlbench_options = --quick --no-parity\ndlbench_fail_on = counts\n")
    return pytester


def run(suite: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Pytest in a process of its own, without the variable PYTHONPATH that pytester sets."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=suite.path, capture_output=True, text=True, check=False)
    return pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), 0.0)


def test_a_regression_fails_the_test_and_a_marker_takes_one_out(suite: pytest.Pytester, other: str) -> None:
    result = run(suite, f"--dlbench-env=main={other}", "--benchmark-only")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*fake.naughty eager: regression of counts: *@this*parameters 1 became 9*"])


@pytest.mark.slow
def test_an_equal_environment_passes_and_the_answer_is_kept(suite: pytest.Pytester) -> None:
    words = (f"--dlbench-env=main={sys.executable}", "--benchmark-json=saved.json", "-k", "gated")
    run(suite, *words).assert_outcomes(passed=1, deselected=1)
    (entry,) = json.loads((suite.path / "saved.json").read_text())["benchmarks"]
    kept = entry["extra_info"]["gate"]
    assert (kept["fail_on"], kept["baseline"]) == ("counts", "main")
    assert [one["result"] for one in kept["outcomes"]] == ["passed"]


def test_disabled_benchmarks_are_not_gated(suite: pytest.Pytester, other: str) -> None:
    run(suite, f"--dlbench-env=main={other}", "--benchmark-disable").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dlbench-fail-on=slower:3%"], "*--dlbench-fail-on slower:3% compares with*give --dlbench-env NAME=PYTHON"),
        (["--dlbench-env=python"], "*--dlbench-env 'python' must be NAME=PYTHON*"),
        (["--dlbench-env=main=/no/python"], "*--dlbench-env main: there is no program /no/python*"),
        ([f"--dlbench-env=this={sys.executable}"], "*this is pytest's own environment; give another name"),
    ],
)
def test_bad_options_are_one_line_before_any_test(suite: pytest.Pytester, words: list[str], said: str) -> None:
    result = run(suite, *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_variable_that_both_environments_import_from_is_refused(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(suite.path))
    result = run(suite, f"--dlbench-env=main={sys.executable}")
    result.stderr.fnmatch_lines(["*PYTHONPATH is set: both environments would import the same code; unset it"])


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("dlbench(fail_on='lower:3%')", "*not gated: unknown condition 'lower'*"),
        ("dlbench('slower:3%')", "*the marker dlbench takes fail_on, a text such as 'slower:3%'"),
        ("dlbench(fail_on=3)", "*the marker dlbench takes fail_on, a text such as 'slower:3%'"),
    ],
)
def test_a_marker_that_makes_no_sense_fails_its_test(suite: pytest.Pytester, marker: str, said: str) -> None:
    text = TESTS.replace('dlbench(fail_on="")', marker)
    suite.makepyfile(test_author=text)
    result = run(suite, f"--dlbench-env=main={sys.executable}", "-k", "open")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines([said])


@pytest.mark.parametrize(
    ("code", "kind"), [(1, pytest.fail.Exception), (3, gate.Undecided), (2, pytest.fail.Exception)]
)
def test_an_undecided_gate_warns_and_a_refused_one_fails(
    monkeypatch: pytest.MonkeyPatch, code: int, kind: type[BaseException]
) -> None:
    ratio = {"value": 1.04, "low": 1.02, "high": 1.06, "n": 5}
    one = {"condition": "slower:3%", "pair": "a against b", "result": {1: "regression"}.get(code, "underpowered")}

    def ran(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        out = Path(command[command.index("--out") + 1])
        out.mkdir(parents=True)
        (out / "gate.json").write_text(json.dumps({"outcomes": [{**one, "ratio": ratio, "reason": "noise"}]}))
        assert command[command.index("--fail-on") + 1] == "slower:3%"
        return subprocess.CompletedProcess(command, code, "", "a note\ndlbench: it did not run\n")

    monkeypatch.setattr(subprocess, "run", ran)
    (spec,) = expand({"plugin": ("fake.linear",), "phase": ("predict",)}, Policy())
    said = {1: r"regression of slower:3%: a against b, ratio 1.040 \(1.020–1.060\) \(noise\)", 2: "it did not run"}
    with pytest.warns(kind, match="undecided") if code == 3 else pytest.raises(kind, match=said[code]):
        gate.judge(Gate("main=python", "slower:3%"), spec, {})
