"""An axis of a Spec is one row: of it come options, keywords, grid, workload, labels, checks, tables and commands."""

from __future__ import annotations

import click
import msgspec
import pytest

from dlbench.api import keywords, subjects
from dlbench.cli.main import cli
from dlbench.errors import SpecError
from dlbench.session.plan import expand
from dlbench.spec import AXES, WORKLOAD_AXES, Policy, Spec, Workload
from dlbench.spec.axes import option_grid

pytestmark = pytest.mark.untimed

OF_READING = {"origin"}
BY_OTHER_OPTIONS = {"python", "model"}
"""Axes that --env and --model give."""


def test_every_field_of_a_spec_has_a_row():
    assert set(Spec.__struct_fields__) - OF_READING == set(AXES)
    assert set(Workload.__struct_fields__) - {"architecture"} == {axis.field for axis in WORKLOAD_AXES}


def test_the_default_of_a_field_is_the_plain_value_of_its_row():
    defaults = {field.name: field.default for field in msgspec.structs.fields(Spec) if not field.required}
    stated = {name: AXES[name].defaults for name in defaults if name in AXES and AXES[name].defaults}
    assert stated == {name: (defaults[name],) for name in stated}


def test_every_axis_has_an_option_a_keyword_and_a_place_in_the_selection():
    command = {param.name: param for param in cli.commands["run"].params}
    assert {name for name, axis in AXES.items() if not axis.option} == BY_OTHER_OPTIONS
    for axis in AXES.values():
        if axis.option:
            assert isinstance(command[axis.option], click.Option)
            assert axis.option in keywords.RunKeywords.__annotations__ or axis.field == "plugin"
    given = {"batch_size": (8,), "threads": 0, "path": (), "allow_breaks": True, "jit": True, "size": None}
    assert subjects.selection(given) == {
        "batch_size": (8,),
        "threads": (0,),
        "allow_breaks": (True,),
        "path": ("jit",),
    }


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["hidden=128"], [(("hidden", 128),)]),
        (["b=1,a=2,4"], [(("a", 2), ("b", 1)), (("a", 4), ("b", 1))]),
        (["a=1", "a=2"], [(("a", 1),), (("a", 2),)]),
        (["a=true, b=0.5 ,c=gelu,d=nan"], [(("a", True), ("b", 0.5), ("c", "gelu"), ("d", "nan"))]),
    ],
)
def test_options_of_a_model_span_a_grid(texts, found):
    assert option_grid(texts) == found


@pytest.mark.parametrize("text", ["hidden", "=3", "hidden=", "2hidden=3", "a=1,,2", ""])
def test_a_text_that_is_no_option_is_named(text):
    with pytest.raises(SpecError, match=r"--set .* is not NAME=VALUE"):
        option_grid([text])


def test_a_plugin_that_takes_no_options_refuses_them():
    with pytest.raises(SpecError, match=r"fake\.linear takes no options; leave --set hidden=3 out"):
        expand({"plugin": ["fake.linear"], "options": ["hidden=3"]}, Policy())
