"""Categories of operations in HLO, the language of a compiler that several frameworks share."""

from __future__ import annotations

import re

from dlbench.plugin import UNATTRIBUTED, Category

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


def category_of_hlo(name: str) -> Category:
    """The category of an operation or a fusion, by the words in its name."""
    if re.fullmatch(r"(while|call|conditional)([_.].*)?", name):
        return "dispatch"
    words = set(re.split(r"[_\-./\d]+", name.lower()))
    for pattern, kind in CONSTITUENTS:
        if any(re.fullmatch(pattern, word) for word in words):
            return kind
    return "fused code" if "fusion" in words else UNATTRIBUTED
