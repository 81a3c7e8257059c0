"""Categories of the names in a profile: by a package's table, by patterns, and by the words of HLO.

HLO is the language of a compiler that several frameworks share.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources

from dlbench.plugin import CATEGORIES, UNATTRIBUTED, Category

TABLE = "categories.toml"
CONSTITUENTS: tuple[tuple[str, Category], ...] = (
    (r"dot|matmul|gemm|ynn", "matrix product"),
    (r"convolution|conv2d|conv", "convolution"),
    (r"gather|scatter", "embedding"),
    (r"rng|random|threefry", "random"),
    (r"reduce|reduce-window|select-and-scatter|sort|cumsum|sum|argmax", "reduction"),
    (
        r"add|subtract|multiply|divide|power|sqrt|rsqrt|exponential|log|tanh|logistic|maximum|minimum|compare|select|"
        r"negate|abs|clamp|convert|and|or|not|xor|shift|floor|sign|is|max|min|relu|exp|sine|cosine|erf|remainder",
        "elementwise",
    ),
    (
        r"copy|transpose|bitcast|broadcast|concat|concatenate|slice|dynamic|pad|reverse|iota|reshape|tuple",
        "data movement",
    ),
)
"""Words of an operation's name, by weight: a fusion is what its heaviest part is, as far as the name says."""


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


def category_of_hlo(name: str) -> Category:
    """The category of an operation or a fusion, by the words in its name."""
    if re.fullmatch(r"(while|call|conditional)([_.].*)?", name):
        return "dispatch"
    words = set(re.split(r"[_\-./\d]+", name.lower()))
    for pattern, kind in CONSTITUENTS:
        if any(re.fullmatch(pattern, word) for word in words):
            return kind
    return "fused code" if "fusion" in words else UNATTRIBUTED
