"""The one file format: written records are read back, and anything else is refused by file and line."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import msgspec
import pytest
from drawn_runs import DRAWN, any_fidelity, any_gate, any_parity, any_plan, any_run
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from dlbench.analysis.gate import Gate
from dlbench.errors import RecordError
from dlbench.record import fidelity, parity, schema
from dlbench.record.encoding import encode, page
from dlbench.record.fidelity import Fidelity
from dlbench.record.journal import append
from dlbench.record.parity import Difference, Parity
from dlbench.record.reading import decode, from_json, read_parities, read_runs
from dlbench.record.schema import Plan, Run, Sample
from dlbench.spec import Policy, Spec

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
RUN = Run(
    spec=SPEC,
    policy=Policy(),
    session="s",
    group=0,
    arm=0,
    groups=1,
    arms=1,
    status="ok",
    started="2026-01-01T00:00:00Z",
    wall_seconds=1.5,
    samples=(Sample(stage="steady", steps=10, seconds=0.25, cpu_seconds=0.25, round=0, turn=0),),
)
LINE = msgspec.json.encode(RUN)
FAR = Difference(what="parameter w", difference=math.inf, tolerance=0.0, worst=math.inf)
STILL = {"stage": "steady", "steps": 1, "seconds": 1.0, "cpu_seconds": 0.0}


def alike(one: object, other: object) -> bool:
    """Equal, NaN with NaN too: a record shows every field."""
    return repr(one) == repr(other)


@given(st.lists(any_run, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_every_run_is_read_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, runs: list[Run]) -> None:
    path = tmp_path_factory.mktemp("record") / "runs.jsonl"
    append(path, runs)
    assert alike(read_runs(path), runs)


@given(any_run | any_fidelity | any_parity | any_plan | any_gate)
@settings(max_examples=100, deadline=None)
def test_every_record_there_can_be_is_read_back_as_it_was_written(one: Run | Fidelity | Parity | Plan | Gate) -> None:
    for written in (encode(one), page(one).encode()):
        assert alike(from_json(written, type(one)), one)


def test_the_round_trip_draws_every_record_type_and_field() -> None:
    """A record type or a field added to the module must be added to the strategies."""
    kinds = {
        kind
        for kind in {**vars(schema), **vars(parity), **vars(fidelity)}.values()
        if isinstance(kind, type) and issubclass(kind, schema.Record)
    }
    assert kinds - {schema.Record} <= set(DRAWN)
    for kind in set(DRAWN) - {Policy}:
        assert DRAWN[kind] | {"schema"} >= set(kind.__struct_fields__), kind.__name__


FREE = {("Difference", name) for name in ("difference", "tolerance", "worst", "rounding")} | {
    ("Deviation", "error"),
    ("Deviation", "explained"),
    ("Evaluation", "quality"),
    ("Evaluation", "loss"),
}
"""Figures of a model, which may be anything: everything else that is read has a range."""


def test_every_number_that_is_read_has_a_range() -> None:
    kinds = {
        kind
        for kind in {**vars(schema), **vars(parity), **vars(fidelity)}.values()
        if isinstance(kind, type) and issubclass(kind, schema.Record)
    }
    unbounded = {
        (kind.__name__, field.name)
        for kind in kinds
        for field in inspect.type_info(kind).fields
        for part in _parts(field.type)
        if isinstance(part, inspect.IntType | inspect.FloatType)
        and None in (part.ge if part.gt is None else part.gt, part.le if part.lt is None else part.lt)
    }
    assert unbounded == FREE


def _parts(kind: inspect.Type) -> list[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        return [part for one in kind.types for part in _parts(one)]
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return _parts(kind.item_type)
    return _parts(kind.value_type) if isinstance(kind, inspect.DictType) else [kind]


def test_a_text_that_no_file_can_hold_is_written_with_the_number_of_its_sign() -> None:
    found = from_json(encode(msgspec.structs.replace(RUN, reason="caf\xe9 \udcff")), Run)
    assert found.reason == "caf\xe9 \\udcff"


def test_a_null_that_an_older_version_wrote_for_infinity_is_read_as_no_number(tmp_path: Path) -> None:
    text = encode(Parity(baseline=SPEC, candidate=SPEC, seeds=(0,), steps=20, differences=(FAR,)))
    (tmp_path / "parity.jsonl").write_bytes(text.replace(b'"inf"', b"null") + b"\n")
    (found,) = read_parities(tmp_path / "parity.jsonl")
    assert math.isnan(found.differences[0].difference)
    assert found.same is False


def test_runs_are_appended_in_order_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    for group in range(3):
        append(path, [msgspec.structs.replace(RUN, group=group)])
    assert [run.group for run in read_runs(path)] == [0, 1, 2]
    assert path.read_bytes().count(b"\n") == 3
    assert json.loads(path.read_text().splitlines()[0])["schema"] == schema.SCHEMA


def test_appended_runs_are_on_the_disk_before_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "runs.jsonl", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    append(path, [RUN, RUN])
    assert synced == [path, tmp_path], "the file, and the folder that it is new in"
    append(path, [RUN])
    assert synced[2:] == [path]


def test_a_folder_that_cannot_be_written_is_a_record_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "runs.jsonl"):
        with pytest.raises(RecordError) as caught:
            append(path, [RUN])
        assert str(caught.value).startswith(f"{path}: cannot be written (")
        assert str(caught.value).endswith("or give another --out")


def test_a_full_disk_is_a_record_error() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(RecordError, match="No space left"):
        append(full, [RUN])


def test_a_file_that_is_not_there_is_a_record_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(RecordError, match=r"cannot be read .*give a runs\.jsonl or its folder"):
            read_runs(path)


def _change(**values: object) -> bytes:
    return json.dumps(json.loads(LINE) | values).encode()


@pytest.mark.parametrize(
    ("content", "number", "message"),
    [
        (b"", None, "holds no Run"),
        (LINE + b"\n" + LINE[:100], 2, "truncated (no newline at its end); --resume measures that Run again"),
        (LINE, 1, "truncated"),
        (
            LINE + b"\n" + _change(schema=99) + b"\n",
            2,
            "schema 99, this dlbench reads 1 to 4; use the dlbench that wrote it",
        ),
        (LINE + b"\nnot json\n" + LINE + b"\n", 2, "not a Run (JSON is malformed"),
        (LINE + b"\n\n" + LINE + b"\n", 2, "not a Run"),
        (b"\x00\xff\xfe\x80\n", 1, "not a Run"),
        (b"[1, 2]\n", 1, "not a Run"),
        (b"{}\n", 1, "not a Run"),
        (b'{"schema": 1}\n', 1, "not a Run"),
        (_change(surprise=1) + b"\n", 1, "unknown field `surprise`"),
        (_change(status="fine") + b"\n", 1, "Invalid enum value 'fine'"),
        (_change(groups=0) + b"\n", 1, "Expected `int` >= 1 - at `$.groups`"),
        (_change(group=-1) + b"\n", 1, "Expected `int` >= 0 - at `$.group`"),
        (_change(samples=[STILL | {"steps": 0}]) + b"\n", 1, "Expected `int` >= 1 - at `$.samples[0].steps`"),
        (
            _change(samples=[STILL | {"seconds": 0.0}]) + b"\n",
            1,
            "Expected `float` >= 1e-12 - at `$.samples[0].seconds`: 0.0",
        ),
        (_change(spec=json.loads(LINE)["spec"] | {"batch_size": 0}) + b"\n", 1, "batch size is 0"),
        (b'{"schema": 1, "deep": ' + b"[" * 100_000 + b"\n", 1, "not a Run"),
        (LINE.replace(b'"s"', b'"\xff"') + b"\n", 1, "not a Run"),
        (_change(started="noon") + b"\n", 1, "not a Run (started 'noon')"),
        (_change(started="2026-01-02T25:00:00+00:00") + b"\n", 1, "not a Run (started '2026-01-02T25"),
        (_change(started="0001-01-01T00:00:00+01:00") + b"\n", 1, "not a Run (started '0001-01-01T00"),
    ],
    ids=lambda value: value[-24:] if isinstance(value, bytes) else None,
)
def test_what_is_no_record_is_refused_by_file_line_and_advice(
    tmp_path: Path, content: bytes, number: int | None, message: str
) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read_runs(path)
    place = f"{path}:{number}: " if number else f"{path}: "
    assert str(caught.value).startswith(place)
    assert message in str(caught.value)
    assert ";" in str(caught.value), "says what to do"
    assert "\n" not in str(caught.value)


def _damaged(line: bytes) -> st.SearchStrategy[bytes]:
    """The line with one stretch of bytes replaced by others."""
    places = st.integers(0, len(line))
    return st.builds(
        lambda start, length, new: line[:start] + new + line[start + length :],
        places,
        st.integers(0, 40),
        st.binary(max_size=8),
    )


@given(_damaged(LINE) | st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_a_damaged_line_is_a_run_or_a_record_error_and_nothing_else(line: bytes) -> None:
    try:
        assert isinstance(decode(line, "runs.jsonl:7"), Run)
    except RecordError as error:
        assert str(error).startswith("runs.jsonl:7: ")


@given(st.binary(max_size=300) | st.lists(st.sampled_from([LINE, b"{}", b"", b"\xff", b"\r"])).map(b"\n".join))
@settings(max_examples=200, deadline=None)
def test_any_file_is_runs_or_a_record_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("record") / "runs.jsonl"
    path.write_bytes(content)
    try:
        assert all(isinstance(run, Run) for run in read_runs(path))
    except RecordError as error:
        assert str(error).startswith(f"{path}:")
