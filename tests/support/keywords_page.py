"""The page of keyword arguments of `dlbench.run` and its neighbours, from the functions and the command line.

    python tests/support/keywords_page.py > docs/keywords.md

renews it; a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dlbench.api import keywords
from dlbench.api.keywords import OPTIONS, Option
from dlbench.cli.main import cli

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "run": tuple(keywords.RunKeywords.__annotations__),
    "explain": tuple(keywords.ExplainKeywords.__annotations__),
    "compare": tuple(keywords.GateKeywords.__annotations__),
    "check_parity": tuple(keywords.ParityKeywords.__annotations__),
    "check": ("path", *keywords.SourceKeywords.__annotations__),
}
"""Public functions, and the options that each takes as keywords."""
OTHER_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "path": {"check": "all that the plugin supports"},
    "phase": {"explain": "train"},
}
"""Defaults of keywords in functions that differ from `run` in them."""
KINDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "True or False",
    Path: "path, or `Results`",
    object: "reference, class or function",
}
OPENING = """# Keyword arguments

The functions of `dlbench` take the long options of the commands as keywords. This table is made from the program. A
keyword whose value says "or several" takes one value, or a list of them. What else a function takes (`progress`,
`seeds` and others) is in its [signature](python.md). Times are in seconds, and sizes of memory in bytes unless a letter
says more.

| keyword | value | of | meaning |
|---|---|---|---|"""


def page() -> str:
    """One row a keyword, in the order of `dlbench.run`."""
    return "\n".join([OPENING, *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    helps = {one.name: str(getattr(one, "help", "")) for one in cli.commands["run"].params}
    for name, option in OPTIONS.items():
        takers = ", ".join(f"`{function}`" for function, names in FUNCTIONS.items() if name in names)
        meaning = helps[name].partition("  [")[0].replace("|", "\\|").replace("*", "\\*")
        yield f"| `{name}` | {_value(option)} | {takers} | {meaning}{_default(option, helps[name])}{_elsewhere(name)} |"


def _value(option: Option) -> str:
    words = ", ".join(f"`{choice}`" for choice in option.choices) or KINDS[option.kind]
    return words + ", or several" * option.several


def _default(option: Option, text: str) -> str:
    found = "True" if option.default is True else text.partition("[default: ")[2].partition("]")[0]
    return f" {found} unless given." if found else ""


def _elsewhere(name: str) -> str:
    """The defaults of other functions than `run`, such as ` In `explain` train unless given.`"""
    return "".join(f" In `{of}` {said} unless given." for of, said in OTHER_DEFAULTS.get(name, {}).items())


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 (the answer to the command)
