"""The published schemas hold for every file that dlbench writes, and refuse what it does not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import msgspec
import pytest
from command import answered
from example_runs import failed_runs, full_session

from dlbench.api.schema import SUBJECTS, schema
from dlbench.errors import RecordError
from dlbench.record.encoding import encode
from dlbench.record.reading import read_runs
from dlbench.record.schema import READABLE, SCHEMA, Evaluation
from dlbench.report import FORMATS, summarize

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]
REPORTS = sorted(ROOT.glob("reports/*/report.json"))
KEPT = ROOT / "tests/record/kept"


def validator(subject):
    return jsonschema.Draft202012Validator(schema(subject))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_schema_is_one_and_states_its_version(subject):
    found = json.loads(answered("schema", subject, cwd=ROOT).stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["version"] == SCHEMA
    assert found["$id"].endswith(f"{subject}-{SCHEMA}.json")


def test_an_unknown_subject_is_one_line(tmp_path):
    done = answered("schema", "rums", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "dlbench: unknown subject 'rums'; did you mean runs?\n"


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.parent.name)
def test_kept_reports_are_valid(path):
    assert list(validator("report").iter_errors(json.loads(path.read_text()))) == []


def test_kept_runs_are_valid():
    """The first of each kept file, as this version writes it again."""
    for path in sorted(ROOT.glob("reports/*/runs.jsonl")):
        line = path.read_bytes().partition(b"\n")[0]
        run = read_first(path)
        assert list(validator("runs").iter_errors(json.loads(encode(run)))) == [], path
        old = json.loads(line)
        assert (list(validator("runs").iter_errors(old)) == []) == (old["schema"] == SCHEMA), path


def read_first(path):
    from dlbench.record.reading import decode

    run = decode(path.read_bytes().partition(b"\n")[0], str(path))
    return msgspec.structs.replace(run, schema=SCHEMA)


def test_written_runs_are_valid_and_so_are_words_for_what_json_lacks():
    runs = [*full_session(2), *failed_runs()]
    odd = Evaluation(steps=1, seconds=1.0, quality=math.inf, loss=math.nan)
    runs.append(msgspec.structs.replace(runs[0], evaluations=(odd,)))
    for run in runs:
        assert list(validator("runs").iter_errors(json.loads(encode(run)))) == []
    text = FORMATS["json"].render(summarize(runs))
    assert list(validator("report").iter_errors(json.loads(text))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": "fine"},
        {"schema": SCHEMA + 1},
        {"group": -1},
        {"wall_seconds": "1 s"},
        {"novel": 1},
        {"samples": [{"stage": "steady"}]},
    ],
)
def test_what_dlbench_would_not_read_is_refused(change):
    raw = json.loads(encode(full_session(1)[0]))
    assert list(validator("runs").iter_errors(raw)) == []
    assert list(validator("runs").iter_errors({**raw, **change}))


def test_in_a_file_of_mixed_schemas_every_line_is_read_as_its_own(tmp_path):
    """One rule: a line is what its `schema` says; one that nobody knows refuses the file, by its number."""
    old = [(KEPT / f"schema-{one}" / "runs.jsonl").read_bytes() for one in READABLE if one < SCHEMA]
    new = encode(full_session(1)[0]) + b"\n"
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b"".join([*old, new]))
    runs = read_runs(path)
    assert {run.schema for run in runs} == set(READABLE)
    assert runs[-1] == full_session(1)[0]
    written = str(tmp_path / "out")
    every = "markdown,json,junit,csv,pyperf"
    done = answered("report", str(path), "--out", written, "--format", every, "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    newer = json.loads(new) | {"schema": SCHEMA + 1}
    path.write_bytes(b"".join([*old, new, json.dumps(newer).encode() + b"\n"]))
    with pytest.raises(
        RecordError, match=rf"runs\.jsonl:{len(runs) + 1}: schema {SCHEMA + 1}, this dlbench reads 1 to"
    ):
        read_runs(path)
