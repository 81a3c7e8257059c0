"""The rules of the house: each is a function from a module to the faults that it finds there.

Imports count wherever they stand: at the top of a module, within a function, or for the type checker alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import dlbench
from dlbench.spec import PHASES

ROOT = Path(__file__).parents[2]
CORE = ROOT / "dlbench"

LAYERS: tuple[tuple[str, str, str], ...] = (
    ("", "errors stats", ""),
    ("", "spec", ""),
    ("", "plugin", ""),
    ("", "precision record registry", ""),
    ("plugin_kit system tasks", "architectures", ""),
    ("measure", "", "analysis"),
    ("workers", "", "report"),
    ("parity session", "", ""),
    ("conformance pytest_plugin", "", ""),
    ("", "api", ""),
    ("", "cli", ""),
)
"""From the bottom up: a package imports only from rows above it.

The left column writes records and the right one reads them: neither imports the other. They meet in the middle.
"""
MIDDLE, FIRST_EDGE = 1, 9
"""The column that both sides may import, and the first row that may know both sides."""

OWNERS = {
    "click": {"cli"},
    "rich": {"cli", "report.terminal"},
    "pytest": {"pytest_plugin"},
    "pynvml": {"system.nvml"},
    "threadpoolctl": {"system.witness"},
    "ray": {"session.cluster.on_ray"},
}
"""Libraries and their only importers: the rest of the core can then be used without them."""

FOR_PLUGINS = {"architectures", "conformance", "errors", "plugin", "plugin_kit", "precision", "spec", "tasks"}
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
QUESTION = re.compile(r"\s*(What|How|Whether|Which|Why|When|Where|Who)\b")
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


def modules_of(folder: Path) -> list[Module]:
    return [Module(_name(path.relative_to(folder)), path.read_text()) for path in sorted(folder.rglob("*.py"))]


def _name(path: Path) -> str:
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


NAMES = {module.name for module in modules_of(CORE)}


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
        return other.row < self.row and (other.column in (self.column, MIDDLE) or self.row >= FIRST_EDGE)


def _place(name: str) -> Place | None:
    """Place of the package of a module in LAYERS; None for one that it does not have."""
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
    """Full dotted names, also from `from package import name`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_of(name: str) -> str:
    """The longest part of a dotted name that is a module of the core; empty if none is."""
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


def helpers_stand_in_support(module: Module) -> Iterator[str]:
    """Helpers of several tests stand in `tests/support`."""
    names = (target.rpartition(".")[2] for target in _imported(module))
    yield from (f"imports {name}" for name in names if name.startswith("test_"))


def docstrings_open_with_a_noun_or_a_verb(module: Module) -> Iterator[str]:
    """First lines of docstrings then read as a table of contents; attributes' docstrings count too."""
    for node in ast.walk(module.tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            opening = QUESTION.match(str(value.value)) if isinstance(value, ast.Constant) else None
            if opening:
                yield f"line {statement.lineno}: a docstring opens with {opening[1]!r}"


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


def plugin_packages() -> list[Path]:
    return [
        path.parent
        for path in sorted([*ROOT.glob("plugins/*/*/__init__.py"), *ROOT.glob("tests/fake_plugin/*/__init__.py")])
    ]
