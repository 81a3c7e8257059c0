"""Options of `dlbench run` that a file gives: defaults of a project, and named suites.

A project states them in `dlbench.toml`, or under `[tool.dlbench]` in `pyproject.toml`, in the folder of the call or the
nearest one above it:

    threads = 1                     # a default of every run

    [suites.nightly]                # dlbench run --suite nightly
    plugin = ["torch.mlp", "tf.mlp"]
    path = ["eager", "jit"]

    [gate]                          # the suite `gate`: dlbench gate
    plugin = ["acme.net"]
    fail-on = ["slower:1%"]
    install = "pip install ."       # a command, or a list of them; this one unless stated

Keys are the long options of `dlbench run`. The command line goes before the suite, the suite before the defaults.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click

from dlbench.cli.options import takes_numbers
from dlbench.errors import SpecError, UnknownName

OWN_FILE, SHARED_FILE, SUITES = "dlbench.toml", "pyproject.toml", "suites"
GATE, INSTALL = "gate", "install"
"""The suite of `dlbench gate` has a table of its own, and a key for the commands that install a commit."""
DEFAULT_INSTALL = "pip install ."
NOT_IN_A_FILE = frozenset({"suite", "resume", "dry_run", "help"})
"""Options that belong to one call."""
OF_MODELS = frozenset(
    {"model", "input", "tokens", "targets", "output", "loss", "optimizer", "target", "convert", "data", "set"}
)
"""Options about models whose values are texts of the user's own."""
EXCLUSIVE = (frozenset({"quick", "rigorous", "adaptive", "processes"}), frozenset({"path", "jit"}))
"""Sets of exclusive options: one on the command line, or in a suite, replaces all others of its set."""


@dataclass(frozen=True)
class Table:
    """Options by name as a file states them; `section` is the header that they stand under, empty for the top."""

    file: str
    text: str
    section: str
    options: Mapping[str, Any]

    def place(self, key: str) -> str:
        """File and line of a key, for messages."""
        lines = self.text.splitlines()
        header = [at for at, line in enumerate(lines, 1) if line.strip() == f"[{self.section}]"]
        after = header[0] if self.section and header else 0
        match = (
            at for at, line in enumerate(lines, 1) if at > after and re.match(rf'\s*"?{re.escape(key)}"?\s*=', line)
        )
        return f"{self.file}:{next(match, after or 1)}"


@dataclass(frozen=True)
class Stated:
    """A key of a file that a call takes its option from: the place for messages, and the values as text."""

    place: str
    key: str
    values: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The values for messages."""
        return ", ".join(map(repr, self.values))

    @property
    def flag(self) -> str:
        """The option of the command line that the key stands for."""
        return f"--{self.key.replace('_', '-')}"

    def mentioned(self, message: str) -> int:
        """Rank of a message's mention of this key: of its flag the highest, early ones before late ones.

        Of one of its values, or the name in one, the lower the earlier, because a message names its subject before the
        fault; -1 without any. Values of other options are words that any message may hold.
        """
        if match := re.search(rf"{self.flag}\b", message):
            return 2 * len(message) - match.start()
        if self.key not in OF_MODELS:
            return -1
        names = [f"'{part}'" for value in self.values for part in (value.partition("=")[0], value.rpartition(":")[2])]
        return max(message.rfind(text) for text in (*self.values, *names) if len(text) > 1)


class Configured(NamedTuple):
    """The options of a call, and those keys of files that some were taken from."""

    options: dict[str, Any]
    stated: tuple[Stated, ...] = ()

    @contextmanager
    def naming_keys(self) -> Iterator[None]:
        """Have errors about values in a file name its file, line and key, rather than a flag that nobody gave."""
        try:
            yield
        except (SpecError, UnknownName) as error:
            message = str(error)
            chosen = max(self.stated, key=lambda one: one.mentioned(message), default=None)
            if chosen is None or chosen.mentioned(message) < 0:
                raise
            for one in self.stated:
                message = re.sub(rf"{one.flag}\b", one.key, message)
            raise SpecError(f"{chosen.place}: {message}") from error


def configured(context: click.Context, options: Mapping[str, Any]) -> Configured:
    """The options of a call, filled up from its suite and from the project's defaults.

    Raises SpecError naming file, line, key and the allowed values, and UnknownName for a suite that does not exist.
    """
    filled = dict(options)
    suite = filled.pop("suite")
    if filled["resume"] is not None:
        if suite:
            raise SpecError(f"--resume continues the saved plan; leave --suite {suite} out")
        return Configured(filled)
    given = {name for name in filled if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT}
    defaults = project()
    stated: list[Stated] = []
    for table in (_suite(suite, defaults), _without_suites(defaults)):
        read = dict(_values(table, context)) if table else {}
        taken = {name: value for name, value in read.items() if not given & _rivals(name)}
        filled |= taken
        given |= taken.keys()
        stated += [one for one in _stated(table) if one.key.replace("-", "_") in taken] if table else []
    return Configured(filled, tuple(stated))


def project(folder: Path | None = None) -> Table | None:
    """Settings of this folder's project; None if it has none. Raises SpecError for a broken file."""
    start = folder or Path.cwd()
    for above in (start, *start.parents):
        if (table := _read(above / OWN_FILE, "")) or (table := _read(above / SHARED_FILE, "tool.dlbench")):
            return table
    return None


def suites() -> dict[str, str]:
    """Every suite that can be named here, the project's first, with its description."""
    stated = project()
    own = _tables(stated) if stated else {}
    return {name: str(table.options.get("description", "")) for name, table in {**_shipped(), **own}.items()}


def install() -> tuple[str, ...]:
    """The commands that install a commit under the gate of this project. Raises SpecError or UnknownName."""
    table = _suite(GATE, project())
    stated = table.options.get(INSTALL, DEFAULT_INSTALL) if table is not None else ()
    several = tuple(stated) if isinstance(stated, list) else (stated,)
    if table is not None and not all(isinstance(one, str) and one.strip() for one in several):
        raise SpecError(f"{table.place(INSTALL)}: {INSTALL} must be a command, such as {DEFAULT_INSTALL!r}, or several")
    return several


def file_of_gate() -> str:
    """The file that states the gate of this project; empty without one. Raises SpecError or UnknownName."""
    table = _suite(GATE, project())
    return table.file if table is not None else ""


def _suite(name: str, defaults: Table | None) -> Table | None:
    if not name:
        return None
    known = {**_shipped(), **(_tables(defaults) if defaults else {})}
    if name not in known and name == GATE:
        raise SpecError(
            f"no gate is stated here; add a table [tool.dlbench.{GATE}] to {SHARED_FILE}, or [{GATE}] to {OWN_FILE}"
        )
    if name not in known:
        raise UnknownName("suite", name, known, f"state it under [{SUITES}.{name}] in {OWN_FILE}")
    return known[name]


def _shipped() -> dict[str, Table]:
    files = sorted(Path(__file__).with_name(SUITES).glob("*.toml"))
    return {file.stem: Table(file.name, text := file.read_text("utf-8"), "", tomllib.loads(text)) for file in files}


def _tables(stated: Table) -> dict[str, Table]:
    found = stated.options.get(SUITES, {})
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        raise SpecError(f"{stated.place(SUITES)}: {SUITES} must hold tables, such as [{SUITES}.nightly]")
    of_gate = stated.options.get(GATE, {})
    if not isinstance(of_gate, dict):
        raise SpecError(f"{stated.place(GATE)}: {GATE} must be a table, [{f'{stated.section}.{GATE}'.strip('.')}]")
    names = {name: f"{SUITES}.{name}" for name in found} | ({GATE: GATE} if of_gate else {})
    return {
        name: Table(stated.file, stated.text, f"{stated.section}.{section}".strip("."), {**found, GATE: of_gate}[name])
        for name, section in names.items()
    }


def _without_suites(stated: Table | None) -> Table | None:
    if stated is None:
        return None
    options = {name: value for name, value in stated.options.items() if name not in (SUITES, GATE)}
    return Table(stated.file, stated.text, stated.section, options)


def _read(path: Path, section: str) -> Table | None:
    try:
        text = path.read_text("utf-8")
        options = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{os.path.relpath(path)}: not a TOML file that can be read ({error}); mend it") from error
    for part in filter(None, section.split(".")):
        options = options.get(part, {})
        if not isinstance(options, dict):
            raise SpecError(f"{os.path.relpath(path)}: {section} must be a table")
    return Table(os.path.relpath(path), text, section, options) if options or not section else None


def _stated(table: Table) -> Iterator[Stated]:
    for key, value in table.options.items():
        several = value if isinstance(value, list) else [value]
        yield Stated(table.place(key), key, tuple(map(str, several)))


def _values(table: Table, context: click.Context) -> Iterator[tuple[str, Any]]:
    """The parameters that a table gives, by name, as the command line would have read them."""
    known = {param.name: param for param in context.command.params if param.name not in NOT_IN_A_FILE}
    for key, value in table.options.items():
        name = key.replace("-", "_")
        if name in ("description", INSTALL):
            continue
        if name not in known:
            flags = sorted(f"{one}".replace("_", "-") for one in known)
            raise SpecError(f"{table.place(key)}: {UnknownName('option', key, flags)}")
        try:
            yield name, known[name].process_value(context, _as_typed(known[name], value))
        except click.BadParameter as error:
            raise SpecError(f"{table.place(key)}: {key} is {value!r}: {error.message}") from error


def _as_typed(option: click.Parameter, value: Any) -> Any:
    """A value of TOML as the command line gives it: text, or a list of it; flags are true or false."""
    if getattr(option, "is_flag", False):
        if not isinstance(value, bool):
            raise click.BadParameter("it must be true or false")
        return value
    several = value if isinstance(value, list) else [value]
    kinds, wanted = ((str, int, float), "text or a number") if takes_numbers(option.type) else ((str,), "text")
    if any(isinstance(one, bool) or not isinstance(one, kinds) for one in several):
        raise click.BadParameter(f"it must be {wanted}" + (", or a list of them" if option.multiple else ""))
    if not option.multiple and isinstance(value, list):
        raise click.BadParameter("it takes one value")
    if not several or (isinstance(option.type, click.Path) and "" in several):
        raise click.BadParameter("it holds no value; give one, or leave the key out")
    return [str(one) for one in several] if option.multiple else str(value)


def _rivals(name: str) -> frozenset[str]:
    """The options that this one goes with: itself, and its exclusive set."""
    return next((rivals for rivals in EXCLUSIVE if name in rivals), frozenset({name}))
