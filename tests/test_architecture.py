"""The rules of the house hold in every module that exists, and each is shown to catch a planted violation."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_lines import code_lines, code_lines_of
from house_rules import (
    CORE,
    CORE_RULES,
    LAYERS,
    ROOT,
    Module,
    Rule,
    docstrings_open_with_a_noun_or_a_verb,
    helpers_stand_in_support,
    imports_point_down,
    libraries_have_owners,
    measure_knows_numbers_only,
    modules_are_short,
    modules_import_few_others,
    modules_of,
    no_framework_by_name,
    only_the_journal_appends,
    phases_have_properties,
    plugin_packages,
    plugins_know_the_contract_only,
    programs_do_not_know_the_layout,
)

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("rule", CORE_RULES, ids=lambda rule: rule.__name__)
def test_every_module_of_the_core_keeps_the_rule(rule: Rule) -> None:
    assert [f"dlbench.{module.name} {fault}" for module in modules_of(CORE) for fault in rule(module)] == []


@pytest.mark.parametrize("package", plugin_packages(), ids=lambda path: path.name)
def test_a_plugin_package_imports_the_contract_and_nothing_else_of_the_core(package: Path) -> None:
    modules = modules_of(package)
    assert [f"{module.name} {fault}" for module in modules for fault in plugins_know_the_contract_only(module)] == []


def test_the_plugin_packages_were_found() -> None:
    assert {"dlbench_tf", "dlbench_torch", "dlbench_jax", "dlbench_keras", "dlbench_fake"} <= {
        path.name for path in plugin_packages()
    }


@pytest.mark.parametrize("folder", ["dlbench", "plugins", "studies", "examples", "tests"])
def test_no_docstring_opens_with_a_question_word(folder: str) -> None:
    modules = modules_of(ROOT / folder)
    assert modules
    assert [f"{one.name} {fault}" for one in modules for fault in docstrings_open_with_a_noun_or_a_verb(one)] == []


PLANTED = [
    (imports_point_down, "spec", "from dlbench.plugin import Batch", "imports plugin"),
    (imports_point_down, "spec", "from dlbench import Batch", "imports plugin"),
    (imports_point_down, "system.memory", "from dlbench import measure", "imports measure"),
    (imports_point_down, "system.load", "from dlbench.tasks import TASKS", "imports tasks"),
    (imports_point_down, "analysis.metrics", "def late():\n    from dlbench.system import load", "imports system"),
    (imports_point_down, "analysis.gate", "from dlbench.report.units import shown", "imports report.units"),
    (imports_point_down, "report.json", "import dlbench.session.schedule", "imports session.schedule"),
    (imports_point_down, "session.schedule", "from dlbench.analysis.metrics import X", "imports analysis.metrics"),
    (imports_point_down, "workers.worker", "if TYPE_CHECKING:\n    import dlbench.cli.main", "imports cli.main"),
    (imports_point_down, "workers.worker", "from dlbench.parity.probe import probe", "imports parity.probe"),
    (imports_point_down, "workers.worker", "def late():\n    import dlbench.conformance", "imports conformance"),
    (imports_point_down, "parity.check", "from dlbench.session import plan", "imports session"),
    (imports_point_down, "conformance", "from dlbench.api import run", "imports api"),
    (imports_point_down, "stats.bisection.search", "from dlbench.session import schedule", "imports session"),
    (imports_point_down, "stats.bisection.search", "from dlbench.record.schema import Run", "imports record.schema"),
    (imports_point_down, "workers.environments.cache", "from dlbench.session import plan", "imports session"),
    (imports_point_down, "session.plan", "from . import registry", "imports .: write it from the root"),
    (imports_point_down, "session.plan", "from dlbench.nowhere import x", "imports nowhere"),
    (imports_point_down, "helpers", "", "has no place in LAYERS: add it"),
    (libraries_have_owners, "analysis.gate", "import click", "imports click"),
    (libraries_have_owners, "session.cluster.farm", "import ray", "imports ray"),
    (libraries_have_owners, "report.json", "from rich.table import Table", "imports rich.table"),
    (measure_knows_numbers_only, "measure.timing", "from dlbench.spec import Policy", "imports dlbench.spec"),
    (only_the_journal_appends, "schedule", "open(path, 'a')", "opens with mode 'a'"),
    (only_the_journal_appends, "schedule", "path.open(mode='ab')", "opens with mode 'ab'"),
    (only_the_journal_appends, "schedule", "os.open(path, os.O_WRONLY | os.O_APPEND)", "opens with O_APPEND"),
    (no_framework_by_name, "worker", "if framework == 'tensorflow': pass", "says 'tensorflow'"),
    (no_framework_by_name, "worker", "use_torch = True", "says 'use_torch'"),
    (no_framework_by_name, "worker", "if kind == 'tf': pass", "says 'tf'"),
    (no_framework_by_name, "worker", "import jax", "says 'jax'"),
    (no_framework_by_name, "worker", "names = {'TF_CPP_MIN_LOG_LEVEL'}", "says 'TF_CPP_MIN_LOG_LEVEL'"),
    (no_framework_by_name, "worker", "f'no {x} for Keras'", "says ' for Keras'"),
    (phases_have_properties, "workers.worker", "x = {'converge': 1}", "names the phase 'converge'"),
    (phases_have_properties, "session.plan", "spec.phase != 'predict'", "compares with the phase 'predict'"),
    (helpers_stand_in_support, "session.test_arm", "from test_lockstep import arm", "imports test_lockstep"),
    (modules_are_short, "worker", "pass\n" * 301, "has 301 lines, more than 300: part it"),
    (docstrings_open_with_a_noun_or_a_verb, "spec", "'Which is measured.'", "line 1: a docstring opens with 'Which'"),
    (
        docstrings_open_with_a_noun_or_a_verb,
        "spec",
        "class Spec:\n    def a(self):\n        '''Whether it is.'''",
        "line 3: a docstring opens with 'Whether'",
    ),
    (
        docstrings_open_with_a_noun_or_a_verb,
        "spec",
        "class Spec:\n    a = 1\n    '''\n    What it is.'''",
        "line 3: a docstring opens with 'What'",
    ),
    (
        programs_do_not_know_the_layout,
        "workers.child",
        "'import sys\\nimport dlbench.spec'",
        "imports dlbench in the text of a program",
    ),
    (
        modules_import_few_others,
        "report.page",
        "from dlbench.analysis import "
        + ", ".join(["metrics", "pairs", "control", "labels", "compare", "evidence"])
        + "\ndef late():\n    from dlbench.report import units, document, parity, gating, model, markdown"
        + "\nimport dlbench.spec",
        "imports 13 modules, more than 12: split it",
    ),
    (
        plugins_know_the_contract_only,
        "module",
        "from dlbench.record.schema import Run",
        "imports dlbench.record.schema",
    ),
    (plugins_know_the_contract_only, "module", "from dlbench import Run", "imports dlbench.record.schema"),
    (plugins_know_the_contract_only, "module", "import dlbench", "imports dlbench"),
]


@pytest.mark.parametrize(("rule", "name", "text", "fault"), PLANTED, ids=lambda value: str(value)[:24])
def test_a_planted_violation_is_caught(rule: Rule, name: str, text: str, fault: str) -> None:
    assert fault in list(rule(Module(name, text)))


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (imports_point_down, "cli.main", "from dlbench import __version__, api"),
        (imports_point_down, "tasks.line", "from dlbench.tasks.targets import Target"),
        (imports_point_down, "api.run", "from dlbench import analysis, session"),
        (no_framework_by_name, "spec", "'''Such as torch.'''\nX = 1\n'''Torch's.'''\n# torch"),
        (no_framework_by_name, "spec", "ajax = platform = 'outfit'"),
        (docstrings_open_with_a_noun_or_a_verb, "spec", "'''Whatever it is.'''\nx = 'What is it?'\nf('How')"),
        (phases_have_properties, "session.plan", "phase: str = 'train'  # 'converge'\nif not spec.timed: pass"),
        (only_the_journal_appends, "spec", "open('a.txt'); path.open('rb'); names.append('x')"),
        (plugins_know_the_contract_only, "module", "from dlbench.errors import Unsupported\nimport dlbench_tf.x"),
        (plugins_know_the_contract_only, "module", "from dlbench import Unsupported"),
    ],
)
def test_what_is_allowed_is_not_caught(rule: Rule, name: str, text: str) -> None:
    assert list(rule(Module(name, text))) == []


MOST_LINES = {"dlbench_jax": 660, "dlbench_keras": 780, "dlbench_onnx": 600}
"""Lines of code of the packages that show how little a framework needs; what several need goes to `plugin_kit`."""


@pytest.mark.parametrize("package", MOST_LINES)
def test_a_package_of_a_framework_stays_small(package: str) -> None:
    (folder,) = ROOT.glob(f"plugins/*/{package}")
    assert code_lines_of(folder) <= MOST_LINES[package]


def test_lines_of_code_are_neither_blank_nor_comments_nor_docstrings() -> None:
    text = "'''Two\nlines.'''\n\n# a comment\nX = [\n    1,  # one\n]\n'''Of X.'''\nY = '''a\nb'''\n"
    assert code_lines(text) == 5


def test_no_package_stands_twice_in_the_layers_which_have_eleven_rows() -> None:
    names = [name for columns in LAYERS for column in columns for name in column.split()]
    assert len(names) == len(set(names))
    assert len(LAYERS) <= 11


def test_the_house_has_few_rooms() -> None:
    names = {path.stem for path in CORE.iterdir() if not path.name.startswith(("_", ".")) and path.name != "py.typed"}
    assert len(names) <= 21, sorted(names)
