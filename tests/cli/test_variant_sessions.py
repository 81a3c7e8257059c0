"""Sessions of variants: two that set one value are two arms of one program, and one that changes the model is none."""

from __future__ import annotations

import json

import pytest
from command import short
from example_runs import spec
from sessions import session

from dlbench.report import summarize
from dlbench.spec import Variant
from dlbench_fake.settings import SPOILT_VARIABLE

pytestmark = pytest.mark.untimed


def measured(folder, *variants):
    """The exit code, the lines of errors and the Runs of a session of the fake plugin."""
    asked = [word for one in variants for word in ("--variant", one)]
    done = short(
        "run", "--plugin", "fake.linear", *asked, "--phase", "predict", "--quick", "--quiet", "--out", "out", cwd=folder
    )
    runs = map(json.loads, (folder / "out" / "runs.jsonl").read_text().splitlines())
    return done.returncode, done.stderr, {run["spec"]["variant"]["name"]: run for run in runs}


def test_two_variants_that_set_one_value_are_measured_beside_each_other_with_that_value(tmp_path):
    code, errors, runs = measured(tmp_path, "a=speed:fast", "b=speed:fast")
    assert code == 0, errors
    assert {name: run["status"] for name, run in runs.items()} == {"a": "ok", "b": "ok"}
    assert {run["info"]["settings"]["speed"] for run in runs.values()} == {"fast"}
    page = (tmp_path / "out" / "report.md").read_text().replace("\\", "")
    assert "fake.linear eager [b] over fake.linear eager [a]" in page
    assert "fake.linear eager [b] and fake.linear eager [a]: same model: yes" in page


def test_variants_that_cost_the_same_are_said_to_be_level():
    """Two arms whose times differ by 0.2 %, with the spread of a quiet machine."""
    arms = {"a": 1.0, "b": 1.002}
    of = {name: spec(path="eager", variant=Variant(name, (("speed", "fast"),))) for name in arms}
    runs = [
        run
        for at, (name, factor) in enumerate(arms.items())
        for run in session("s", factor, 8, 0.004, seed=at, of=of[name], arm=at)
    ]
    report = summarize(runs)
    ((found,),) = (section.comparisons for section in report.sections)
    assert found.verdict == "same"
    assert abs(found.ratio.value - 1) < 0.01
    assert report.answer[0].text.startswith(
        "tf.transformer eager [b] takes as long as tf.transformer eager [a] (the same)"
    )


def test_a_variant_that_changes_the_number_of_parameters_is_an_error_and_no_arm(tmp_path, monkeypatch):
    monkeypatch.setenv(SPOILT_VARIABLE, "wide")
    code, errors, runs = measured(tmp_path, "plain=", "w=wide:on")
    assert code == 2
    assert {name: run["status"] for name, run in runs.items()} == {"plain": "ok", "w": "error"}
    assert "variant w changes the model" in runs["w"]["reason"]
    assert "fake.linear eager [w]: error: " in errors


def test_a_variant_that_ends_its_process_is_a_row_and_others_are_measured(tmp_path, monkeypatch):
    monkeypatch.setenv(SPOILT_VARIABLE, "fragile")
    code, errors, runs = measured(tmp_path, "plain=", "f=fragile:on")
    assert code == 2
    assert {name: run["status"] for name, run in runs.items()} == {"plain": "ok", "f": "crashed"}
    assert "fake.linear eager [f]: crashed: " in errors
