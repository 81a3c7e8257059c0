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

ROOT = Path(__file__).parents[1]
CORE = ROOT / "dlbench"

LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("contract", ("encoding", "errors", "installed", "interrupts", "ranges", "redaction", "stats")),
    ("contract", ("streams",)),
    ("contract", ("exits",)),
    ("contract", ("arithmetic", "power", "spec", "words")),
    ("contract", ("verdicts",)),
    ("contract", ("looks",)),
    ("contract", ("naming", "plugin")),
    ("contract", ("architectures", "proof", "record")),
    ("contract", ("decoding", "leaks")),
    ("writing", ("reported", "supervisor", "variables")),
    (
        "writing",
        (
            "container",
            "course",
            "cpus",
            "driver",
            "family",
            "instructions",
            "journal",
            "measure",
            "memory",
            "orders",
            "patience",
            "registry",
            "tasks",
        ),
    ),
    ("writing", ("confine", "threads")),
    ("writing", ("environment", "gpu", "load", "lockstep", "peak", "prepare", "process", "rounding", "sources")),
    ("writing", ("interpreters", "isolate", "noise")),
    ("writing", ("parity", "plan", "probe", "sharing", "subject", "witness")),
    ("writing", ("conformance", "pace", "remaining")),
    ("writing", ("arm", "forking", "worker")),
    ("writing", ("discard", "start", "warm")),
    ("writing", ("schedule",)),
    ("reading", ("provenance",)),
    ("reading", ("pooling",)),
    ("reading", ("metrics",)),
    ("reading", ("contradictions",)),
    ("reading", ("compare",)),
    ("reading", ("matching", "nulls", "steadiness")),
    ("reading", ("gate", "stopping")),
    ("reading", ("report",)),
    ("edge", ("configuration", "question")),
    ("edge", ("objections",)),
    ("edge", ("judging",)),
    ("edge", ("doctor", "effort", "fetching", "heartbeat", "listing", "outline", "progress", "pytest_plugin")),
    ("edge", ("asking", "confirming", "examination")),
    ("edge", ("commands",)),
    ("edge", ("cli",)),
    ("edge", ("__main__",)),
)
"""From the bottom up: a module imports lower layers only; writing and reading import nothing of each other."""

OWNERS = {
    "click": {"cli", "configuration", "examination"},
    "rich": {"judging", "commands", "confirming", "doctor", "progress", "report.terminal"},
    "pytest": {"pytest_plugin"},
    "pynvml": {"driver"},
    "threadpoolctl": {"witness"},
}
"""Who alone may import what: the rest of the core can then be used without it."""

FOR_PLUGINS = {"architectures", "arithmetic", "conformance", "errors", "plugin", "spec"}
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
LONGEST = 300


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


def _layer(name: str) -> tuple[int, str] | None:
    """Height and column of a module of the core; None for one that the table does not have."""
    top = name.partition(".")[0]
    return next(((height, column) for height, (column, names) in enumerate(LAYERS) if top in names), None)


def imports_point_down(module: Module) -> Iterator[str]:
    own = _layer(module.name)
    if module.name == "":
        return
    if own is None:
        yield "has no place in LAYERS: add it"
        return
    for target in _imported(module):
        if target.startswith("."):
            yield f"imports {target}: write it from the root"
        name = target.removeprefix("dlbench.")
        if not target.startswith("dlbench.") or name.startswith("__") or _same_package(module.name, name):
            continue
        layer = _layer(name)
        if layer is None or layer[0] >= own[0] or (layer[1] not in ("contract", own[1]) and own[1] != "edge"):
            yield f"imports {name}"


def _same_package(one: str, other: str) -> bool:
    return one.partition(".")[0] == other.partition(".")[0]


def libraries_have_owners(module: Module) -> Iterator[str]:
    for target in _imported(module):
        owners = OWNERS.get(target.partition(".")[0])
        if owners is not None and module.name not in owners and module.name.partition(".")[0] not in owners:
            yield f"imports {target}"


def measure_knows_numbers_only(module: Module) -> Iterator[str]:
    if module.name == "measure":
        yield from (f"imports {target}" for target in _imported(module) if target.startswith("dlbench"))


def only_the_journal_appends(module: Module) -> Iterator[str]:
    """Records are appended; so nobody else may open a file for appending, however it is spelt."""
    if module.name == "journal":
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


def modules_are_short(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > LONGEST:
        yield f"has {lines} lines, more than {LONGEST}: part it"


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
    modules_are_short,
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
    (imports_point_down, "measure", "from dlbench import memory", "imports memory"),
    (imports_point_down, "metrics", "def late():\n    from dlbench.registry import load", "imports registry"),
    (imports_point_down, "report.json", "import dlbench.schedule", "imports schedule"),
    (imports_point_down, "schedule", "from dlbench.metrics import METRICS", "imports metrics"),
    (imports_point_down, "worker", "from typing import *\nif TYPE_CHECKING:\n    import dlbench.cli", "imports cli"),
    (imports_point_down, "plan", "from . import registry", "imports .: write it from the root"),
    (imports_point_down, "plan", "from dlbench.nowhere import x", "imports nowhere"),
    (imports_point_down, "helpers", "", "has no place in LAYERS: add it"),
    (libraries_have_owners, "listing", "import click", "imports click"),
    (libraries_have_owners, "report.json", "from rich.table import Table", "imports rich.table"),
    (measure_knows_numbers_only, "measure", "from dlbench.spec import Policy", "imports dlbench.spec"),
    (only_the_journal_appends, "schedule", "open(path, 'a')", "opens with mode 'a'"),
    (only_the_journal_appends, "schedule", "path.open(mode='ab')", "opens with mode 'ab'"),
    (only_the_journal_appends, "schedule", "os.open(path, os.O_WRONLY | os.O_APPEND)", "opens with O_APPEND"),
    (no_framework_by_name, "worker", "if framework == 'tensorflow': pass", "says 'tensorflow'"),
    (no_framework_by_name, "worker", "use_torch = True", "says 'use_torch'"),
    (no_framework_by_name, "worker", "if kind == 'tf': pass", "says 'tf'"),
    (no_framework_by_name, "worker", "import jax", "says 'jax'"),
    (no_framework_by_name, "worker", "names = {'TF_CPP_MIN_LOG_LEVEL'}", "says 'TF_CPP_MIN_LOG_LEVEL'"),
    (no_framework_by_name, "worker", "f'no {x} for Keras'", "says ' for Keras'"),
    (modules_are_short, "worker", "pass\n" * 301, "has 301 lines, more than 300: part it"),
    (plugins_know_the_contract_only, "module", "from dlbench.record import Run", "imports dlbench.record"),
    (plugins_know_the_contract_only, "module", "from dlbench import Run", "imports dlbench.record"),
    (plugins_know_the_contract_only, "module", "import dlbench", "imports dlbench"),
]


@pytest.mark.parametrize(("rule", "name", "text", "fault"), PLANTED, ids=lambda value: str(value)[:24])
def test_a_planted_violation_is_caught(rule: Rule, name: str, text: str, fault: str) -> None:
    assert fault in list(rule(Module(name, text)))


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (imports_point_down, "cli", "from dlbench import __version__, commands"),
        (imports_point_down, "tasks.line", "from dlbench.tasks.goal import Goal"),
        (imports_point_down, "progress", "from dlbench import metrics, schedule"),
        (no_framework_by_name, "spec", "'''Such as torch.'''\nX = 1\n'''Torch's.'''\n# torch"),
        (no_framework_by_name, "spec", "ajax = platform = 'outfit'"),
        (only_the_journal_appends, "spec", "open('a.txt'); path.open('rb'); names.append('x')"),
        (plugins_know_the_contract_only, "module", "from dlbench.errors import Unsupported\nimport dlbench_tf.x"),
        (plugins_know_the_contract_only, "module", "from dlbench import Unsupported"),
    ],
)
def test_what_is_allowed_is_not_caught(rule: Rule, name: str, text: str) -> None:
    assert list(rule(Module(name, text))) == []


def test_no_module_stands_twice_in_the_layers() -> None:
    names = [name for _, layer in LAYERS for name in layer]
    assert len(names) == len(set(names))
