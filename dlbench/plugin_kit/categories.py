"""Categories of the names in a profile: by a package's table of names, and by patterns for all that is numbered."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources

from dlbench.plugin import CATEGORIES, UNATTRIBUTED, Category

TABLE = "categories.toml"


def category_table(package: str) -> dict[str, Category]:
    """Categories by name, from the file `categories.toml` in a package: a line a category, names with spaces between.

        "matrix product" = "MatMul Gemm Einsum"

    Raises ValueError for a word that is no category, and for a name that has two.
    """
    found: dict[str, Category] = {}
    table = tomllib.loads(resources.files(package).joinpath(TABLE).read_text("utf-8"))
    if wrong := table.keys() - set(CATEGORIES):
        raise ValueError(f"{TABLE} of {package}: {min(wrong)} is no category; choose of {', '.join(CATEGORIES)}")
    for kind in (one for one in CATEGORIES if one in table):
        for name in table[kind].split():
            if found.setdefault(name, kind) != kind:
                raise ValueError(f"{TABLE} of {package}: {name} is {found[name]} and {kind}; leave it in one of them")
    return found


def category_by_pattern(patterns: Iterable[tuple[str, Category]], name: str) -> Category:
    """The category beside the first pattern that fits a whole name; `unattributed` if none does."""
    return next((kind for pattern, kind in patterns if re.fullmatch(pattern, name)), UNATTRIBUTED)
