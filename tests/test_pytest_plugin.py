"""The bridge to pytest-benchmark, seen from a plugin author's own test suite in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.untimed

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-benchmark measures nothing in a worker of pytest-xdist, and the tests of these tests would be in one."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


TESTS = """
    from dlbench import Policy

    FAST = Policy(samples=3, sample_seconds=0.002, settle_seconds=0.01, settle_cap_seconds=0.1)

    def test_train(dlbench_benchmark):
        dlbench_benchmark("naughty.linear", phase="train", path="eager", policy=FAST)

    def test_predict(dlbench_benchmark):
        dlbench_benchmark("naughty.linear", policy=FAST, phase="predict", batch_size=8, seed=2)

    def test_without_benchmark():
        pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a plugin author's tests."""
    monkeypatch.delenv("DLBENCH_FAKE", raising=False)
    pytester.makepyfile(test_author=TESTS)
    return pytester


def _benchmarks(path: Path) -> dict[str, dict]:
    return {entry["name"]: entry for entry in json.loads(path.read_text())["benchmarks"]}


def test_figures_are_seconds_a_step_and_say_what_was_measured(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("--benchmark-json=saved.json")
    result.assert_outcomes(passed=3)
    saved = _benchmarks(suite.path / "saved.json")
    assert set(saved) == {"test_train", "test_predict"}
    assert [saved[name]["stats"]["rounds"] for name in ("test_train", "test_predict")] == [3, 3]
    assert saved["test_train"]["group"] == "linear train small, batch of 32"
    for entry, phase, batch_size, seed in (
        (saved["test_train"], "train", 32, 0),
        (saved["test_predict"], "predict", 8, 2),
    ):
        facts, stats = entry["extra_info"], entry["stats"]
        assert facts["samples_per_second"] == pytest.approx(batch_size / stats["median"])
        assert (
            facts.items()
            >= {
                "plugin": "naughty.linear",
                "phase": phase,
                "path": "eager",
                "size": "small",
                "task": "line",
                "batch_size": batch_size,
                "seed": seed,
                "device": "cpu",
                "threads": 1,
                "parameter_count": 9,
            }.items()
        )
        assert set(facts["versions"]) == {"numpy"}


def test_what_was_saved_can_be_compared_by_pytest_benchmark(suite: pytest.Pytester) -> None:
    for name in ("before", "after"):
        suite.runpytest_subprocess("--benchmark-storage=store", f"--benchmark-save={name}").assert_outcomes(passed=3)
    command = [sys.executable, "-m", "pytest_benchmark", "--storage=store", "compare", "--csv=compared.csv"]
    result = subprocess.run(command, cwd=suite.path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for test in ("test_train", "test_predict"):
        for saved in ("0001_before", "0002_after"):
            assert f"{test} ({saved})" in result.stdout
    assert len((suite.path / "compared.csv").read_text().splitlines()) == 1 + 4


def test_benchmark_only_runs_what_uses_the_fixture(suite: pytest.Pytester) -> None:
    suite.runpytest_subprocess("--benchmark-only").assert_outcomes(passed=2, skipped=1)


def test_benchmark_skip_leaves_it_out(suite: pytest.Pytester) -> None:
    suite.runpytest_subprocess("--benchmark-skip").assert_outcomes(passed=1, skipped=2)


def test_benchmark_disable_takes_exactly_one_step(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:raise@2 predict:raise=OSError@2")
    suite.runpytest_subprocess("--benchmark-disable").assert_outcomes(passed=3)
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:raise@1 predict:raise=OSError@1")
    result = suite.runpytest_subprocess("--benchmark-disable")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*ValueError: told to fail", "*OSError: told to fail"])


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["-p", "no:benchmark"], {}), (["-p", "dlbench.pytest_plugin"], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})],
    ids=["switched off", "not there"],
)
def test_without_pytest_benchmark_only_the_users_of_the_fixture_fail_and_are_told_why(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = suite.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["the fixture dlbench_benchmark needs pytest-benchmark*pip install 'dlbench?pytest?'*"])


@pytest.mark.parametrize(
    ("mischief", "message"),
    [
        ("train_step:return=nan@3", "*DivergedError: naughty.linear: the training loss became nan*"),
        ("train_step:return=text", "*ContractViolation: naughty.linear: train_step must return a loss*"),
        ("build:lie=device", "*ContractViolation: plugin naughty.linear: asked for device cpu, built device gpu:7*"),
        ("build:raise=MemoryError", "*MemoryError: told to fail"),
        ("factory:raise", "*PluginLoadError: plugin naughty.linear of dlbench-fake cannot be loaded: ValueError*"),
    ],
)
def test_a_plugin_that_breaks_the_contract_fails_the_test_with_the_clause(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, mischief: str, message: str
) -> None:
    monkeypatch.setenv("DLBENCH_FAKE", mischief)
    result = suite.runpytest_subprocess("-k", "train")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines([message])


def test_outputs_of_the_wrong_shape_fail_the_test(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLBENCH_FAKE", "predict:return=shape")
    result = suite.runpytest_subprocess("-k", "predict")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["*predict must return outputs of shape (8, 1), got (8, 1, 2)"])


def test_what_is_unsupported_is_skipped_with_the_plugins_reason(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLBENCH_FAKE", "build:raise=Unsupported")
    result = suite.runpytest_subprocess("-rs", "-k", "train")
    result.assert_outcomes(skipped=1, deselected=2)
    result.stdout.fnmatch_lines(["SKIPPED*naughty.linear eager: told to fail"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("bach_size=8", "TypeError: dlbench_benchmark takes no bach_size; it takes policy, batch_size, device, path*"),
        ("phase='converge'", "TypeError: dlbench_benchmark times steps*"),
        ("path='xla'", "*SpecError: path is 'xla'*"),
        ("task='lime'", "*UnknownName: unknown task 'lime'; did you mean line*"),
        ("path='jit'", "*the path jit compiled nothing: 0 graphs*"),
    ],
)
def test_a_call_that_makes_no_sense_fails_with_the_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str
) -> None:
    monkeypatch.setenv("DLBENCH_FAKE_JIT", "0,0,0")
    pytester.makepyfile(f"def test_it(dlbench_benchmark): dlbench_benchmark('fake.linear', {arguments})")
    result = pytester.runpytest_subprocess("--benchmark-disable")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{message.lstrip('*')}"])


REPLACED = """
    import pytest

    class Other:
        def __init__(self):
            self.extra_info, self.calls = {}, []

        def pedantic(self, target, rounds=1, iterations=1):
            self.calls.append((rounds, iterations))
            for _ in range(rounds * iterations):
                target()

    @pytest.fixture
    def benchmark():
        return Other()
"""


def test_another_plugin_may_put_its_own_fixture_in_the_place_of_pytest_benchmark(suite: pytest.Pytester) -> None:
    suite.makeconftest(REPLACED)
    suite.makepyfile(
        test_author="""
        from dlbench import Policy

        def test_train(dlbench_benchmark):
            found = dlbench_benchmark("fake.linear", policy=Policy(samples=3, settle_cap_seconds=0.1))
            assert found.calls == [(3, 1)]
            assert found.extra_info["plugin"] == "fake.linear"
        """
    )
    suite.runpytest_subprocess("-p", "no:benchmark").assert_outcomes(passed=1)
