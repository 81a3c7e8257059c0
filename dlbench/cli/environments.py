"""`dlbench env`: the environments of the cache, and their end."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from dlbench.errors import SpecError
from dlbench.record import encoding
from dlbench.report import terminal
from dlbench.report.document import Paragraph, Table
from dlbench.workers.environments.cache import LIMIT, Cache, Environment, folder


def show(*, as_json: bool) -> None:
    """Print all environments, the last used first."""
    found = Cache().all()
    if as_json:
        print(encoding.page({"folder": str(folder()), "environments": list(map(_facts, found))}), end="")  # noqa: T201
        return
    rows = [[one.key, _words(one), f"{one.size / 1e6:.0f} MB", _day(one)] for one in found]
    size = sum(one.size for one in found)
    said = Paragraph(f"{folder()}: {len(found)} environments, {size / 1e6:.0f} MB of at most {LIMIT / 1e9:.0f} GB.")
    table = [Table(["Environment", "requirements", "size", "last used"], rows)] if rows else []
    terminal.console().print(terminal.blocks([*table, said]))


def remove(names: Sequence[str], *, everything: bool) -> None:
    """Remove environments by name, or all. Raises SpecError."""
    with Cache() as cache:
        if not names and not everything:
            raise SpecError("name the environments to remove, or give --all; dlbench env list shows their names")
        for name in [one.key for one in cache.all()] if everything else names:
            try:
                cache.remove(name)
            except SpecError as error:
                if not everything:
                    raise
                print(f"left: {error}")  # noqa: T201 (the answer to the command)
                continue
            print(f"removed {name}")  # noqa: T201 (the answer to the command)


def _facts(one: Environment) -> dict[str, object]:
    facts = {"name": one.key, "words": list(one.words), "installed": one.installed, "bytes": one.size}
    return {**facts, "unfinished": one.made is None}


def _words(one: Environment) -> str:
    """Requirements; those of an unfinished one are not known, and another dlbench may be making it."""
    return " ".join(one.words) if one.made is not None else "unfinished"


def _day(one: Environment) -> str:
    return datetime.datetime.fromtimestamp(one.used).astimezone().strftime("%Y-%m-%d %H:%M")
