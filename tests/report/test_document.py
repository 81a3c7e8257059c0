"""Blocks of an answer: sentences with links to their evidence, the matrix, and folds; in every format."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dlbench.report import markdown, notebook, terminal
from dlbench.report.document import Answer, Cell, Details, Matrix, Paragraph, Statement, anchor

pytestmark = pytest.mark.untimed

FOLDED = Details("train, cnn small", [Paragraph("inner")], "2 arms")
PAGE = [
    Answer([Statement("a is faster", "train, cnn small"), Statement("nothing else")]),
    Matrix(
        [Cell(""), Cell("a")],
        [[Cell("cnn small", evidence="train, cnn small"), Cell("0.9 (0.8–1.0)", "faster")]],
    ),
    FOLDED,
]


def on_terminal(blocks):
    console = Console(file=io.StringIO(), width=100)
    console.print(terminal.blocks(blocks))
    return console.file.getvalue()


def test_markdown_links_a_sentence_and_a_cell_to_the_fold_that_shows_them():
    text = markdown.text(PAGE)
    assert "- a is faster ([evidence](#train-cnn-small))\n- nothing else\n" in text
    assert "| [cnn small](#train-cnn-small) | 0.9 (0.8–1.0) faster |" in text
    assert '<details><summary><a id="train-cnn-small"></a><b>train, cnn small</b>: 2 arms</summary>\n\ninner' in text


def test_a_terminal_names_what_is_folded_and_shows_what_is_not():
    folded, unfolded = on_terminal(PAGE), on_terminal([FOLDED._replace(unfolded=True)])
    assert "inner" not in folded
    assert "More in the file: train, cnn small." in folded
    assert "inner" in unfolded
    assert "More in the file" not in unfolded
    assert [word for word in ("0.9", "(0.8–1.0)", "faster") if word not in folded.split()] == []


def test_html_folds_under_a_name():
    assert '<details id="train-cnn-small"><summary>train, cnn small: 2 arms</summary><p>inner</p>' in notebook.text(
        PAGE
    )
    assert "<details open>" in markdown.text([FOLDED._replace(unfolded=True)])


@pytest.mark.parametrize("title", ["", "!?", "<>"])
def test_a_title_without_letters_has_no_link(title):
    text = markdown.text([Answer([Statement("said", title)]), Details(title, [])])
    assert "- said\n" in text
    assert "<a id" not in text
    assert "](#" not in text


def test_an_anchor_cannot_end_a_link_or_an_attribute():
    assert anchor('x") onload=<y> [z](u)\n`') == "x-onloady-zu"
