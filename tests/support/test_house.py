"""The rules of the house that hold for the tests too."""

from __future__ import annotations

import pytest
from house_rules import ROOT, Rule, helpers_stand_in_support, modules_are_short, modules_of

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("rule", [modules_are_short, helpers_stand_in_support], ids=lambda rule: rule.__name__)
def test_every_module_of_the_tests_keeps_the_rule(rule: Rule) -> None:
    folders = [ROOT / "tests", *ROOT.glob("plugins/*/tests")]
    modules = [module for folder in folders for module in modules_of(folder)]
    assert len(modules) > 100
    assert [f"{module.name} {fault}" for module in modules for fault in rule(module)] == []
