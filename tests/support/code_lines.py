"""Count of the lines of code of a package: neither blank lines, comments nor docstrings, those of attributes included.

python tests/support/code_lines.py plugins/dlbench-jax
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(text: str) -> int:
    """Lines of a module that hold code."""
    prose = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {line for one in tokens if one.type not in _NO_CODE for line in range(one.start[0], one.end[0] + 1)}
    return len(code - prose)


def code_lines_of(package: Path) -> int:
    """Lines of code of all modules of a package; its tests stand beside it."""
    return sum(code_lines(path.read_text()) for path in package.rglob("*.py"))


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        for found in sorted(Path(folder).glob("dlbench_*/__init__.py")):
            print(code_lines_of(found.parent), found.parent)  # noqa: T201 (the answer to the command)
