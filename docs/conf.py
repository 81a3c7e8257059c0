"""Settings of the documentation site: `make docs` builds it, with warnings as errors."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

from dlbench import __version__

HOME = "https://github.com/dlbench/dlbench/blob/main/"

project = "dlbench"
author = "the authors of dlbench"
project_copyright = "the authors of dlbench"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_baseurl = "https://dlbench.github.io/dlbench/"
html_title = f"dlbench {release}"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
language = "en"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": False}
add_module_names = False
nitpicky = False
suppress_warnings = ["ref.python"]  # a name that two doors offer has two entries


def _outside(app: Sphinx, docname: str, source: list[str]) -> None:
    """Links to files of the repository outside these pages lead to the repository."""
    source[0] = re.sub(r"\]\((?:\.\./)+([^)\s]+)\)", rf"]({HOME}\1)", source[0])


def _as_text(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are plain text with code between backticks, and code in indented blocks."""
    text = re.sub(r"(?<!`)`([^`\n]+)`(?!`)", r"``\1``", "\n".join(lines))
    text = re.sub(r"(?m)^(\S.*)\n\n((?:    .*\n?)+)", r"\1\n\n::\n\n\2", text)
    lines[:] = text.splitlines()


def setup(app: Sphinx) -> None:
    """Connect both."""
    app.connect("source-read", _outside)
    app.connect("autodoc-process-docstring", _as_text)
