"""Exports hold what was measured, and their real consumers read them back, whatever the text in them."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
import subprocess
import sys
from xml.etree import ElementTree

import jsonschema
import junitparser
import msgspec
import pyperf
import pytest
from example_runs import ARMS, bare_run, failed_runs, full_session, good_run, spec
from export_schemas import BENCHER, BENCHMARK_V3, GITHUB
from pytest_benchmark.logger import Logger
from pytest_benchmark.storage.file import FileStorage

from dlbench.analysis import screening
from dlbench.analysis.gate import Gate, Outcome
from dlbench.analysis.metrics import METRICS
from dlbench.report import FORMATS, summarize
from dlbench.report.exports import EXPORTS
from dlbench.report.exports.long_table import COLUMNS
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

HOSTILE = "=cmd|' /C calc'!A0 <b>&\"]]>\x00\x07\x1b[31m\ufffe\u202e\n\t日本"


def rendered(name, runs, gate=None):
    return EXPORTS[name].render(runs, summarize(runs, gate=gate))


def hostile_runs():
    """Text that wants to be a formula, markup or a control sequence, wherever a Run may hold any."""
    of = spec(options=(("name", HOSTILE),), python="@SUM(A1)", task="+task")
    run = good_run(group=0, groups=2)
    told = msgspec.structs.replace(
        run.environment, cpu=HOSTILE, packages={HOSTILE: HOSTILE}, system=HOSTILE, python=HOSTILE
    )
    bad = bare_run(spec=of, session="-x", status="crashed", reason=HOSTILE, output_tail=HOSTILE, group=1, groups=2)
    return [msgspec.structs.replace(run, spec=of, session="=1+1", environment=told), bad]


def steady(runs, plugin, phase="train"):
    found = [run for run in runs if run.spec.plugin == plugin and run.spec.phase == phase]
    return [one.seconds / one.steps for run in found for one in run.samples if one.stage == "steady"]


@pytest.fixture
def session():
    return [*full_session(), *failed_runs()]


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("runs", [hostile_runs(), [bare_run()], failed_runs(), full_session()])
def test_every_export_is_text_without_control_characters(name, runs):
    text = rendered(name, runs)
    assert text
    assert not [one for one in text if ord(one) < 32 and one not in "\n\t"]
    assert "\x1b" not in text
    assert text == rendered(name, runs)


@pytest.mark.parametrize("name", [name for name, one in EXPORTS.items() if one.file_name.endswith("json")])
@pytest.mark.parametrize("runs", [hostile_runs(), [bare_run()], full_session()])
def test_json_has_no_word_that_json_lacks(name, runs):
    def refuse(word):
        raise ValueError(word)

    json.loads(rendered(name, runs), parse_constant=refuse)


def test_pytest_benchmark_loads_and_compares_a_file(session, tmp_path):
    path = tmp_path / "pytest-benchmark.json"
    path.write_text(rendered("pytest-benchmark", session))
    found = list(FileStorage(str(tmp_path), logger=Logger()).load_benchmarks(str(path)))
    (one,) = [one for one in found if one["fullname"] == "train, tf.transformer jit"]
    data = steady(session, "tf.transformer")
    assert one["data"] == pytest.approx(data)
    assert (one["rounds"], one["median"]) == (len(data), pytest.approx(statistics.median(data)))
    assert one["ops"] == pytest.approx(1 / statistics.fmean(data))
    assert {one["fullname"] for one in found} == {
        f"{phase}, {arm} jit" for phase in ("train", "predict") for arm in ARMS
    }
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert "tf.transformer jit" in said
    assert "torch.transformer jit" in said


def test_pyperf_loads_a_suite(session):
    found = pyperf.BenchmarkSuite.loads(rendered("pyperf", session))
    one = found.get_benchmark("train, tf.transformer jit")
    assert sorted(one.get_values()) == pytest.approx(sorted(steady(session, "tf.transformer")))
    assert one.get_unit() == "second"
    assert [len(run.warmups) for run in one.get_runs()] == [1] * 5
    assert one.get_runs()[0].warmups[0] == (1, pytest.approx(0.03))
    assert {run.get_metadata()["duration"] for run in one.get_runs()} == {1.0}
    assert pyperf.BenchmarkSuite.loads(rendered("pyperf", hostile_runs())).get_benchmark_names()


@pytest.mark.parametrize(
    ("name", "schema"),
    [("pytorch", BENCHMARK_V3), ("bencher", BENCHER), ("github-bigger", GITHUB), ("github-smaller", GITHUB)],
)
@pytest.mark.parametrize("runs", [hostile_runs(), full_session(), failed_runs()])
def test_files_of_services_have_the_documented_form(name, schema, runs):
    jsonschema.validate(json.loads(rendered(name, runs)), schema)


def test_records_of_the_pytorch_database_hold_a_value_a_process(session):
    found = json.loads(rendered("pytorch", session))
    (one,) = [
        one
        for one in found
        if one["model"]["extra_info"]["arm"] == "train, tf.transformer jit" and one["metric"]["name"] == "step_time"
    ]
    runs = [run for run in session if run.ok and (run.spec.plugin, run.spec.phase) == ("tf.transformer", "train")]
    assert one["metric"]["benchmark_values"] == pytest.approx([METRICS["step_time"].of(run) for run in runs])
    assert one["metric"]["extra_info"]["unit"] == "s"
    assert (one["benchmark"]["mode"], one["benchmark"]["dtype"], one["model"]["backend"]) == ("training", "fp32", "xla")


def test_bencher_has_latency_in_nanoseconds_and_other_units_in_the_name(session):
    report = summarize(session)
    found = json.loads(EXPORTS["bencher"].render(session, report))["train, tf.transformer jit"]
    arm = next(arm for arm in report.sections[0].arms if arm.label == "tf.transformer jit")
    step, memory = arm.metrics["step_time"], arm.metrics["memory_peak"]
    assert found["latency"]["value"] == pytest.approx(step.value * 1e9)
    assert found["latency"]["lower_value"] == pytest.approx(step.low * 1e9)
    assert found["throughput"]["value"] == pytest.approx(arm.metrics["throughput"].value)
    assert found["memory_peak (bytes)"]["value"] == pytest.approx(memory.value)


def test_long_names_stay_apart_within_what_bencher_takes():
    runs = [good_run(group=0, groups=1, spec=spec(options=(("name", "x" * 3000 + end),))) for end in "ab"]
    found = json.loads(rendered("bencher", runs))
    assert len(found) == 2
    jsonschema.validate(found, BENCHER)


def test_bigger_and_smaller_share_no_figure(session):
    bigger, smaller = (json.loads(rendered(f"github-{name}", session)) for name in ("bigger", "smaller"))
    names = [{one["name"] for one in found} for found in (bigger, smaller)]
    assert "train, tf.transformer jit: Throughput" in names[0]
    assert "train, tf.transformer jit: Step time, median" in names[1]
    assert not names[0] & names[1]
    assert len(bigger) == len(names[0])
    assert len(smaller) == len(names[1])


def test_a_figure_that_was_not_measured_is_nowhere():
    runs = [bare_run(), *failed_runs()]
    for name in ("bencher", "github-bigger", "github-smaller", "pytorch"):
        assert not json.loads(rendered(name, runs)), name
    assert json.loads(rendered("pytest-benchmark", runs))["benchmarks"] == []
    assert json.loads(rendered("pyperf", runs))["benchmarks"] == []
    assert "metric" not in {row["kind"] for row in rows(runs)}


def test_times_of_an_arm_that_never_was_steady_are_not_exported():
    runs = [msgspec.structs.replace(run, flags=("unstable",)) for run in full_session()]
    assert json.loads(rendered("pytest-benchmark", runs))["benchmarks"] == []
    assert json.loads(rendered("pyperf", runs))["benchmarks"] == []


def cases(text):
    return {case.name: case for suite in junitparser.JUnitXml.fromstring(text.encode()) for case in suite}


def test_in_junit_slower_fails_and_what_did_not_run_is_an_error(session):
    text = rendered("junit", session)
    found = cases(text)
    slower = found["train, torch.transformer jit against tf.transformer jit"]
    (failure,) = slower.result
    assert isinstance(failure, junitparser.Failure)
    assert "slower" in failure.message
    assert found["train, tf.transformer jit"].result == []
    assert found["train, tf.transformer jit"].time == pytest.approx(5.0)
    kinds = {type(result) for case in found.values() for result in case.result}
    assert kinds == {junitparser.Failure, junitparser.Error, junitparser.Skipped}
    document = junitparser.JUnitXml.fromstring(text.encode())
    assert document.failures == sum(
        isinstance(one, junitparser.Failure) for case in found.values() for one in case.result
    )


def test_in_junit_no_verdict_is_a_skip_with_its_message():
    runs = [good_run(plugin, group=0, groups=1, policy=Policy(processes=1)) for plugin in ARMS]
    found = cases(rendered("junit", runs))["train, torch.transformer jit against tf.transformer jit"]
    (skip,) = found.result
    assert isinstance(skip, junitparser.Skipped)
    assert "indicative" in skip.message


def test_with_a_gate_its_outcomes_are_the_tests():
    def outcome(pair, result, reason=""):
        return Outcome(condition="slower:60%", pair=pair, result=result, metric="step_time", reason=reason)

    gate = Gate(outcomes=(outcome("a", "passed"), outcome("b", "regression"), outcome("c", "inconclusive", "too few")))
    found = cases(rendered("junit", full_session(), gate))
    kinds = {name: [type(one).__name__ for one in case.result] for name, case in found.items()}
    assert kinds["a, slower:60%, step_time"] == []
    assert kinds["b, slower:60%, step_time"] == ["Failure"]
    assert kinds["c, slower:60%, step_time"] == ["Skipped"]
    assert "too few" in found["c, slower:60%, step_time"].result[0].message
    assert not [name for name in kinds if " against " in name]
    refused = cases(rendered("junit", full_session(), Gate(refused="no control")))
    assert [type(one).__name__ for one in refused["gate"].result] == ["Error"]


def test_hostile_text_stays_text_in_xml():
    root = ElementTree.fromstring(rendered("junit", hostile_runs()).encode())
    assert {element.tag for element in root.iter()} <= {"testsuites", "testsuite", "testcase", "error", "skipped"}
    (error,) = root.iter("error")
    assert '<b>&"]]>' in error.get("message")
    assert '<b>&"]]>' in error.text


def rows(runs):
    return list(csv.DictReader(io.StringIO(rendered("csv", runs))))


def test_the_long_table_has_a_row_for_every_sample_and_figure(session):
    found = rows(session)
    marked = screening.mark(session)
    samples = [row for row in found if row["kind"] == "sample"]
    assert len(samples) == sum(len(run.samples) for run in marked)
    assert math.fsum(float(row["value"]) for row in samples) == pytest.approx(
        math.fsum(one.seconds for run in marked for one in run.samples)
    )
    assert len([row for row in found if row["kind"] == "run"]) == len(marked)
    assert len([row for row in found if row["kind"] == "evaluation"]) == 3 * sum(len(run.evaluations) for run in marked)
    failed = [row for row in found if row["status"] != "ok"]
    assert {row["kind"] for row in failed} == {"run"}


def test_every_column_has_the_type_that_is_documented(session):
    import pandas

    kinds = {"text": "string", "integer": "Int64", "number": "float64", "boolean": "boolean"}
    found = pandas.read_csv(
        io.StringIO(rendered("csv", session)), dtype={name: kinds[kind] for name, kind in COLUMNS.items()}
    )
    assert list(found.columns) == list(COLUMNS)
    steps = found[(found.kind == "metric") & (found.name == "step_time") & (found.plugin == "tf.transformer")]
    assert set(steps.unit) == {"s"}
    assert steps.value.median() == pytest.approx(0.01, rel=0.2)


def test_no_field_of_the_table_is_a_formula():
    for row in csv.reader(io.StringIO(rendered("csv", hostile_runs()))):
        for field in row:
            assert not field.startswith(("=", "+", "@", "\t", "\r")), field
            assert not field.startswith("-") or float(field) < 0
    assert {row["session"] for row in rows(hostile_runs())} == {"'=1+1", "'-x"}


def test_names_of_formats_and_files_are_distinct():
    assert not set(FORMATS) & set(EXPORTS)
    files = [row.file_name for row in (*FORMATS.values(), *EXPORTS.values())]
    assert len(files) == len(set(files))
