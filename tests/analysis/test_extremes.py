"""Extreme numbers in every numeric field of a record: rendered, compared and gated, or refused in one line."""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from example_runs import full_session
from rich.console import Console

from dlbench.analysis import gate, judge
from dlbench.analysis.gate import Gate, GateRequest, Outcome
from dlbench.api import render
from dlbench.errors import DlbenchError
from dlbench.record.encoding import encode
from dlbench.record.parity import Difference, Parity
from dlbench.record.reading import decode, from_json
from dlbench.record.schema import Run
from dlbench.report import FORMATS, comparison, summarize, terminal
from dlbench.report.markdown import text
from dlbench.stats.estimates import Estimate

pytestmark = pytest.mark.untimed

EXTREMES = (0, -1, 1e308, -1e308, 1e-320, 1e30, 1e10, 1e-12, 2**63 - 1, 2**63, 2**70, "inf", "-inf", "nan", None)
RUNS = [json.loads(encode(run)) for run in full_session(2)]
ROUNDS = 60


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of the numbers in a record."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, name))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(runs: list[Any], where: list[tuple[Any, ...]], value: Any) -> list[Any]:
    found = list(runs)
    for path in where:
        part: Any = found
        for name in path[:-1]:
            part[name] = copy.copy(part[name])
            part = part[name]
        part[path[-1]] = value
    return found


def read(lines: list[Any]) -> list[Run]:
    return [decode(msgspec.json.encode(line), f"runs.jsonl:{number}") for number, line in enumerate(lines, start=1)]


def other_session(runs: list[Run], name: str) -> list[Run]:
    return [msgspec.structs.replace(run, session=name) for run in runs]


def all_that_reads(runs: list[Run], parity: tuple[Parity, ...] = (), said: Gate | None = None) -> None:
    """Every rendering, a comparison, and a gate with a history."""
    report = summarize(runs, parity, said)
    for one in FORMATS.values():
        one.text(runs, report)
    Console(file=io.StringIO()).print(terminal.render(report))
    past = [run for name in "abcd" for run in other_session(runs, name)]
    for question in (GateRequest(), GateRequest(gate.parse(["slower:2%", "memory:5%", "counts"]), ("session",), past)):
        answer = judge.reports(("a", "b"), other_session(full_session(2), "x"), runs, question)
        text(list(comparison.page(answer)))
        encode(answer)


def settles(lines: list[Any]) -> str:
    """Empty if it was rendered, else the one line of the refusal."""
    try:
        all_that_reads(read(lines))
    except DlbenchError as error:
        return str(error)
    return ""


KINDS = sorted({tuple(name for name in path[1:] if isinstance(name, str)) for path in places(RUNS)})


@pytest.mark.parametrize("field", KINDS, ids=".".join)
def test_an_extreme_number_in_a_field_is_rendered_or_refused_in_one_line(field: tuple[str, ...]) -> None:
    where = [path for path in places(RUNS) if tuple(name for name in path[1:] if isinstance(name, str)) == field]
    drawn = random.Random(".".join(field))
    for value in EXTREMES:
        chosen = drawn.choice([where, [drawn.choice(where)], drawn.sample(where, min(3, len(where)))])
        assert "\n" not in settles(changed(RUNS, chosen, value))


def test_extreme_numbers_in_many_fields_at_once_are_rendered_or_refused() -> None:
    drawn, everywhere = random.Random(1), list(places(RUNS))
    for _ in range(ROUNDS):
        lines = RUNS
        for _ in range(drawn.randint(2, 30)):
            lines = changed(
                lines, [drawn.choice(everywhere)], drawn.choice((1e30, 1e10, 1e-12, 2**63 - 1, "nan", "inf"))
            )
        settles(lines)


@pytest.mark.parametrize(("field", "value"), [("seconds", 1e308), ("seconds", 1e-320), ("steps", 0), ("steps", 2**70)])
def test_what_makes_no_sense_is_named_by_file_line_field_and_value(field: str, value: float) -> None:
    said = settles(changed(RUNS, [(3, "samples", 2, field)], value))
    assert said.startswith("runs.jsonl:4: not a Run (Expected")
    assert f"$.samples[2].{field}`: {value if field == 'steps' or value > 1 else '1e-320'}" in said


def test_intervals_wider_than_floats_are_infinite_and_no_crash() -> None:
    lines = changed(RUNS, [(place, "samples", 0, "seconds") for place in range(0, len(RUNS), 3)], 1e10)
    assert settles(changed(lines, [(1, "samples", 0, "seconds")], 1e-12)) == ""


def test_any_figures_of_parity_and_gate_are_rendered() -> None:
    runs = full_session(2)
    for value in (0.0, -1.0, 1e308, 1e-320, float("inf"), float("nan")):
        found = Difference(what="output", difference=value, tolerance=value, worst=value, rounding=value)
        proven = Parity(baseline=runs[0].spec, candidate=runs[1].spec, seeds=(0,), steps=20, differences=(found,))
        ratio = Estimate(value, value, value, 3)
        outcome = Outcome(condition="slower:2%", pair="p", result="regression", metric="step_time", ratio=ratio)
        all_that_reads(runs, (proven,), Gate(outcomes=(outcome,)))


def test_a_kept_gate_on_a_metric_that_nobody_knows_is_refused_in_one_line(tmp_path: Path) -> None:
    outcome = Outcome(condition="slower:2%", pair="p", result="passed", metric="step_time")
    text = encode(Gate(outcomes=(outcome,))).replace(b"step_time", b"step_tim")
    (tmp_path / render.GATE_FILE).write_bytes(text)
    with pytest.raises(DlbenchError, match=r"gate.json: no gate result .*did you mean step_time"):
        render.kept(tmp_path)
    assert from_json(text.replace(b"step_tim", b"step_time"), Gate).outcomes == (outcome,)
