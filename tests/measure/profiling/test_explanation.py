"""An explanation joins two sides by work: the planted difference is named first, with its amount, on the right side."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from profiled import BASE, SPEC, Step, explained

from dlbench.measure.profiling.answer import explain
from dlbench.measure.profiling.join import canonical
from dlbench.record.explanation import Arm, Op, Profile
from dlbench.report import explanation as page
from dlbench.report import markdown

pytestmark = pytest.mark.untimed
PLANTED = {
    "an extra product": ([("mm", "matrix product", 2)], "matrix product"),
    "a layout change": ([("transpose", "data movement", 2)], "data movement"),
    "an unfused optimizer": ([("mul", "optimizer", 2)], "optimizer"),
    "200 tiny ops": ([("view", "dispatch", 0.01)] * 200, "dispatch"),
    "a duplicated reduction": ([("sum", "reduction", 2)], "reduction"),
    "a float64 detour": ([("cast", "elementwise", 2)], "elementwise"),
    "a host copy": ([("copy", "data movement", 2)], "data movement"),
    "a sleep in Python": ([("", "Python", 2)], "Python"),
    "guards": ([("lookup", "guards", 2)], "guards"),
    "a broken fusion": ([("cpp_fused_add_mul", "elementwise", 0.2)] * 10, "elementwise"),
    "a wait": ([("sync", "waiting", 2)], "gaps"),
    "a new operation": ([("strange", "unattributed", 2)], "unattributed"),
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_planted_difference_is_the_first_with_sign_and_amount(name: str, swapped: bool) -> None:
    more, category = PLANTED[name]
    sides = [Step(BASE), Step([*BASE, *more])]
    found = explained(*reversed(sides)) if swapped else explained(*sides)
    first, single = found.categories[0], found.differences[0]
    assert (first.category, single.category) == (category, category)
    assert first.difference == pytest.approx(-2e-3 if swapped else 2e-3)
    assert sum(one.difference for one in found.categories) == pytest.approx(-2e-3 if swapped else 2e-3)


def test_the_answer_says_how_much_longer_and_why() -> None:
    found = explained(Step(BASE), Step([*BASE, *[("view", "dispatch", 0.02)] * 200]))
    assert found.answer[0] == (
        "b takes 1.5 times as long as a (12 ms against 8 ms a step): "
        "100% of the difference is dispatch (4 ms against 0 µs, of 203 against 3 recorded operations)."
    )
    guarded = explained(Step(BASE), Step([*BASE, ("lookup", "guards", 1), *[("view", "dispatch", 1)] * 3]))
    assert "of 6 against 3 recorded operations" in guarded.answer[0]
    products = explained(Step(BASE), Step([*BASE, ("bmm", "matrix product", 4)])).answer[0]
    assert products.endswith("100% of the difference is matrix products (8 ms against 4 ms, 2 against 1 calls).")
    other = explained(
        Step([("mm", "loss", 4), ("f", "fused code", 6)]), Step([("mm", "loss", 9), ("f", "fused code", 3)])
    )
    assert other.answer[1] == "Against that, b takes less time for fused code (3 ms)."


def test_the_slower_side_is_named_first_whichever_it_is() -> None:
    found = explained(Step([*BASE, ("sleep", "Python", 4)]), Step(BASE))
    assert found.answer[0] == (
        "a takes 1.5 times as long as b (12 ms against 8 ms a step): "
        "100% of the difference is Python between operations (5 ms against 1 ms)."
    )


def test_a_step_of_another_length_beside_the_profile_is_said() -> None:
    one = Step(BASE).arm("a", cost=1.0)
    (said,) = (
        line for line in explain("train", one, Step(BASE).arm("b", cost=1.0, scale=2.0)).answer if "shares" in line
    )
    assert said == (
        "Believe the shares rather than the times, as steps were not of one length: b 16 ms (8 ms beside the profile)."
    )
    assert not any("shares" in line for line in explain("train", one, one).answer)


def test_equal_steps_have_nothing_to_explain() -> None:
    found = explained(Step(BASE), Step(BASE))
    assert found.answer[0] == "b takes as long as a (8 ms against 8 ms a step): there is no difference to explain."


def test_shares_are_those_of_the_unprofiled_step() -> None:
    found = explain("train", Step(BASE).arm("a", scale=0.5), Step(BASE).arm("b", scale=2.0))
    by_kind = {one.category: one for one in found.categories}
    assert by_kind["matrix product"].before == pytest.approx(2e-3)
    assert by_kind["matrix product"].after == pytest.approx(8e-3)
    assert by_kind["matrix product"].counts == (1, 1)


def test_a_profile_that_costs_too_much_has_counts_and_no_times() -> None:
    found = explain("train", Step(BASE).arm("a", cost=1.6, scale=2), Step(BASE).arm("b"))
    assert found.answer[0] == "a takes 2 times as long as b (16 ms against 8 ms a step)."
    assert found.answer[1].startswith("A step of b takes 8 ms: 50% is matrix products")
    assert "counts and order are shown, and no times" in found.answer[2]
    assert {(one.before, one.after, *one.busy) for one in found.categories} == {(None,) * 4}
    assert [one.category for one in found.categories] == ["matrix product", "optimizer", "Python", "elementwise"]
    said = markdown.text(list(page.blocks(found)))
    assert "Calls a step" in said
    assert "ms" not in said.partition("Calls a step")[2]


def test_a_profile_whose_cost_is_not_known_has_no_times() -> None:
    arm = Step(BASE).arm("a")
    unknown = msgspec.json.decode(msgspec.json.encode(arm).replace(b'"cost":1.1,', b""), type=Arm)
    assert not unknown.profile.timed
    said = "What profiling costs a step of a is not known: counts and order are shown, and no times."
    assert explain("train", unknown).answer == ("A step of a takes 8 ms.", said)


def test_an_arm_without_a_profile_says_why_and_is_never_divided_by() -> None:
    lacking = Arm(label="b", profile=Profile(spec=SPEC, reason="b has no profile()"), step=1e-3)
    found = explain("train", Step(BASE).arm("a"), lacking)
    assert found.answer[0] == "a takes 8 times as long as b (8 ms against 1 ms a step)."
    assert found.answer[-1] == "No profile of b: b has no profile()"
    assert "Calls a step" in markdown.text(list(page.blocks(found)))


def test_products_are_joined_by_their_flops_whatever_their_names() -> None:
    before = Step([("aten::mm", "matrix product", 4), ("aten::addmm", "matrix product", 1)], (100.0, 10.0))
    after = Step([("dot.1", "matrix product", 2), ("dot.2", "matrix product", 2)], (10.0, 100.0))
    found = {one.name: one.difference for one in explained(before, after).differences}
    assert found == {"aten::mm and dot.2": pytest.approx(-2e-3), "aten::addmm and dot.1": pytest.approx(1e-3)}


def test_products_that_both_count_are_joined_by_their_flops_beside_others_that_one_does_not() -> None:
    before = Step([("mm", "matrix product", 4), ("bmm", "matrix product", 1)], (100.0, 10.0))
    after = Step([("dot", "matrix product", 2), ("ynn", "matrix product", 2)], (100.0, None))
    found = {one.name: one.difference for one in explained(before, after).differences}
    assert found == {"mm and dot": pytest.approx(-2e-3), "bmm against ynn": pytest.approx(1e-3)}


def test_names_without_a_partner_stand_against_each_other_not_alone() -> None:
    before = Step([("convolve", "convolution", 4), ("lower", "convolution", 1)])
    found = explained(before, Step([("Conv2D", "convolution", 3)]))
    assert [(one.name, one.counts) for one in found.differences] == [("convolve and 1 more against Conv2D", (2, 1))]


@pytest.mark.parametrize("name", ["aten::relu", "Relu", "_MklRelu", "relu_", "relu.12", "xla/relu_3"])
def test_names_of_one_operation_are_one(name: str) -> None:
    assert canonical(name) == "relu"


def test_unattributed_time_is_said() -> None:
    found = explained(Step(BASE), Step([*BASE, ("strange", "unattributed", 2)]))
    assert any("20% of the step of b has names that no table knows" in line for line in found.answer)


def test_many_calls_are_whole() -> None:
    ops = tuple(Op(name=name, category="loss", count=3.3, seconds=1e-3, busy=1e-3) for name in "abcd")
    profile = Profile(spec=SPEC, steps=1, seconds=4e-3, plain=4e-3, cost=1.0, threads=1, ops=ops)
    found = explain("train", Arm(label="a", profile=profile, step=4e-3))
    assert [one.counts[0] for one in (*found.categories, found.differences[0])] == [13, 3.3]


def test_layers_are_joined_by_their_names_and_the_one_that_pays_is_said() -> None:
    before = layered(("conv0", "convolution", 2), ("dense0", "matrix product", 1), ("", "loss", 1))
    after = layered(("conv0", "convolution", 5), ("dense0", "matrix product", 2), ("", "loss", 1))
    found = explain("train", before, after)
    assert [(one.name, one.before, one.after) for one in found.layers] == [
        ("conv0", pytest.approx(2e-3), pytest.approx(5e-3)),
        ("dense0", pytest.approx(1e-3), pytest.approx(2e-3)),
    ]
    assert "By layer, of the difference: 75% in conv0 and 25% in dense0." in found.answer
    assert "| conv0 | 2.00 ms | 5.00 ms | +3.00 ms |" in markdown.text(list(page.blocks(found)))


def test_layers_of_one_side_alone_are_shares_of_its_step() -> None:
    alone = layered(("conv0", "convolution", 3), ("", "loss", 1))
    said = "By layer, of a step of a: conv0 75%."
    assert said in explain("train", alone).answer
    assert said in explain("train", alone, Step(BASE).arm("b")).answer
    table = markdown.text(list(page.blocks(explain("train", alone, Step(BASE).arm("b")))))
    assert "| conv0 | 3.00 ms | 75.0% |" in table
    assert "Layer" not in markdown.text(list(page.blocks(explained(Step(BASE), Step(BASE)))))


def test_a_layer_that_takes_no_time_is_none() -> None:
    arm = layered(("", "Python", 5), ("dense0", "elementwise", 0))
    assert not explain("train", arm).layers
    assert "Layer" not in markdown.text(list(page.blocks(explain("train", arm, arm))))


def test_a_profile_that_names_the_layers_of_some_products_alone_names_none() -> None:
    known = layered(("dense0", "matrix product", 3), ("", "loss", 1))
    partly = layered(("dense0", "matrix product", 3), ("", "matrix product", 2), ("", "loss", 1))
    found = explain("train", known, partly)
    assert [(one.before, one.after) for one in found.layers] == [(pytest.approx(3e-3), None)]
    assert "By layer, of a step of a: dense0 75%." in found.answer


def layered(*ops: tuple[str, Any, float]) -> Arm:
    """An arm of operations (layer, category, milliseconds)."""
    found = tuple(
        Op(name=kind, category=kind, count=1, seconds=length * 1e-3, busy=length * 1e-3, layer=layer)
        for layer, kind, length in ops
    )
    seconds = sum(one.seconds for one in found)
    profile = Profile(spec=SPEC, steps=1, seconds=seconds, plain=seconds, cost=1.0, threads=1, ops=found)
    return Arm(label="a", profile=profile, step=seconds)


def test_one_arm_has_an_account_of_its_own() -> None:
    found = explain("train", Step(BASE).arm("a"))
    assert found.answer[0].startswith(
        "A step of a takes 8 ms: 50% is matrix products, 25% is the optimizer and 12% is "
    )
    assert "| matrix product | 4.00 ms | 50.0% | 1 | 4.00 ms |" in markdown.text(list(page.blocks(found)))


def test_flops_over_time_are_said_beside_the_measured_rate() -> None:
    arm = msgspec.structs.replace(Step(BASE).arm("a"), flops=4e6, peak=4e9)
    assert "1 GFLOP/s, 25% of a large product's" in explain("train", arm).answer[1]


def test_flops_of_every_product_stand_for_those_of_a_model_that_states_none() -> None:
    arm = Step(BASE, (4e6,)).arm("a")
    assert "1 GFLOP/s, 25% of a large product's" in explain("train", msgspec.structs.replace(arm, peak=4e9)).answer[1]
    assert not any("GFLOP/s" in line for line in explain("train", Step(BASE).arm("a")).answer)


def test_products_of_one_name_and_other_flops_are_apart() -> None:
    side = Step([("dot", "matrix product", 4), ("dot", "matrix product", 1)], (100.0, 10.0))
    assert [(op.name, op.flops) for op in side.arm("a").profile.ops if op.count] == [("dot", 100.0), ("dot", 10.0)]


def test_products_faster_than_a_large_one_are_no_rate_and_not_to_be_believed() -> None:
    arm = msgspec.structs.replace(Step(BASE).arm("a"), flops=4e6, peak=0.5e9)
    said = " ".join(explain("train", arm).answer)
    assert "Do not believe the time of products of a" in said
    assert "come to 1 GFLOP/s, above the 0.5 of a large product" in said
    assert "%" not in said.partition("Do not believe")[2]
    assert "of a large product's" not in said


def test_passes_over_memory_stand_beside_the_measured_copy() -> None:
    ops = (Op(name="add", category="elementwise", count=2, seconds=4e-3, busy=4e-3, shapes=((1000, 1000), (1000,))),)
    profile = Profile(spec=SPEC, steps=1, seconds=4e-3, plain=4e-3, cost=1.0, threads=1, ops=ops, bandwidth=1e10)
    found = explain("train", Arm(label="a", profile=profile, step=4e-3))
    said = "Elementwise operations, copies and the optimizer read at least: a 2 GB/s, 40% of what a large copy reads."
    assert said in found.answer
    cached = msgspec.structs.replace(profile, bandwidth=1e9)
    assert not any(
        "read at least" in line for line in explain("train", Arm(label="a", profile=cached, step=4e-3)).answer
    )
