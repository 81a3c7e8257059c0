"""Blocks of an answer: sentences with links to their evidence, the matrix, and folds; in every format."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dlbench.report import markdown, notebook, terminal
from dlbench.report.document import Answer, Cell, Details, Matrix, Paragraph, Statement, Table, anchor

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


HEAD = ["Setting", "time for a sample", "samples/s", "a call", "memory", "error", "groups", "left"]
ROWS = [
    ["batch size 256, path jit, steps per call 8", "1", "412,000", "32.0 ms", "256 MiB", "1.0e-06", "15", ""],
    ["batch size 8, path eager", "12.51 (12.43-12.62)", "8,310", "961 µs", "1.25 GiB", "–", "4", "surely slower"],
]


@pytest.mark.parametrize("columns", [80, 100])
def test_a_table_breaks_no_word_while_others_have_spaces(columns):
    console = Console(file=io.StringIO(), width=columns)
    console.print(terminal.blocks([Table(HEAD, ROWS)]))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= columns
    words = {word for row in (HEAD, *ROWS) for cell in row for word in cell.split()}
    assert sorted(words - set(text.replace("│", " ").replace("┃", " ").split())) == []


def test_a_table_of_long_words_still_fits():
    console = Console(file=io.StringIO(), width=60)
    console.print(terminal.blocks([Table(["a" * 70, ""], [["b" * 90, "c"], ["", "d" * 40]])]))
    assert max(map(len, console.file.getvalue().splitlines())) <= 60
    assert console.file.getvalue().count("b") == 90


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
