"""One bisection: search or strip, and the answer in its folder."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dlbench.api import render
from dlbench.api.bisection import answer, state
from dlbench.api.bisection.errors import Errors
from dlbench.api.bisection.members import Members
from dlbench.api.bisection.request import ERROR, Request
from dlbench.api.bisection.trials import Trials
from dlbench.errors import redaction
from dlbench.record import encoding
from dlbench.report import bisection as page
from dlbench.session.listener import Listener
from dlbench.stats.bisection.answer import Bisection, Line

ANSWER_FILE, PAGE_FILE, PICTURE_FILE = "bisection.json", "bisection.md", "bisection.html"


def bisect(asked: Request, listener: Listener, tell: Callable[[Line], object]) -> Bisection:
    """Search, write the answer to its folder, and return it; `tell` gets each line of the transcript.

    Raises DlbenchError, and KeyboardInterrupt, after which the folder can be resumed.
    """
    kept = state.opened(asked)
    names, titles = [one.name for one in asked.found.candidates], [one.title for one in asked.found.candidates]
    keep = lambda: state.write(asked.folder, kept)  # noqa: E731
    members = Members(asked.found, asked.run, asked.cache, listener, kept.skipped, keep)
    trials = (
        Errors(members, asked.folder, asked.seconds)
        if asked.metric == ERROR
        else Trials(members, asked.metric, asked.folder, asked.seconds)
    )
    told = answer.Transcript(names, titles, trials, tell)
    found = (answer.whole if asked.whole else answer.searched)(asked, trials, told)
    found = redaction.record(msgspec.structs.replace(found, lines=tuple(told.lines)))
    content = {ANSWER_FILE: encoding.page(found), PAGE_FILE: page.text(found), PICTURE_FILE: page.html(found)}
    render.put(asked.folder, content)
    return found
