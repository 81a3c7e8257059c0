"""The rules of the house, each over every module that exists, and each shown to catch a planted violation.

Imports count wherever they stand: at the top of a module, within a function, or for the type checker alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import dlbench
from dlbench.spec import PHASES

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
CORE = ROOT / "dlbench"

LAYERS: tuple[tuple[str, str], ...] = (
    ("errors stats", ""),
    ("spec", ""),
    ("plugin", ""),
    ("registry", ""),
    ("architectures precision record", ""),
    ("plugin_kit system tasks", "analysis"),
    ("measure", "report"),
    ("workers", ""),
    ("parity session", ""),
    ("conformance pytest_plugin", ""),
    ("api", ""),
    ("cli", ""),
)
"""From the bottom up: a package imports only from rows above it.

The left column writes records and the right one reads them: neither imports the other, and they meet in the rows above.
"""
SHARED, FIRST_EDGE = 5, 10
"""Rows that both columns may use, and the first row that may know both."""

OWNERS = {
    "click": {"cli"},
    "rich": {"cli", "report.terminal"},
    "pytest": {"pytest_plugin"},
    "pynvml": {"system.nvml"},
    "threadpoolctl": {"system.witness"},
}
"""Who alone may import what: the rest of the core can then be used without it."""

FOR_PLUGINS = {"architectures", "conformance", "errors", "plugin", "plugin_kit", "precision", "spec", "tasks"}
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
LONGEST = 300
MOST_IMPORTS = 12
"""Modules of the core that one module may import."""
MANY_IMPORTS = {"api.run", "workers.worker"}
"""Modules that put the parts of a session, or of a child, together."""


class Module(NamedTuple):
    """A module of the core by its name within it (`tasks.line`), or one of a plugin package."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def _modules(folder: Path) -> list[Module]:
    return [Module(_name(path.relative_to(folder)), path.read_text()) for path in sorted(folder.rglob("*.py"))]


def _name(path: Path) -> str:
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


NAMES = {module.name for module in _modules(CORE)}


def _imported(module: Module) -> Iterator[str]:
    """Full dotted names; a name from `dlbench` itself counts as the module that it lives in."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from (_home(alias.name) for alias in node.names) if source == "dlbench" else [source]


def _home(name: str) -> str:
    return f"dlbench.{dlbench._HOMES.get(name, name)}"


class Place(NamedTuple):
    """Row and column of a package in LAYERS."""

    row: int
    column: int

    def may_import(self, other: Place) -> bool:
        sides_meet = other.row < SHARED or self.row >= FIRST_EDGE or self.column == other.column
        return other.row < self.row and sides_meet


def _place(name: str) -> Place | None:
    """Where LAYERS has the package of a module; None for one that it does not have."""
    found = (
        Place(row, column)
        for row, columns in enumerate(LAYERS)
        for column, names in enumerate(columns)
        if _package(name) in names.split()
    )
    return next(found, None)


def _package(name: str) -> str:
    return name.partition(".")[0]


def imports_point_down(module: Module) -> Iterator[str]:
    if module.name in ("", "__main__"):
        return
    own = _place(module.name)
    if own is None:
        yield "has no place in LAYERS: add it"
        return
    for target in _imported(module):
        if target.startswith("."):
            yield f"imports {target}: write it from the root"
        name = target.removeprefix("dlbench.")
        if not target.startswith("dlbench.") or name.startswith("__") or _package(module.name) == _package(name):
            continue
        place = _place(name)
        if place is None or not own.may_import(place):
            yield f"imports {name}"


def libraries_have_owners(module: Module) -> Iterator[str]:
    for target in _imported(module):
        owners = OWNERS.get(target.partition(".")[0])
        if owners is not None and module.name not in owners and module.name.partition(".")[0] not in owners:
            yield f"imports {target}"


def measure_knows_numbers_only(module: Module) -> Iterator[str]:
    if module.name in ("measure.timing", "measure.warm_up"):
        named = (target for target in _imported(module) if target != "dlbench.measure.timing")
        yield from (f"imports {target}" for target in named if target.startswith("dlbench"))


def only_the_journal_appends(module: Module) -> Iterator[str]:
    """Records are appended; so nobody else may open a file for appending, however it is spelt."""
    if module.name == "record.journal":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name) and "O_APPEND" in ast.unparse(node):
            yield "opens with O_APPEND"
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("open", "fdopen"):
            texts = [
                value.value for value in [*node.args, *(keyword.value for keyword in node.keywords)] if _text(value)
            ]
            yield from (f"opens with mode {text!r}" for text in texts if re.fullmatch(r"[bt+]*a[bt+]*", text))


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def no_framework_by_name(module: Module) -> Iterator[str]:
    """In identifiers and strings; docstrings, comments and the strings that describe attributes may give examples.

    `tf32` is a precision.
    """
    tree = module.tree
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and _text(node.value)}
    for node in ast.walk(tree):
        for word in _words(node) if id(node) not in prose else ():
            if re.search(rf"(?<![a-z])({'|'.join(FRAMEWORKS)}|tf(?!32))(?![a-z])", word, re.IGNORECASE):
                yield f"says {word!r}"


def _words(node: ast.AST) -> Iterator[str]:
    """The identifiers and strings that a node itself carries."""
    for _, value in ast.iter_fields(node):
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def phases_have_properties(module: Module) -> Iterator[str]:
    """No module compares a phase with a name, and none but the table, the tasks and the file format knows `converge`.

    A stage of samples has the same name in files: `record.schema.TRAINING`.
    """
    if _package(module.name) == "spec":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and node.value == "converge" and module.name != "record.schema":
            yield from () if _package(module.name) == "tasks" else ("names the phase 'converge'",)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            named = [side.value for side in sides if isinstance(side, ast.Constant) and side.value in PHASES]
            yield from (f"compares with the phase {name!r}" for name in named)


def modules_are_short(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > LONGEST:
        yield f"has {lines} lines, more than {LONGEST}: part it"


def modules_import_few_others(module: Module) -> Iterator[str]:
    """Counted are modules: a name that is imported from a package counts as the module of that name, if it is one."""
    found = _core_imports(module)
    if len(found) > MOST_IMPORTS and module.name not in MANY_IMPORTS:
        yield f"imports {len(found)} modules, more than {MOST_IMPORTS}: split it"


def _core_imports(module: Module) -> set[str]:
    return {name for name in map(_module_of, _names_imported(module)) if name and name != module.name}


def _names_imported(module: Module) -> Iterator[str]:
    """Full dotted names, those of `from package import name` too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_of(name: str) -> str:
    """The longest part of a dotted name that is a module of the core; empty where none is."""
    parts = name.split(".")
    if parts[0] != "dlbench":
        return ""
    ends = (".".join(parts[1:end]) for end in range(len(parts), 1, -1))
    return next((end for end in ends if end in NAMES), "")


def programs_do_not_know_the_layout(module: Module) -> Iterator[str]:
    """A child in another environment may have another layout: no text of a program imports from the core."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and re.search(r"(?m)^\s*(from|import) dlbench\b", str(node.value)):
            yield "imports dlbench in the text of a program"


def plugins_know_the_contract_only(module: Module) -> Iterator[str]:
    for target in _imported(module):
        if target.partition(".")[0] == "dlbench" and target.split(".")[1:2] not in [[name] for name in FOR_PLUGINS]:
            yield f"imports {target}"


Rule = Callable[[Module], Iterator[str]]

CORE_RULES: tuple[Rule, ...] = (
    imports_point_down,
    libraries_have_owners,
    measure_knows_numbers_only,
    only_the_journal_appends,
    no_framework_by_name,
    phases_have_properties,
    modules_are_short,
    modules_import_few_others,
    programs_do_not_know_the_layout,
)


@pytest.mark.parametrize("rule", CORE_RULES, ids=lambda rule: rule.__name__)
def test_every_module_of_the_core_keeps_the_rule(rule: Rule) -> None:
    assert [f"dlbench.{module.name} {fault}" for module in _modules(CORE) for fault in rule(module)] == []


def _plugin_packages() -> list[Path]:
    return [
        path.parent
        for path in sorted([*ROOT.glob("plugins/*/*/__init__.py"), *ROOT.glob("tests/fake_plugin/*/__init__.py")])
    ]


@pytest.mark.parametrize("package", _plugin_packages(), ids=lambda path: path.name)
def test_a_plugin_package_imports_the_contract_and_nothing_else_of_the_core(package: Path) -> None:
    modules = _modules(package)
    assert [f"{module.name} {fault}" for module in modules for fault in plugins_know_the_contract_only(module)] == []


def test_the_plugin_packages_were_found() -> None:
    assert {"dlbench_tf", "dlbench_torch", "dlbench_fake"} <= {path.name for path in _plugin_packages()}


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
    (imports_point_down, "session.plan", "from . import registry", "imports .: write it from the root"),
    (imports_point_down, "session.plan", "from dlbench.nowhere import x", "imports nowhere"),
    (imports_point_down, "helpers", "", "has no place in LAYERS: add it"),
    (libraries_have_owners, "analysis.gate", "import click", "imports click"),
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
    (modules_are_short, "worker", "pass\n" * 301, "has 301 lines, more than 300: part it"),
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
        (phases_have_properties, "session.plan", "phase: str = 'train'  # 'converge'\nif not spec.timed: pass"),
        (only_the_journal_appends, "spec", "open('a.txt'); path.open('rb'); names.append('x')"),
        (plugins_know_the_contract_only, "module", "from dlbench.errors import Unsupported\nimport dlbench_tf.x"),
        (plugins_know_the_contract_only, "module", "from dlbench import Unsupported"),
    ],
)
def test_what_is_allowed_is_not_caught(rule: Rule, name: str, text: str) -> None:
    assert list(rule(Module(name, text))) == []


def test_no_package_stands_twice_in_the_layers_which_have_twelve_rows() -> None:
    names = [name for columns in LAYERS for column in columns for name in column.split()]
    assert len(names) == len(set(names))
    assert len(LAYERS) <= 12


def test_the_house_has_few_rooms() -> None:
    names = {path.stem for path in CORE.iterdir() if not path.name.startswith(("_", ".")) and path.name != "py.typed"}
    assert len(names) <= 21, sorted(names)
