"""Statuses and flags: the properties of each, a row for all that the core sets, and no row without use."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest
from example_runs import bare_run

import dlbench
from dlbench.record.flags import FLAGS, STATUSES, FlagName, StatusName

pytestmark = pytest.mark.untimed

CORE = Path(dlbench.__file__).parent
TABLE = CORE / "record" / "flags.py"
MODULES = [path for path in sorted(CORE.rglob("*.py")) if path != TABLE]


def _flags(node: ast.AST) -> list[str]:
    """The flags that a node sets or asks for: `run.has("x")`, `arm.flag("x")`, `flags=(..., "x")`, `flags += ["x"]`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="has" | "flag"), args=values):
            found = values
        case ast.keyword(arg="flags", value=value):
            found = [value]
        case ast.AugAssign(target=ast.Attribute(attr="flags"), value=value):
            found = [value]
        case ast.Compare(left=left, comparators=[ast.Attribute(attr="flags")]):
            found = [left]
        case _:
            found = []
    inner = (one for value in found for one in ast.walk(value) if isinstance(one, ast.Constant))
    return [one.value for one in inner if isinstance(one.value, str)]


def _strings(path: Path) -> set[object]:
    return {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}


def test_every_flag_that_the_core_sets_or_asks_for_has_a_row():
    found = {flag for path in MODULES for node in ast.walk(ast.parse(path.read_text())) for flag in _flags(node)}
    assert {"helped", "fork_hung", "not_settled", "not_tried", "unstable"} <= found
    assert found <= FLAGS.keys()


def test_a_flag_without_a_row_is_caught():
    planted = ast.parse('arm.flag("hot")\nrun.flags += ["late"]\nf(flags=(*old, "odd"))\nrun.has("shy")')
    assert {flag for node in ast.walk(planted) for flag in _flags(node)} == {"hot", "late", "odd", "shy"}


def test_every_row_of_flags_is_used_and_says_something():
    used = set().union(*map(_strings, MODULES))
    assert set(FLAGS) <= used
    assert set(FLAGS) == set(get_args(FlagName))
    assert all(FLAGS.values())


def test_every_status_has_a_row():
    assert set(STATUSES) == set(get_args(StatusName))


@pytest.mark.parametrize("status", STATUSES)
def test_a_run_is_ok_or_failed_as_its_status_says(status):
    run = bare_run(status=status)
    assert run.ok == (status == "ok")
    assert run.failed == (status not in ("ok", "unsupported"))


def test_a_seed_that_diverged_or_ran_out_of_time_was_trained_and_only_what_is_unsupported_is_final():
    assert {name for name, status in STATUSES.items() if status.trained} == {"ok", "diverged", "timeout"}
    assert {name for name, status in STATUSES.items() if status.final} == {"unsupported"}


def test_a_run_has_the_flags_that_it_was_given():
    assert bare_run(flags=("helped",)).has("helped")
    assert not bare_run(flags=("helped",)).has("unstable")
