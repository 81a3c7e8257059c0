"""Files of every older schema keep their meaning in the words of today's: one of each is kept in `kept`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlbench.api import render
from dlbench.record.reading import decode, read_parities, read_plan, read_runs
from dlbench.record.schema import READABLE, SCHEMA
from dlbench.report import summarize

pytestmark = pytest.mark.untimed

KEPT = Path(__file__).parent / "kept"


def test_a_folder_of_every_older_schema_is_kept():
    assert sorted(folder.name for folder in KEPT.iterdir()) == [f"schema-{one}" for one in READABLE if one < SCHEMA]


@pytest.mark.parametrize("folder", sorted(KEPT.iterdir()), ids=lambda folder: folder.name)
def test_an_older_folder_reads_and_renders(folder):
    runs = read_runs(folder / "runs.jsonl")
    assert {f"schema-{run.schema}" for run in runs} == {folder.name}
    raw = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    assert [(run.spec.plugin, run.spec.python) for run in runs] == [
        (one["spec"]["plugin"], one["spec"].get("environment", "")) for one in raw
    ]
    assert summarize(runs, read_parities(folder / "parity.jsonl"), render.kept(folder)).sections
    assert [run.control for run in runs] == [one["spec"].get("twin", False) for one in raw]
    if (folder / "plan.json").exists():
        planned = read_plan(folder / "plan.json")
        assert {run.spec for run in runs} <= {*planned.specs}
        assert {run.spec for run in runs if run.control} == {*planned.controls}


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_the_part_of_a_group_is_taken_out_of_its_number(schema):
    raw = json.loads((KEPT / f"schema-{schema}" / "runs.jsonl").read_text().splitlines()[0])
    numbers = {"group": 13, "groups": 5}
    run = decode(json.dumps(raw | numbers).encode(), "here")
    assert (run.group, run.part, run.groups) == (3, 2, 5)
    today = decode(json.dumps(raw | numbers | {"schema": SCHEMA, "spec": _spec_of_today(run)}).encode(), "here")
    assert (today.group, today.part) == (13, 0)


def test_a_python_environment_keeps_its_name():
    raw = json.loads((KEPT / "schema-3" / "runs.jsonl").read_text().splitlines()[0])
    raw["spec"]["environment"] = "head"
    assert decode(json.dumps(raw).encode(), "here").spec.python == "head"


def _spec_of_today(run):
    import msgspec

    return msgspec.to_builtins(run.spec)
