"""A comment for a pull request, in GitHub's Markdown: the gate first, then the answer; all else is folded.

At most 20 lines of 120 columns are outside of folds. The first line is a hidden marker, by which a program finds its
earlier comment. What a plugin says mentions nobody and links to nothing. Annotations follow GitHub's "Workflow
commands for GitHub Actions".
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from dlbench.analysis.gate import Outcome
from dlbench.analysis.judge import Judgement
from dlbench.report import comparison, gating, markdown, opening
from dlbench.report.document import Block, Code, Details, Matrix, Paragraph, Statement
from dlbench.report.model import Report

MARKER = "<!-- dlbench gate -->"
LINES, COLUMNS = 20, 120
LONGEST = 60_000
"""Characters of a comment; the service takes 65,536."""
MOST_OUTCOMES = 5
LONGEST_WORD = 40
LEVELS = {"regression": "error", "underpowered": "warning", "inconclusive": "warning"}
"""Kinds of annotations, by the result of a condition; the passed ones share a notice."""
_MENTION = re.compile(r"@(?=\w)|(?<!&)#(?=\d)|\bGH-(?=\d)", re.IGNORECASE)


def render(report: Report, title: str = "", notes: Sequence[str] = ()) -> str:
    """The comment on a report, with a title other than that of its gate, and lines after the answer."""
    outcomes, refused = (report.gate.outcomes, report.gate.refused) if report.gate is not None else ((), "")
    first = title or gating.title(outcomes, refused) or report.title
    lead = [block.text for block in (*opening.about(report), *opening.first(report)) if isinstance(block, Paragraph)]
    folded = [
        *gating.details(outcomes),
        _folded("Verdicts", opening.verdicts(report)),
        _folded("Before you believe it", opening.warnings(report)),
        Details("Measure it again", [Code(report.command)]),
    ]
    lines = [*lead, *_texts(report.answer), *notes]
    return _comment(first, gating.undecided(outcomes, refused), lines, folded)


def of_judgement(found: Judgement, title: str = "", notes: Sequence[str] = ()) -> str:
    """The comment on a comparison of two reports, or on a gate alone."""
    first = title or gating.title(found.outcomes, found.refused) or f"{found.candidate} against {found.baseline}"
    folded = [
        *gating.details(found.outcomes),
        _folded("Candidate over baseline", comparison.tables(found)),
        _folded("Before you believe it", comparison.warnings(found)),
    ]
    lines = [*_texts(comparison.answer(found)), *notes]
    return _comment(first, gating.undecided(found.outcomes, found.refused), lines, folded)


def workflow_commands(outcomes: Sequence[Outcome], refused: str = "") -> Iterator[str]:
    """A workflow command for each outcome that did not pass, and one for all that did."""
    if refused:
        yield _command("error", "gate refused", refused)
    for one in sorted(outcomes, key=lambda one: LEVELS.get(one.result, "notice")):
        if one.result in LEVELS:
            yield _command(LEVELS[one.result], f"{one.condition}: {one.result}", gating.line(one))
    if passed := sum(one.result == "passed" for one in outcomes):
        yield _command("notice", "gate", f"{passed} of {len(outcomes)} passed")


def _comment(title: str, outcomes: Sequence[str], lines: Sequence[str], folded: Sequence[Details]) -> str:
    folds, left_out = _fitting([one for one in folded if one.blocks])
    more = outcomes[MOST_OUTCOMES:]
    shown = [_short(f"- {_escaped(line)}") for line in outcomes[:MOST_OUTCOMES]]
    shown += [f"- and {len(more)} more, folded below"] if more else []
    space = LINES - len(shown) - len(folds) - (5 if shown else 4)  # marker, title, and empty lines between the parts
    parts = [*([shown] if shown else []), list(_wrapped([*lines, *left_out], space))]
    head = "\n".join([MARKER, _short(f"## {_escaped(title)}")])
    return "\n\n".join([head, *("\n".join(part) for part in parts if part), "\n".join(folds)]) + "\n"


def _folded(title: str, blocks: Iterable[Block]) -> Details:
    """Blocks under a fold, without a heading of the same words."""
    return Details(title, [_unlinked(block) for block in blocks if getattr(block, "text", None) != title])


def _unlinked(block: Block) -> Block:
    """A matrix without ways to evidence that a comment does not hold."""
    if not isinstance(block, Matrix):
        return block
    head, *rows = ([cell._replace(evidence="") for cell in row] for row in (block.head, *block.rows))
    return Matrix(head, rows)


def _fitting(folded: Sequence[Details]) -> tuple[list[str], list[str]]:
    """The folds that the service takes together, and a line on those that it does not."""
    texts, left_out, space = [], [], LONGEST
    for one in folded:
        text = _quiet(markdown.text([one])).rstrip("\n")
        if len(text) <= space:
            texts.append(text)
            space -= len(text)
        else:
            left_out.append(one.title)
    return texts, [f"Too long for a comment: {', '.join(left_out)}; the report has them."] if left_out else []


def _texts(answer: Iterable[Statement]) -> list[str]:
    return [one.text for one in answer]


def _wrapped(lines: Sequence[str], space: int) -> Iterator[str]:
    """Lines as bullets of so many columns, as far as there is space; the last says how many are not shown."""
    wrapped = list(map(_bullet, lines))
    while sum(map(len, wrapped)) > space - (len(wrapped) < len(lines)):
        wrapped.pop()
    yield from (line for of_one in wrapped for line in of_one)
    if missing := len(lines) - len(wrapped):
        yield f"- and {missing} more {'sentence' if missing == 1 else 'sentences'} in the report"


def _bullet(text: str) -> list[str]:
    found = textwrap.wrap(_escaped(text), COLUMNS - 4, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{'  ' if at else '- '}{markdown.begun(line) if at else line}" for at, line in enumerate(found)]


def _short(line: str) -> str:
    """The line in so many columns, with a sign that it was cut; the whole one is folded."""
    if len(line) <= COLUMNS:
        return line
    words, kept = line.split(" "), ""
    for word in words:
        if len(kept) + len(word) + 3 > COLUMNS:
            break
        kept = f"{kept} {word}" if kept else word
    return f"{kept} …"


def _escaped(text: str) -> str:
    """Text without markup and mentions, whose words are short enough for a line."""
    words = " ".join(markdown.plain(text).split()).split(" ")
    return _quiet(markdown.escaped(" ".join(_cut(word) if len(word) > LONGEST_WORD else word for word in words)))


def _cut(word: str) -> str:
    """The beginning of a word that would not fit into a line with its escapes."""
    kept = word
    while len(_quiet(markdown.escaped(kept))) > COLUMNS - 8:
        kept = kept[: -max(1, len(kept) // 8)]
    return kept if kept == word else f"{kept}…"


def _quiet(text: str) -> str:
    """The same without mentions and references to issues: an empty comment stands within each, except in code."""
    parts = re.split(r"(^(?P<fence>`{3,})text\n.*?^(?P=fence)$)", text, flags=re.MULTILINE | re.DOTALL)
    quiet = (part if at % 3 else _MENTION.sub(rf"\g<0>{markdown.APART}", part) for at, part in enumerate(parts))
    return "".join(part for at, part in enumerate(quiet) if at % 3 != 2)


def _command(level: str, title: str, text: str) -> str:
    return f"::{level} title={_property(f'dlbench {title}')}::{_data(text)}"


def _data(text: str) -> str:
    line = " ".join(markdown.plain(text).split())
    return line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
