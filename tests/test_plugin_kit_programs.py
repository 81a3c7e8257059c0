"""Helpers for authors of plugins: programs in the text form of HLO."""

from __future__ import annotations

import pytest

from dlbench.plugin_kit import flops_by_instruction, flops_of_hlo, instructions_of, layer_finder

pytestmark = pytest.mark.untimed

PROGRAM = """HloModule one

%inner (a: f32[32,784], b: f32[784,64]) -> f32[32,64] {
  %a = f32[32,784]{1,0} parameter(0)
  %b = f32[784,64]{1,0} parameter(1)
  ROOT %dot.1 = f32[32,64]{1,0} dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

ENTRY %main (x: f32[32,784], w: f32[784,64]) -> f32[32,64] {
  %x = f32[32,784]{1,0} parameter(0)
  %w = f32[784,64]{1,0} parameter(1)
  ROOT %fusion.2 = f32[32,64]{1,0} fusion(%x, %w), kind=kCustom, calls=%inner
}
"""


def test_instructions_of_a_program_have_their_flops_and_a_name_of_two_has_none():
    work = 2 * 32 * 784 * 64
    assert flops_of_hlo(PROGRAM) == work
    assert flops_by_instruction([PROGRAM]) == {"dot.1": work, "fusion.2": work}
    other = PROGRAM.replace("784", "16").replace("fusion.2", "fusion.3")
    assert flops_by_instruction([PROGRAM, other]) == {"fusion.2": work, "fusion.3": 2 * 32 * 16 * 64}


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("jit(step)/jvp(dense0)/dot_general", "dense0"),
        ("jit(step)/transpose(jvp(block0/query))/dot_general", "block0/query"),
        ("gradient_tape/block0/query/MatMul/MatMul_1", "block0/query"),
        ("while/body/cell/MatMul", "cell"),
        ("jit(step)/jvp(dense01)/dot_general", ""),
        ("jit(step)/mydense0/add", ""),
        ("loss", ""),
    ],
)
def test_the_scopes_of_an_operation_name_its_layer(name, layer):
    parameters = ("dense0/kernel", "dense0/bias", "block0/query/kernel", "cell/recurrent", "scale")
    assert layer_finder(parameters)(name) == layer
    assert layer_finder(())(name) == ""


def test_instructions_of_a_program_have_the_layers_of_their_scopes():
    traced = PROGRAM.replace("={0}", '={0}, metadata={op_type="d" op_name="jit(f)/jvp(output)/dot"}')
    assert instructions_of([traced], layer_finder(["output/kernel"])).layers == {"dot.1": "output"}
    assert instructions_of([traced], layer_finder(["output/kernel"])).flops == flops_by_instruction([traced])
    other = traced.replace("jvp(output)", "jvp(dense0)")
    assert instructions_of([traced, other], layer_finder(["output/kernel", "dense0/kernel"])).layers == {}


def test_a_fusion_is_what_is_in_it_where_its_name_does_not_say_and_reads_its_operands_unless_it_slices():
    program = """HloModule other

%sums (a: f32[32,64], zero: f32[]) -> f32[64] {
  %a = f32[32,64]{1,0} parameter(0)
  %zero = f32[] parameter(1)
  ROOT %r = f32[64]{0} reduce(%a, %zero), dimensions={0}, to_apply=%add
}

%part (b: f32[100,64]) -> f32[1,64] {
  %b = f32[100,64]{1,0} parameter(0)
  ROOT %s = f32[1,64]{1,0} slice(%b), slice={[0:1], [0:64]}
}

ENTRY %main (x: f32[32,64], y: f32[100,64]) -> f32[64] {
  %x = f32[32,64]{1,0} parameter(0)
  %y = f32[100,64]{1,0} parameter(1)
  %none = f32[] constant(0)
  %slice_fusion = f32[1,64]{1,0} fusion(%y), kind=kLoop, calls=%part
  ROOT %ynn_fusion.4 = f32[64]{0} fusion(%x, %none), kind=kCustom, calls=%sums
}
"""
    told = instructions_of([PROGRAM, program], layer_finder([]))
    assert (told.category("ynn_fusion.4"), told.reads("ynn_fusion.4")) == ("reduction", ((32, 64),))
    assert (told.category("slice_fusion"), told.reads("slice_fusion")) == ("data movement", ())
    assert (told.category("fusion.2"), told.reads("fusion.2")) == ("matrix product", ((32, 784), (784, 64)))
    assert (told.category("ynn_fusion.9"), told.category("fusion.9"), told.reads("x")) == (
        "matrix product",
        "fused code",
        (),
    )


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("reduce-precision", "elementwise"),
        ("select-and-scatter", "reduction"),
        ("round-nearest-even", "elementwise"),
        ("dynamic-update-slice", "data movement"),
        ("parameter", "fused code"),
    ],
)
def test_an_operation_in_a_fusion_is_what_its_whole_word_says(operation, kind):
    program = f"""HloModule other

%inner (a: f32[8]) -> f32[8] {{
  ROOT %a = f32[8]{{0}} {operation}(%b)
}}

ENTRY %main (x: f32[8]) -> f32[8] {{
  %x = f32[8]{{0}} parameter(0)
  ROOT %loop_fusion.1 = f32[8]{{0}} fusion(%x), kind=kLoop, calls=%inner
}}
"""
    assert instructions_of([program], layer_finder([])).category("loop_fusion.1") == kind


def test_a_product_that_an_instruction_takes_twice_is_counted_once():
    squared = """HloModule squared

ENTRY %main (a: f32[4,8]) -> f32[4,4] {
  %a = f32[4,8]{1,0} parameter(0)
  %dot.1 = f32[4,4]{1,0} dot(%a, %a), lhs_contracting_dims={1}, rhs_contracting_dims={1}
  ROOT %multiply.2 = f32[4,4]{1,0} multiply(%dot.1, %dot.1)
}
"""
    assert flops_of_hlo(squared) == 2 * 4 * 4 * 8
