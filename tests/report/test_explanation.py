"""The page of an explanation: short tables, in as many lines as there are."""

from __future__ import annotations

import pytest
from profiled import BASE, Step, explained

from dlbench.plugin import CATEGORIES
from dlbench.report import explanation as page
from dlbench.report import markdown, terminal

pytestmark = pytest.mark.untimed


def test_the_page_has_forty_lines_at_most() -> None:
    many = [(f"op{number}", kind, 1) for number, kind in enumerate(page_kinds())]
    found = explained(Step(BASE), Step([*BASE, *many]))
    lines = markdown.text(list(page.blocks(found))).splitlines()
    assert len(lines) <= 40


@pytest.mark.parametrize("pairs", [1, 2, 3, 9, 40])
def test_any_number_of_pairs_is_told_in_as_many_lines_as_there_are(pairs: int) -> None:
    many = [(f"op{number}", kind, 1) for number, kind in enumerate(page_kinds())]
    found = [explained(Step(BASE), Step([*BASE, *many]))] * pairs
    parts = page.fitted(found, 39, terminal.height)
    assert 0 < terminal.height(parts) <= 39
    said = markdown.text(parts)
    assert "3.12 times as long" in said
    assert ("more in the file" in said) is (pairs == 40)


def page_kinds() -> list[str]:
    return [kind for kind in CATEGORIES if kind not in ("Python", "gaps")]


def test_as_many_operations_are_shown_as_there_are_lines_for() -> None:
    many = [(f"op{number}", "elementwise", 1) for number in range(10)]
    one = explained(Step(BASE), Step([*BASE, *many]))
    whole = terminal.height(list(page.blocks(one)))
    parts = page.fitted([one], whole - 4, terminal.height)
    assert 0 < markdown.text(parts).count("| op") < 10
    assert terminal.height(parts) <= whole - 4


def test_both_sides_of_names_that_stand_against_each_other_are_read() -> None:
    long = "BiasAddOfAVeryLongName"
    before = Step([*BASE, *[(f"{long}{letter}", "loss", 2) for letter in "abc"]])
    after = Step([*BASE, *[(f"Sum{letter}OfAnotherVeryLongName", "loss", 1) for letter in "xyz"]])
    said = markdown.text(list(page.blocks(explained(before, after))))
    assert "| BiasAddOf… +2 against SumxOfAno… +2 |" in said


def test_tables_have_short_heads_and_names() -> None:
    assert page.apart(["tf.cnn eager", "tf.cnn jit"]) == ["eager", "jit"]
    assert page.apart(["tf.mlp jit", "torch.mlp jit"]) == ["tf", "torch"]
    assert page.apart(["a.b eager", "a.b eager"]) == ["a.b eager", "a.b eager"]
    name = "autograd::engine::evaluate_function: SoftmaxOfAVeryLongNameBackward0"
    found = explained(Step(BASE), Step([*BASE, (name, "loss", 2)]))
    assert "| SoftmaxOfAVeryLongNameBackward0 |" in markdown.text(list(page.blocks(found)))
